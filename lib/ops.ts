/**
 * Operations that TensorFlow has and tfjs lacks, with their gradients.
 *
 * @module
 */
import { backend, nativeBackend, type Tensor, type Tensor1D, tf } from "./backend.ts";

const attribute = (name: string) => {
  const { binding } = nativeBackend();
  return { name, type: binding.TF_ATTR_TYPE, value: binding.TF_FLOAT };
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
  // tfjs multiplies by a step function of the input: four operations, and the input kept for them.
  tf.unregisterGradient("Relu");
  tf.registerGradient({
    kernelName: "Relu",
    outputsToSave: [true],
    gradFunc: (dy, [y]) => ({ x: () => run("ReluGrad", { dy: dy as Tensor, y: y! }) }),
  });
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
