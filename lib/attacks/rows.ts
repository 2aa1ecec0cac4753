/**
 * Rows of a batch: how many, filled up with what, and as plain numbers.
 *
 * @module
 */
import { type Tensor2D, type Tensor4D, tf } from "../backend.ts";
import { uniform } from "../random.ts";

/**
 * Sixteen images are a vector of the lab's own operations. TensorFlow's kernels, which other layers
 * take, choose their algorithm by batch size; for multiples of this they give the same bits, as
 * measured on input gradients (multiples of 8 do not).
 */
const granularity = 16;

/**
 * The next of 16, 32, 48, 64, 96, 128, 160, 192, 224, 256, 320, ...: so few sizes that their graphs
 * are soon there, and so many that few rows are in vain.
 */
export function roundUp(count: number): number {
  const step = granularity * (count <= 64 ? 1 : count <= 256 ? 2 : 4);
  return Math.ceil(count / step) * step;
}

/** The next of 16, 32, 64, ...: so few sizes that their graphs are soon there. */
export const powerOfTwo = (count: number): number =>
  granularity * 2 ** Math.max(0, Math.ceil(Math.log2(count / granularity)));

/** Repeats the last element until there are `length`. */
export function padded<T>(rows: readonly T[], length: number): T[] {
  return Array.from({ length }, (_, i) => rows[Math.min(i, rows.length - 1)]!);
}

/** Random numbers for each image, from the seed and its number. */
export function draws(images: Tensor4D, ids: readonly number[], seed: number): Tensor4D {
  const [size, ...shape] = images.shape;
  const pixels = shape.reduce((a, b) => a * b, 1);
  return tf.stack(
    padded(ids, size).map((id) => tf.tensor(uniform(pixels, seed, id), shape)),
  ) as Tensor4D;
}

/** Values of each row. */
export function rows(tensor: Tensor2D | Tensor4D): Float32Array[] {
  const values = tensor.dataSync() as Float32Array;
  const length = tensor.size / tensor.shape[0];
  return Array.from(
    { length: tensor.shape[0] },
    (_, i) => values.slice(i * length, (i + 1) * length),
  );
}
