/**
 * Operations that TensorFlow has and tfjs lacks, with their gradients.
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
  const convGradient = tf.getGradient("Conv2D");
  tf.unregisterGradient("Conv2D");
  tf.registerGradient({
    ...convGradient,
    gradFunc: (dy, saved, attributes) => {
      const [x, kernel] = saved as [Tensor4D, Tensor4D];
      const { strides, pad, dilations, dataFormat } = attributes;
      const others = convGradient.gradFunc(dy, saved, attributes);
      const steps = [strides, dilations].flat(); // numbers, or pairs of them
      const plain = steps.every((step) => step === 1) && pad === "valid" && dataFormat === "NHWC";
      const square = kernel.shape[0] === kernel.shape[1];
      return plain && square && x.shape[3] === 1
        ? { ...others, x: () => imageGradient(dy as Tensor, kernel) as Tensor }
        : others;
    },
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

/** Side of the squares of pixels that {@linkcode imageGradient} makes at once: 16 channels. */
const block = 4;

/** {@linkcode transposed}, differentiable itself: what it turns round is the plain convolution. */
const imageGradient = tf.customGrad((dy, kernel, save) => {
  // tfjs types `save` as a tensor; it is the function that keeps tensors for the gradient.
  (save as unknown as (kept: Tensor[]) => void)([dy as Tensor, kernel as Tensor]);
  return {
    value: transposed(dy as Tensor4D, kernel as Tensor4D),
    gradFunc: (image: Tensor, saved: Tensor[]) => {
      const [dy, kernel] = saved as [Tensor4D, Tensor4D];
      const attributes = {
        strides: 1,
        pad: "valid",
        dataFormat: "NHWC",
        filterShape: kernel.shape,
      };
      const filters = tf.engine().runKernel(
        "Conv2DBackpropFilter",
        { x: image, dy },
        // runKernel types attributes for tfjs's own kernels alone.
        attributes as never,
      );
      return [tf.conv2d(image as Tensor4D, kernel, 1, "valid"), filters as Tensor];
    },
  };
});

/**
 * The gradient of a convolution with respect to an image of one channel.
 *
 * TensorFlow's own computes one channel at a time, which leaves a processor's vector units idle. Here
 * a 4 by 4 square of pixels is 16 channels of one pixel: a convolution with stride 4 over the padded
 * gradient. It multiplies more, half of it by zero, and takes a quarter of the time.
 *
 * @param dy Gradient of the output, shape `[batch, height - k + 1, width - k + 1, filters]`.
 * @param kernel Shape `[k, k, 1, filters]`.
 * @returns Shape `[batch, height, width, 1]`.
 */
function transposed(dy: Tensor4D, kernel: Tensor4D): Tensor4D {
  const [k, , , filters] = kernel.shape;
  const [batch, ...sizes] = [dy.shape[0], dy.shape[1] + k - 1, dy.shape[2] + k - 1];
  const [rows, columns] = sizes.map((size) => Math.ceil(size / block)) as [number, number];
  const padding = [rows, columns].map((blocks, axis) =>
    [k - 1, blocks * block - dy.shape[1 + axis]!] as [number, number]
  );
  // Place of each weight of the blocks' kernel among the weights of `kernel`, the last being 0.
  const side = block + k - 1;
  const places = new Int32Array(side * side * block * block).fill(k * k);
  for (let place = 0; place < places.length; place++) {
    const [y, x, u, v] = [
      Math.floor(place / (side * block * block)),
      Math.floor(place / (block * block)) % side,
      Math.floor(place / block) % block,
      place % block,
    ];
    const [a, b] = [u + k - 1 - y, v + k - 1 - x];
    if (a >= 0 && a < k && b >= 0 && b < k) places[place] = a * k + b;
  }
  const weights = tf.concat([kernel.reshape([k * k, filters]), tf.zeros([1, filters])]);
  const blocks = weights.gather(tf.tensor1d(places, "int32"))
    .reshape([side, side, block * block, filters]).transpose<Tensor4D>([0, 1, 3, 2]);
  return tf.conv2d(dy, blocks, block, [[0, 0], padding[0]!, padding[1]!, [0, 0]])
    .reshape([batch, rows, columns, block, block]).transpose([0, 1, 3, 2, 4])
    .reshape<Tensor4D>([batch, rows * block, columns * block, 1])
    .slice([0, 0, 0, 0], [batch, sizes[0]!, sizes[1]!, 1]);
}

/**
 * Runs TensorFlow's fused Adam. It updates variables in place, so the tensors are variables for as
 * long as that takes; copying them costs less than the dozen operations that are saved.
 *
 * @param tensors What is trained, and the running means of gradients and of their squares.
 * @param scalars Powers of the betas, learning rate, betas and epsilon, in that order.
 * @returns The new values of `tensors`.
 */
export function applyAdam(tensors: Tensor[], scalars: Tensor[], gradient: Tensor): Tensor[] {
  const native = nativeBackend();
  const { binding } = native;
  const dtype = attribute("dtype");
  const execute = (name: string, inputs: Tensor[], attributes = [dtype]) =>
    native.executeMultipleOutputs(name, attributes, inputs, 0);
  const handles = tensors.map(({ shape }, i) =>
    native.executeSingleOutput("VarHandleOp", [
      dtype,
      { name: "shape", type: binding.TF_ATTR_SHAPE, value: shape },
      { name: "shared_name", type: binding.TF_ATTR_STRING, value: `adam-${i}` },
    ], [])
  );
  handles.forEach((handle, i) => execute("AssignVariableOp", [handle, tensors[i]!]));
  execute("ResourceApplyAdam", [...handles, ...scalars, gradient], [attribute("T")]);
  const results = handles.map((handle) =>
    native.executeSingleOutput("ReadVariableOp", [dtype], [handle])
  );
  handles.forEach((handle) => execute("DestroyResourceOp", [handle], []));
  tf.dispose(handles);
  return results;
}

/**
 * Adds a bias along the last axis; differentiable. TensorFlow fuses this one with what stands
 * before it, as it does not fuse a plain sum.
 *
 * @param bias Shape `[channels]`.
 * @returns Shape of `x`. The caller disposes it.
 */
export const biasAdd = (x: Tensor, bias: Tensor1D): Tensor =>
  backend.native ? run("BiasAdd", { x, bias }) : x.add(bias);
