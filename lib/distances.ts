/**
 * How far images lie from each other: the scale that norms of perturbations are read against.
 *
 * @module
 */
import { type Tensor2D, tf } from "./backend.ts";
import type { Digits } from "./loader.ts";

/** Euclidean distances (L2, pixels in [0, 1]) of one kind. */
export interface DistanceRow {
  /** Between which images. */
  between: string;
  /** How many distances. */
  count: number;
  mean: number;
  smallest: number;
}

/**
 * Measures the L2 distances between all pairs of images, by whether their classes are the same, and
 * from each image to the nearest one of another class. Kinds that do not occur are left out.
 *
 * @param digits n images; memory grows with n squared (1,000 images: 4 MB).
 */
export function distanceRows({ images, labels }: Digits): DistanceRow[] {
  const [n] = images.shape;
  const classes = labels.dataSync();
  const distances = squaredDistances(images.reshape<Tensor2D>([n, -1])).map(Math.sqrt);
  const same: number[] = [];
  const other: number[] = [];
  const nearest = new Float64Array(n).fill(Infinity);
  for (let i = 0; i < n; i++) {
    for (let j = i + 1; j < n; j++) {
      const distance = distances[i * n + j]!;
      (classes[i] === classes[j] ? same : other).push(distance);
      if (classes[i] === classes[j]) continue;
      nearest[i] = Math.min(nearest[i]!, distance);
      nearest[j] = Math.min(nearest[j]!, distance);
    }
  }
  return [
    distanceRow("two images of one class", same),
    distanceRow("two images of different classes", other),
    distanceRow("an image and the nearest of another class", [...nearest].filter(Number.isFinite)),
  ].filter(({ count }) => count > 0);
}

/** All n x n of them, row by row. @param points Shape `[n, pixels]`; disposed. */
function squaredDistances(points: Tensor2D): Float32Array {
  const values = tf.tidy(() => {
    const squares = points.square().sum(1, true);
    const products = points.matMul(points, false, true);
    // Rounding makes tiny distances negative.
    return squares.add(squares.transpose()).sub(products.mul(2)).maximum(0);
  });
  const result = values.dataSync() as Float32Array;
  tf.dispose([points, values]);
  return result;
}

function distanceRow(between: string, distances: readonly number[]): DistanceRow {
  let [sum, smallest] = [0, Infinity];
  for (const distance of distances) {
    sum += distance;
    smallest = Math.min(smallest, distance);
  }
  return { between, count: distances.length, mean: sum / distances.length, smallest };
}
