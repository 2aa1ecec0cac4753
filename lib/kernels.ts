/**
 * tfjs-node's kernels that stand in the way of graphs or speed, replaced.
 *
 * @module
 */
import type * as tfjs from "@tensorflow/tfjs";
import type { NativeBackend } from "./backend.ts";

/** What tfjs hands to a kernel; its own types say no more than this. */
interface Call {
  inputs: Record<string, tfjs.Tensor>;
  attrs: Record<string, unknown>;
}

/**
 * Puts the lab's kernels in place of tfjs-node's.
 *
 * @param operations Whether the lab's own operations are there.
 */
export function replaceKernels(
  tf: typeof tfjs,
  native: NativeBackend,
  operations: boolean,
): void {
  const { binding } = native;
  const type = (name: string, value: number) => ({ name, type: binding.TF_ATTR_TYPE, value });
  const bool = (name: string, value: unknown) => ({ name, type: binding.TF_ATTR_BOOL, value });
  const dtypes = { float32: binding.TF_FLOAT, int32: binding.TF_INT32, bool: binding.TF_BOOL };
  const dtypeOf = (tensor: tfjs.Tensor) => dtypes[tensor.dtype as keyof typeof dtypes];

  function replace(kernelName: string, kernel: (call: Call) => tfjs.Tensor): void {
    tf.unregisterKernel(kernelName, "tensorflow");
    tf.registerKernel({
      kernelName,
      backendName: "tensorflow",
      kernelFunc: (call) => kernel(call as unknown as Call),
    });
  }

  // tfjs-node reads the indices to check them, which no graph can; TensorFlow checks them anyway.
  replace("GatherV2", ({ inputs, attrs }) => {
    const { x, indices } = inputs as { x: tfjs.Tensor; indices: tfjs.Tensor };
    const { axis, batchDims } = attrs as { axis: number; batchDims: number };
    const axisTensor = tf.scalar(axis, "int32");
    const result = native.executeSingleOutput("GatherV2", [
      { name: "batch_dims", type: binding.TF_ATTR_INT, value: batchDims },
      type("Tparams", dtypeOf(x)),
      type("Tindices", dtypeOf(indices)),
      type("Taxis", binding.TF_INT32),
    ], [x, indices, axisTensor]);
    axisTensor.dispose();
    return result;
  });

  // tfjs-node leaves the types out: eager execution infers them, a graph does not.
  replace("ExpandDims", ({ inputs, attrs }) => {
    const { input } = inputs as { input: tfjs.Tensor };
    const axis = tf.scalar(attrs["dim"] as number, "int32");
    const attributes = [type("T", dtypeOf(input)), type("Tdim", binding.TF_INT32)];
    const result = native.executeSingleOutput("ExpandDims", attributes, [input, axis]);
    axis.dispose();
    return result;
  });

  // Matrices need no batch product: a plain one is faster, and the lab's own is the fastest.
  replace("BatchMatMul", ({ inputs, attrs }) => {
    const { a, b } = inputs as { a: tfjs.Tensor; b: tfjs.Tensor };
    const { transposeA, transposeB } = attrs;
    const dtype = type("T", dtypeOf(a));
    if (operations && a.rank === 2 && b.rank === 2 && a.dtype === "float32") {
      const flag = (name: string, value: unknown) => ({
        ...{ name, type: binding.TF_ATTR_INT, value: Number(value) },
      });
      const attributes = [flag("transpose_a", transposeA), flag("transpose_b", transposeB)];
      return native.executeSingleOutput("LabMatMul", attributes, [a, b]);
    }
    if (a.rank === 2 && b.rank === 2) {
      const attributes = [dtype, bool("transpose_a", transposeA), bool("transpose_b", transposeB)];
      return native.executeSingleOutput("MatMul", attributes, [a, b]);
    }
    const attributes = [dtype, bool("adj_x", transposeA), bool("adj_y", transposeB)];
    return native.executeSingleOutput("BatchMatMulV2", attributes, [a, b]);
  });
}
