/**
 * A try of the lab's own operations, which `lib/native/` adds to TensorFlow.
 *
 * @module
 */

/** The part of tfjs-node's native binding that the try takes. */
interface TriedBinding {
  readonly TF_FLOAT: number;
  createTensor(shape: number[], dtype: number, values: Float32Array): number;
  executeOp(name: string, attributes: never[], inputs: number[], outputs: number): { id: number }[];
  tensorDataSync(id: number): ArrayLike<number>;
  deleteTensor(id: number): void;
}

/**
 * Tells whether one of the lab's operations is known and gives the right result: the binding of
 * tfjs-node's publishers has none.
 */
export function hasOperations(binding: TriedBinding): boolean {
  const tensor = (shape: number[], values: number[]) =>
    binding.createTensor(shape, binding.TF_FLOAT, new Float32Array(values));
  const inputs = [
    tensor([1, 3, 3, 1], [1, 2, 3, 4, 5, 6, 7, 8, 9]),
    tensor([2, 2, 1, 1], [1, 2, 3, 4]),
    tensor([1], [0.5]),
  ];
  let outputs: { id: number }[] = [];
  try {
    outputs = binding.executeOp("LabConvReluPool", [], inputs, 2);
    // The largest sum is that of the bottom right square.
    return binding.tensorDataSync(outputs[0]!.id)[0] === 5 * 1 + 6 * 2 + 8 * 3 + 9 * 4 + 0.5;
  } catch {
    return false;
  } finally {
    for (const id of [...inputs, ...outputs.map(({ id }) => id)]) binding.deleteTensor(id);
  }
}
