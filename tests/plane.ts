/**
 * A plane in the pixel box, where the smallest perturbations are known exactly.
 *
 * @module
 */
import type { Attack } from "$lib/attacks/attack.ts";
import { type Outcome, runAttackSync } from "$lib/attacks/driver.ts";
import { type Tensor2D, type Tensor4D, tf } from "$lib/backend.ts";
import type { Classifier } from "$lib/network.ts";
import { uniform } from "$lib/random.ts";

export const pixels = 784;
const weights = uniform(pixels, 1, 0).map((value) => 2 * value - 1);

/**
 * Class 0 on this side of a plane that is `distance` beyond the image, measured in its margin, class
 * 1 on the other. A third class never wins.
 */
export function plane(image: Float32Array, distance: number): Classifier {
  const offset = distance - weights.reduce((sum, weight, i) => sum + weight * image[i]!, 0);
  return {
    name: "plane",
    classes: 3,
    revision: {},
    logits: (images: Tensor4D): Tensor2D =>
      tf.tidy(() => {
        const margin = images.reshape<Tensor2D>([-1, pixels])
          .matMul<Tensor2D>(tf.tensor2d(weights, [pixels, 1])).add(offset);
        const zero = tf.zerosLike(margin);
        return tf.concat([margin, zero, zero.sub(10)], 1) as Tensor2D;
      }),
  };
}

/** How far each pixel can go in the direction that lowers the margin. */
const room = (image: Float32Array) => image.map((pixel, i) => weights[i]! > 0 ? pixel : 1 - pixel);

/** Solves increasing(x) = value by bisection. */
function solve(increasing: (x: number) => number, value: number): number {
  let [low, high] = [0, 1e6];
  for (let i = 0; i < 200; i++) {
    const middle = (low + high) / 2;
    if (increasing(middle) < value) low = middle;
    else high = middle;
  }
  return high;
}

/** The smallest norm that lowers the margin by `distance` within the box. */
export function smallest(image: Float32Array, distance: number, p: number): number {
  const rooms = room(image);
  const gain = (change: (i: number) => number) =>
    rooms.reduce((sum, most, i) => sum + Math.abs(weights[i]!) * Math.min(most, change(i)), 0);
  if (p === Infinity) return solve((x) => gain(() => x), distance);
  if (p === 2) {
    const x = solve((x) => gain((i) => x * Math.abs(weights[i]!)), distance);
    return Math.hypot(...rooms.map((most, i) => Math.min(most, x * Math.abs(weights[i]!))));
  }
  // L1 spends on the heaviest weights first, L0 on the largest gains.
  const heaviest = [...rooms.keys()].map((i) => ({
    weight: Math.abs(weights[i]!),
    most: rooms[i]!,
  }))
    .sort((a, b) => p === 1 ? b.weight - a.weight : b.weight * b.most - a.weight * a.most);
  let [left, size] = [distance, 0];
  for (const { weight, most } of heaviest) {
    if (left <= 0) break;
    size += p === 0 ? 1 : Math.min(most, left / weight);
    left -= weight * most;
  }
  return size;
}

// Black, white and grey pixels, as in digits: a half of the first two can't move along the gradient.
export const digit = uniform(pixels, 2, 0).map((value) =>
  value < 0.4 ? 0 : value > 0.6 ? 1 : value
);

/** Attacks the digit, `distance` from the plane. */
export function attackPlane(attack: Attack, distance: number, steps = 100): Outcome {
  const image = tf.tensor4d(digit, [1, 28, 28, 1]);
  try {
    return runAttackSync(attack, plane(digit, distance), image, { steps })[0]!;
  } finally {
    image.dispose();
  }
}
