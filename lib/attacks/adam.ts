/**
 * Adam as a pure function, each image with a time of its own.
 *
 * @module
 */
import { type Tensor4D, tf } from "../backend.ts";

const [beta1, beta2, epsilon] = [0.9, 0.999, 1e-8];

/** Adam's memory; a type and not an interface, so that it may be part of an attack's state. */
export type AdamState = {
  /** Running mean of the gradients, shape `[batch, 28, 28, 1]`. */
  readonly mean: Tensor4D;
  /** Running mean of their squares. */
  readonly square: Tensor4D;
  /** The powers of the two betas, shape `[batch, 1, 1, 1]`. */
  readonly power1: Tensor4D;
  readonly power2: Tensor4D;
};

/** Adam's memory before the first step on variables like `x`. */
export function adamStart(x: Tensor4D): AdamState {
  const ones = (): Tensor4D => tf.ones([x.shape[0], 1, 1, 1]);
  return { mean: tf.zerosLike(x), square: tf.zerosLike(x), power1: ones(), power2: ones() };
}

/**
 * One step of Adam.
 *
 * @returns What to add to the variables to descend, and the memory for the next step.
 * @see Kingma and Ba, "Adam: a method for stochastic optimization" (2015),
 *   https://arxiv.org/abs/1412.6980
 */
export function adamStep(
  state: AdamState,
  gradient: Tensor4D,
  learningRate: number,
): { update: Tensor4D; next: AdamState } {
  const mean: Tensor4D = state.mean.mul(beta1).add(gradient.mul(1 - beta1));
  const square: Tensor4D = state.square.mul(beta2).add(gradient.square().mul(1 - beta2));
  const power1: Tensor4D = state.power1.mul(beta1);
  const power2: Tensor4D = state.power2.mul(beta2);
  const unbiasedMean = mean.div(tf.sub(1, power1));
  const unbiasedSquare = square.div(tf.sub(1, power2));
  const update: Tensor4D = unbiasedMean.div(unbiasedSquare.sqrt().add(epsilon)).mul(-learningRate);
  return { update, next: { mean, square, power1, power2 } };
}
