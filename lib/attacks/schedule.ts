/**
 * Settings that change from step to step, as tensors: so one graph serves every number of steps.
 *
 * @module
 */
import { type Tensor4D, tf } from "../backend.ts";

/** Where an attack stands: steps made and steps at most, shape `[batch, 1, 1, 1]`. */
export type Clock = { readonly done: Tensor4D; readonly steps: Tensor4D };

/** A clock for each of `count` images, at its first step. */
export const startClock = (count: number, steps: number): Clock => ({
  done: tf.zeros([count, 1, 1, 1]),
  steps: tf.fill([count, 1, 1, 1], Math.max(1, steps)),
});

/** The clock a step later. Call it inside `tf.tidy`. */
export const tick = ({ done, steps }: Clock): Clock => ({ done: done.add(1), steps });

/**
 * Half a wave of the cosine between two values, shape `[batch, 1, 1, 1]`. Call it inside `tf.tidy`.
 *
 * @param from Value at the first step.
 * @param to Value after the last one.
 */
export function cosine({ done, steps }: Clock, from: number, to: number): Tensor4D {
  return done.div(steps).mul(Math.PI).cos().add(1).mul((from - to) / 2).add(to);
}
