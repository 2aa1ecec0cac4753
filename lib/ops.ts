/**
 * Operations that tfjs lacks and TensorFlow, or the lab's own addition to it, has.
 *
 * @module
 */
import {
  backend,
  nativeBackend,
  type Tensor,
  type Tensor1D,
  type Tensor4D,
  tf,
  typeAttribute,
} from "./backend.ts";

const attribute = (name: string) => {
  const { binding } = nativeBackend();
  return typeAttribute(binding, name, binding.TF_FLOAT);
};

/** Registers a native kernel from float32 tensors to one, by TensorFlow's name. */
function native(kernelName: string, inputNames: readonly string[]): void {
  tf.registerKernel({
    kernelName,
    backendName: "tensorflow",
    kernelFunc: ({ inputs }) =>
      nativeBackend().executeSingleOutput(
        kernelName,
        [attribute("T")],
        inputNames.map((name) => inputs[name]!),
      ),
  });
}

const run = (kernelName: string, inputs: Record<string, Tensor>): Tensor =>
  tf.engine().runKernel(kernelName, inputs) as Tensor;

if (backend.native) {
  native("BiasAdd", ["x", "bias"]);
  native("BiasAddGrad", ["dy"]);
  native("ReluGrad", ["dy", "y"]);
  tf.registerGradient({
    kernelName: "BiasAdd",
    gradFunc: (dy) => ({
      x: () => dy as Tensor,
      bias: () => run("BiasAddGrad", { dy: dy as Tensor }),
    }),
  });
  tf.registerGradient({
    kernelName: "BiasAddGrad",
    inputsToSave: ["dy"],
    gradFunc: (dy, [x]) => ({ dy: () => tf.broadcastTo(dy as Tensor, x!.shape) }),
  });
  tf.registerGradient({
    kernelName: "ReluGrad",
    inputsToSave: ["y"],
    gradFunc: (dy, [y]) => ({
      dy: () => run("ReluGrad", { dy: dy as Tensor, y: y! }),
      y: () => tf.zerosLike(y!),
    }),
  });
  // tfjs has no gradient of the max-pool's gradient: it picks what stands where the maxima stood.
  tf.registerGradient({
    kernelName: "MaxPoolGrad",
    inputsToSave: ["input", "output"],
    gradFunc: (dy, [input, output], attributes) => ({
      dy: () => maxPoolGradGrad(dy as Tensor4D, input as Tensor4D, output as Tensor4D, attributes),
      input: () => tf.zerosLike(input!),
      output: () => tf.zerosLike(output!),
    }),
  });
  // tfjs multiplies by a step function of the input: four operations, and the input kept for them.
  tf.unregisterGradient("Relu");
  tf.registerGradient({
    kernelName: "Relu",
    outputsToSave: [true],
    gradFunc: (dy, [y]) => ({ x: () => run("ReluGrad", { dy: dy as Tensor, y: y! }) }),
  });
}

/**
 * The gradient of a max-pool's gradient with respect to what it spreads: a pool that picks by another
 * tensor's maxima.
 *
 * @param dy Gradient of the spread values, shape of the pool's input.
 * @returns Shape of the pool's output.
 */
function maxPoolGradGrad(
  dy: Tensor4D,
  input: Tensor4D,
  output: Tensor4D,
  { filterSize, strides }: Record<string, unknown>,
): Tensor4D {
  const native = nativeBackend();
  const list = (name: string, size: unknown) => {
    const [height, width] = [size].flat() as number[];
    const value = [1, height!, width ?? height!, 1];
    return { name, type: native.binding.TF_ATTR_INT, value };
  };
  const attributes = [
    attribute("T"),
    list("ksize", filterSize),
    list("strides", strides),
    { name: "padding", type: native.binding.TF_ATTR_STRING, value: "VALID" },
    { name: "data_format", type: native.binding.TF_ATTR_STRING, value: "NHWC" },
  ];
  return native.executeSingleOutput("MaxPoolGradGrad", attributes, [
    input,
    output,
    dy,
  ]) as Tensor4D;
}

/** The gradient of a ReLU: `dy` where its output `y` is positive, 0 elsewhere; differentiable. */
export const reluGradient = (dy: Tensor, y: Tensor): Tensor => run("ReluGrad", { dy, y });

/**
 * Runs the lab's fused Adam.
 *
 * @param tensors What is trained, the running means of gradients and of their squares, and gradients.
 * @param scalars Learning rate with the corrections of both means' bias, betas, and epsilon.
 * @returns The new values of the first three tensors.
 */
export const applyAdam = (tensors: Tensor[], scalars: Tensor[]): Tensor[] =>
  nativeBackend().executeMultipleOutputs("LabAdam", [], [...tensors, ...scalars], 3);

/**
 * Adds a bias along the last axis; differentiable. TensorFlow fuses this one with what stands
 * before it, as it does not fuse a plain sum.
 *
 * @param bias Shape `[channels]`.
 * @returns Shape of `x`. The caller disposes it.
 */
export const biasAdd = (x: Tensor, bias: Tensor1D): Tensor =>
  backend.native ? run("BiasAdd", { x, bias }) : x.add(bias);
