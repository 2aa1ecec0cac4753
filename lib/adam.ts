/**
 * Adam as a pure function of its memory, so that training can stop, go on, and be traced as a graph.
 *
 * @see Kingma and Ba, "Adam: a method for stochastic optimization" (2015),
 *   https://arxiv.org/abs/1412.6980
 * @module
 */
import { backend, type Tensor, tf } from "./backend.ts";
import { applyAdam } from "./ops.ts";

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

// Types and not interfaces, so that they are records of tensors wherever one is asked for.

/** Adam's memory for one tensor: running means of its gradients and of their squares. */
export type Moments<T extends Tensor = Tensor> = { readonly mean: T; readonly square: T };

/** The betas to the power of the steps done; a shape that broadcasts to the tensors'. */
export type Powers = { readonly power1: Tensor; readonly power2: Tensor };

/** Makes the memory before the first step. The caller disposes it. */
export const startMoments = <T extends Tensor>(x: T): Moments<T> => ({
  mean: tf.zerosLike(x),
  square: tf.zerosLike(x),
});

/**
 * Makes the powers before the first step. The caller disposes them.
 *
 * @param shape More than one number if parts of a tensor have times of their own.
 */
export const startPowers = (shape: number[] = []): Powers => ({
  power1: tf.ones(shape),
  power2: tf.ones(shape),
});

/** The powers for the next step. Call it inside `tf.tidy`. */
export const nextPowers = (
  { power1, power2 }: Powers,
  { beta1 = 0.9, beta2 = 0.999 }: Partial<AdamSettings> = {},
): Powers => ({ power1: power1.mul(beta1), power2: power2.mul(beta2) });

/**
 * Makes one step. Call it inside `tf.tidy`.
 *
 * @param powers Those of this step: already multiplied by its betas.
 * @returns The tensor after the step, and the memory for the next one.
 */
export function adamStep<T extends Tensor>(
  x: T,
  moments: Moments<T>,
  gradient: T,
  powers: Powers,
  settings: AdamSettings,
): { x: T; moments: Moments<T> } {
  const { learningRate, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 } = settings;
  const { power1, power2 } = powers;
  const correction = tf.sub(1, power2).sqrt();
  const rate = typeof learningRate === "number" ? tf.scalar(learningRate) : learningRate;
  if (backend.operations && power1.rank === 0 && rate.rank === 0) {
    // The fused operation adds its epsilon to an uncorrected root: so scaled, it is the paper's.
    const corrected = rate.mul<Tensor>(correction).div<Tensor>(tf.sub(1, power1));
    const scalars = [
      corrected,
      tf.scalar(beta1),
      tf.scalar(beta2),
      correction.mul<Tensor>(epsilon),
    ];
    const results = applyAdam([x, moments.mean, moments.square, gradient], scalars);
    const [next, mean, square] = results as [T, T, T];
    return { x: next, moments: { mean, square } };
  }
  const mean: T = moments.mean.mul(beta1).add(gradient.mul(1 - beta1));
  const square: T = moments.square.mul(beta2).add(gradient.square().mul(1 - beta2));
  const unbiasedMean = mean.div(tf.sub(1, power1));
  const unbiasedRoot = square.sqrt().div(correction);
  const update = unbiasedMean.div(unbiasedRoot.add(epsilon)).mul(rate);
  return { x: x.sub(update), moments: { mean, square } };
}
