/**
 * Consistency regularisation: noisy copies of an image are to get the same answer.
 *
 * @module
 */
import { type Tensor, type Tensor2D, tf } from "../backend.ts";
import { crossEntropy, divergence } from "../loss.ts";
import { assertPositive } from "../numbers.ts";
import type { TrainingProtection } from "./lesson.ts";
import { noisyImages } from "./noise.ts";

/** Settings of {@linkcode consistency}. */
export interface ConsistencyOptions {
  /** Standard deviation of the noise, in pixel units. */
  sigma: number;
  /** The price of answers that differ between copies. @default 10 */
  weight?: number;
}

/** Noisy copies of each image. */
const copies = 2;
/** The price of a mean answer that is undecided. */
const undecided = 0.5;

/**
 * Learns from two noisy copies of each image: their mean cross-entropy, plus `weight` times the
 * divergence of their mean softmax from each one's, plus half that mean's entropy. The copies of what
 * it learns agree more often than those of a network trained with noise alone, which is what randomized
 * smoothing certifies.
 *
 * @throws {RangeError} If sigma or weight is not finite and > 0.
 * @see Jeong and Shin, "Consistency regularization for certified robustness of smoothed classifiers"
 *   (2020), https://arxiv.org/abs/2006.04062
 */
export function consistency({ sigma, weight = 10 }: ConsistencyOptions): TrainingProtection {
  assertPositive(sigma, "sigma", "train with consistency");
  assertPositive(weight, "its weight", "train with consistency");
  return {
    spec: `consistency:${sigma}${weight === 10 ? "" : `:${weight}`}`,
    sigma,
    loss: (lesson) => {
      const noisy = Array.from({ length: copies }, () => noisyImages(lesson, sigma));
      return (answer) => {
        const logits = tf.split<Tensor2D>(answer(tf.concat(noisy)), copies);
        const mean = meanAnswer(logits);
        const right = average(logits.map((one) => crossEntropy(one, lesson.labels)));
        const apart = average(logits.map((one) => divergence(mean, one)));
        const entropy = mean.exp().mul(mean).sum<Tensor>(1).neg();
        return right.add(apart.mul(weight)).add(entropy.mul(undecided)).mean<Tensor>();
      };
    },
  };
}

/** Logarithm of the mean softmax, shape `[batch, 10]`. */
const meanAnswer = (logits: Tensor2D[]): Tensor2D =>
  tf.stack(logits.map((one) => tf.logSoftmax(one))).logSumExp(0).sub(Math.log(copies));

const average = (tensors: Tensor[]): Tensor => tf.addN(tensors).div(tensors.length);
