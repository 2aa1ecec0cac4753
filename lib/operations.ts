/**
 * Makes the lab's own operations, which `native/` adds to TensorFlow, known to tfjs.
 *
 * @module
 */
import { nativeBackend, type OpAttribute, type Tensor, tf } from "./backend.ts";

/**
 * Registers an operation's kernel.
 *
 * @param inputs Their names, in TensorFlow's order.
 * @param outputs How many there are.
 * @param settings Names of its attributes: integers.
 */
export function registerOperation(
  name: string,
  inputs: readonly string[],
  outputs: number,
  settings: readonly string[] = [],
): void {
  tf.registerKernel({
    kernelName: name,
    backendName: "tensorflow",
    kernelFunc: (call) => {
      const native = nativeBackend();
      const attributes = settings.map((name): OpAttribute => ({
        ...{ name, type: native.binding.TF_ATTR_INT, value: Number(call.attrs![name]) },
      }));
      const given = inputs.map((name) => call.inputs[name]!);
      const results = native.executeMultipleOutputs(name, attributes, given, outputs);
      return outputs === 1 ? results[0]! : results;
    },
  });
}

/**
 * Runs an operation, so that tfjs's gradients know of it.
 *
 * @returns Its outputs.
 */
export function runOperation(
  name: string,
  inputs: Record<string, Tensor>,
  settings: Record<string, number | boolean> = {},
): Tensor[] {
  // runKernel types attributes for tfjs's own kernels alone.
  return [tf.engine().runKernel(name, inputs, settings as never)].flat() as Tensor[];
}
