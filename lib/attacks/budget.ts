/**
 * What attacks within a fixed budget share: each image's epsilon, and where they begin.
 *
 * @module
 */
import { type Tensor, type Tensor4D, tf } from "../backend.ts";
import { norm, project, rescale } from "../norms.ts";
import type { Beginning, Problem } from "./attack.ts";
import { each } from "./losses.ts";

/**
 * Checks a budget.
 *
 * @param name What errors call it.
 * @throws {RangeError} If it is negative or not finite.
 */
export function assertEpsilon(epsilon: number, name: string): void {
  if (epsilon >= 0 && epsilon < Infinity) return;
  throw new RangeError(
    `Cannot run ${name} as epsilon must be finite and >= 0: current value is ${epsilon}`,
  );
}

/**
 * Each image's budget, shape `[batch, 1, 1, 1]`: the beginning's or, without one, that of the
 * attack's settings. It is lowered by what float32 may add to the norm of image + r: each pixel may
 * be rounded by half a unit in its last place, 2^-25, and the sum has an error of its own.
 */
export function budget(
  { images }: Problem,
  { epsilon }: Beginning,
  setting: number,
  p: number,
): Tensor4D {
  const rounding = Math.pow(images.size / images.shape[0], 1 / p) * 2 ** -25;
  const asked: Tensor = epsilon ?? tf.fill([images.shape[0], 1, 1, 1], setting);
  return asked.mul(1 - 1e-6).sub(rounding).maximum(0);
}

/**
 * Where to begin, shape `[batch, 28, 28, 1]`: the adversarial point known, drawn into the ball, or a
 * random point of the ball and the box where none is known.
 *
 * @param epsilon As {@linkcode budget} gives it.
 */
export function startInside(
  { images }: Problem,
  beginning: Beginning,
  epsilon: Tensor4D,
  p: number,
): Tensor4D {
  const noise: Tensor4D = beginning.uniform().mul(2).sub(1);
  const random = p === Infinity ? noise.mul<Tensor4D>(epsilon) : rescale(noise, p, epsilon);
  const known: Tensor4D = beginning.point.sub(images);
  const isKnown = each(norm(known, Infinity)).greater(0);
  const r = tf.where(isKnown, project(known, p, epsilon), random);
  return tf.clipByValue(images.add(r), 0, 1);
}
