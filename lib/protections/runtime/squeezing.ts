/**
 * Feature squeezing: images whose squeezed copies are answered otherwise are rejected.
 *
 * @module
 */
import { type Tensor, type Tensor1D, type Tensor2D, type Tensor4D, tf } from "../../backend.ts";
import type { Classifier } from "../../network.ts";
import { reduceBits } from "./bit_depth.ts";
import { wrapped } from "./wrapped.ts";

/** Confidences differ by that much through rounding alone. */
const TINY = 1e-7;

/**
 * Replaces each pixel by the median of a 2 by 2 square, itself at the square's lower right.
 *
 * Of the two middle values the larger one is taken, and images go on beyond their edges with the
 * edges' own pixels, as in the paper. Differentiable.
 *
 * @param images Shape `[batch, height, width, channels]`.
 * @returns The images' shape. The caller disposes it.
 */
export function median2x2(images: Tensor4D): Tensor4D {
  return tf.tidy(() => {
    const above = before(images, 1);
    const [a, b, c, d] = [images, before(images, 2), above, before(above, 2)];
    const [low, high] = [tf.minimum(a, b), tf.maximum(a, b)];
    const [otherLow, otherHigh] = [tf.minimum(c, d), tf.maximum(c, d)];
    // The second largest of four.
    return tf.maximum(tf.minimum(high, otherHigh), tf.maximum(low, otherLow));
  });
}

/** Each pixel's neighbour before it along an axis; the first is its own. */
function before(images: Tensor4D, axis: 1 | 2): Tensor4D {
  const part = (size: number): Tensor4D => {
    const sizes: [number, number, number, number] = [-1, -1, -1, -1];
    sizes[axis] = size;
    return images.slice([0, 0, 0, 0], sizes);
  };
  return tf.concat([part(1), part(images.shape[axis] - 1)], axis);
}

/** The paper's best squeezers for MNIST: one bit, and the median of 2 by 2 pixels. */
const squeezers: readonly ((images: Tensor4D) => Tensor4D)[] = [
  (images) => reduceBits(images, 1),
  median2x2,
];

/**
 * Computes how far squeezing moves a classifier's answers: the largest L1 distance between the
 * confidences for an image and for its squeezed copies.
 *
 * @param images Shape `[batch, 28, 28, 1]`.
 * @returns Shape `[batch]`, in [0, 2]. The caller disposes it.
 */
export function squeezeScores(network: Classifier, images: Tensor4D): Tensor1D {
  return tf.tidy(() => {
    const confidences = tf.softmax(network.logits(images));
    const distances = squeezers.map((squeeze) =>
      tf.softmax(network.logits(squeeze(images))).sub(confidences).abs().sum(1)
    );
    return distances.reduce((a, b) => tf.maximum(a, b)) as Tensor1D;
  });
}

/**
 * Puts a detector around a classifier: one class more, the last, by which it abstains.
 *
 * The logit of that class is the largest of the others, plus the log-odds of half the score, minus
 * those of half the threshold: so it wins where the score exceeds the threshold. In place of the
 * score itself, whose gradient is 0 where both answers are certain, its log-odds have a gradient
 * everywhere; one bit is passed straight through. An attack that reaches a wrong class fools
 * classifier and detector together.
 *
 * @param threshold The score above which it abstains, in (0, 2), from clean images: see
 *   {@linkcode squeezeScores} and `thresholdAbove`.
 * @throws {RangeError} If the threshold is out of range.
 * @see Xu, Evans and Qi, "Feature squeezing: detecting adversarial examples in deep neural networks"
 *   (2018), https://arxiv.org/abs/1704.01155; Carlini and Wagner, "Adversarial examples are not easily
 *   detected" (2017), https://arxiv.org/abs/1705.07263
 */
export function squeezeDetector(
  network: Classifier,
  { threshold }: { threshold: number },
): Classifier {
  if (!(threshold > 0 && threshold < 2)) {
    throw new RangeError(
      `Cannot detect by squeezing as the threshold must be in (0, 2): current value is ${threshold}`,
    );
  }
  const odds = Math.log(threshold / 2 + TINY) - Math.log(1 - threshold / 2);
  const logits = (images: Tensor4D): Tensor2D =>
    tf.tidy(() => {
      const answers = network.logits(images);
      const differences = squeezers.map((squeeze) =>
        logOdds(answers, network.logits(squeeze(images)))
      );
      const difference = differences.reduce((a, b) => tf.maximum(a, b));
      const abstain = answers.max(1, true).add<Tensor2D>(difference).sub<Tensor2D>(odds);
      return tf.concat2d([answers, abstain], 1);
    });
  return wrapped(network, "squeeze", logits, network.classes + 1);
}

/**
 * Log-odds of half the L1 distance between the confidences of two rows of logits, which is the share
 * that they do not have in common. Shape `[batch, 1]`.
 */
function logOdds(a: Tensor2D, b: Tensor2D): Tensor {
  const [p, q] = [tf.logSoftmax(a), tf.logSoftmax(b)];
  const apart = p.exp().sub(q.exp()).abs().sum(1, true).div(2);
  // Summed by logarithms: confidences that are nearly 0 still count.
  const common = tf.minimum(p, q).logSumExp(1, true);
  return apart.add(TINY).log().sub(common);
}
