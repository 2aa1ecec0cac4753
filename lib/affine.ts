/**
 * An affine classifier of ten classes in the pixel box, where the smallest perturbations are known.
 *
 * @module
 */
import { adam, architecture } from "./architectures.ts";
import { tf } from "./backend.ts";
import { dense, flatten } from "./layers.ts";
import { type Digits, train } from "./loader.ts";
import { Network } from "./network.ts";

const linear = architecture("affine", [flatten(), dense(10)], {
  epochs: 1,
  batchSize: 32,
  optimizer: adam({ learningRate: 1e-3 }),
});

/** Takes a digit for that class whose mean image is nearest: an affine classifier without training. */
export async function nearestMean(): Promise<Network> {
  const { images, labels } = await train(1000);
  const weights = tf.tidy(() => {
    const classes = tf.oneHot(labels, 10).cast("float32");
    const sums = classes.matMul(images.reshape([-1, 784]), true);
    const means = sums.div(classes.sum(0).reshape([10, 1]));
    return {
      "layers.0.kernel": means.transpose(),
      "layers.0.bias": means.square().sum(1).mul(-0.5),
    };
  });
  tf.dispose([images, labels]);
  return new Network(linear, weights);
}

/**
 * The smallest perturbation of each image that takes it to another class, from its formula: in front
 * of a plane, and within the pixel box, the best way is known pixel by pixel.
 *
 * @param network An affine classifier, as {@linkcode nearestMean} is.
 * @param p 0, 1, 2 or `Infinity`.
 * @returns The norm at which some other class passes the label by 1e-4; 0 if one has already.
 * @throws {RangeError} If `p` is none of these.
 */
export function smallestNorms(network: Network, { images, labels }: Digits, p: number): number[] {
  if (![0, 1, 2, Infinity].includes(p)) {
    throw new RangeError(
      `Cannot reckon the smallest norm as p must be 0, 1, 2 or Infinity: current value is ${p}`,
    );
  }
  const kernel = network.weights["layers.0.kernel"]!.dataSync();
  const bias = network.weights["layers.0.bias"]!.dataSync();
  const pixels = Float32Array.from(images.dataSync());
  return Array.from(labels.dataSync(), (label, i) => {
    const image = pixels.slice(784 * i, 784 * (i + 1));
    const margins = Array.from({ length: 10 }, (_, other) => {
      const weights = Float64Array.from(
        image,
        (_, at) => kernel[10 * at + label]! - kernel[10 * at + other]!,
      );
      const margin = weights.reduce((sum, one, at) => sum + one * image[at]!, 0) +
        bias[label]! - bias[other]!;
      return other === label ? Infinity : nearest(image, weights, margin + 1e-4, p);
    });
    return Math.min(...margins);
  });
}

/** The smallest norm within the box that lowers the sum of weighted pixels by `distance`. */
function nearest(image: Float32Array, weights: Float64Array, distance: number, p: number): number {
  if (distance <= 0) return 0;
  const sizes = weights.map(Math.abs);
  const rooms = Float64Array.from(image, (pixel, i) => weights[i]! > 0 ? pixel : 1 - pixel);
  const gain = (change: (i: number) => number) =>
    rooms.reduce((sum, room, i) => sum + sizes[i]! * Math.min(room, change(i)), 0);
  if (p === Infinity) return solve((x) => gain(() => x), distance);
  if (p === 2) {
    const x = solve((x) => gain((i) => x * sizes[i]!), distance);
    return Math.hypot(...rooms.map((room, i) => Math.min(room, x * sizes[i]!)));
  }
  // L1 spends on the heaviest weights first, L0 on the largest gains.
  const worth = (i: number) => p === 1 ? sizes[i]! : sizes[i]! * rooms[i]!;
  let [left, norm] = [distance, 0];
  for (const i of [...rooms.keys()].sort((a, b) => worth(b) - worth(a))) {
    if (left <= 0) break;
    norm += p === 0 ? 1 : Math.min(rooms[i]!, left / sizes[i]!);
    left -= sizes[i]! * rooms[i]!;
  }
  return left > 1e-12 ? Infinity : norm;
}

/** Solves increasing(x) = value by bisection; Infinity if it stays below. */
function solve(increasing: (x: number) => number, value: number): number {
  let [low, high] = [0, 1e6];
  if (increasing(high) < value) return Infinity;
  for (let i = 0; i < 200; i++) {
    const middle = (low + high) / 2;
    if (increasing(middle) < value) low = middle;
    else high = middle;
  }
  return high;
}
