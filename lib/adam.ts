/**
 * Adam as a pure function of its memory, so that training can stop, go on, and be traced as a graph.
 *
 * @see Kingma and Ba, "Adam: a method for stochastic optimization" (2015),
 *   https://arxiv.org/abs/1412.6980
 * @module
 */
import { type Tensor, tf } from "./backend.ts";

/** Adam's settings; the defaults are the paper's. */
export interface AdamSettings {
  /** A tensor that broadcasts gives parts of a tensor their own. */
  learningRate: number | Tensor;
  /** @default 0.9 */
  beta1?: number;
  /** @default 0.999 */
  beta2?: number;
  /** @default 1e-8 */
  epsilon?: number;
}

/**
 * Adam's memory for one tensor.
 *
 * A type and not an interface, so that it is a record of tensors wherever one is asked for.
 */
export type AdamState<T extends Tensor = Tensor> = {
  /** Running mean of the gradients, shape of the tensor. */
  readonly mean: T;
  /** Running mean of their squares. */
  readonly square: T;
  /** The betas to the power of the steps done; a shape that broadcasts to the tensor's. */
  readonly power1: Tensor;
  readonly power2: Tensor;
};

/**
 * Makes Adam's memory before the first step. The caller disposes it.
 *
 * @param powersShape More than one number if parts of the tensor have times of their own.
 */
export function adamStart<T extends Tensor>(x: T, powersShape: number[] = []): AdamState<T> {
  return {
    mean: tf.zerosLike(x),
    square: tf.zerosLike(x),
    power1: tf.ones(powersShape),
    power2: tf.ones(powersShape),
  };
}

/**
 * Makes one step. Call it inside `tf.tidy`.
 *
 * @returns What to add to the tensor to descend, and the memory for the next step.
 */
export function adamStep<T extends Tensor>(
  state: AdamState<T>,
  gradient: T,
  { learningRate, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 }: AdamSettings,
): { update: T; next: AdamState<T> } {
  const mean: T = state.mean.mul(beta1).add(gradient.mul(1 - beta1));
  const square: T = state.square.mul(beta2).add(gradient.square().mul(1 - beta2));
  const power1 = state.power1.mul(beta1);
  const power2 = state.power2.mul(beta2);
  const unbiasedMean = mean.div(tf.sub(1, power1));
  const unbiasedSquare = square.div(tf.sub(1, power2));
  const update: T = unbiasedMean.div(unbiasedSquare.sqrt().add(epsilon)).mul(tf.neg(learningRate));
  return { update, next: { mean, square, power1, power2 } };
}
