/**
 * The soft smoothed classifier: the mean of a network's confidences over noisy copies of an image.
 *
 * @module
 */
import { type Tensor2D, type Tensor4D, tf } from "../../backend.ts";
import type { Classifier } from "../../network.ts";
import { assertPositive } from "../../numbers.ts";
import { assertSeed, statelessNormal } from "../../random.ts";
import { wrapped } from "./wrapped.ts";

/** The stream of its draws: images' streams count from 0. */
const STREAM = -1;

/** Draws if nothing else is said: the name has no number of them then. */
const DRAWS = 32;

/** Draws at most: all copies of a batch are in memory at once. */
const mostDraws = 1000;

/** Settings of {@linkcode smoothedClassifier}. */
export interface SmoothedOptions {
  /** Standard deviation of the noise, in pixel units. */
  sigma: number;
  /** Noisy copies of each image, 1,000 at most; each is a pass through the network. @default 32 */
  draws?: number;
  /** Any int32; another one gives other noise. @default 0 */
  seed?: number;
}

/**
 * Turns a network into the smoothed one that attacks descend on: its logits are the logarithm of the
 * mean softmax over noisy copies.
 *
 * The same draws serve all images and calls, so it is deterministic and an attack sees one smooth
 * function; with more draws it comes nearer to the classifier that {@linkcode certify} speaks of, which
 * takes a vote in place of a mean. What fools it is to be confirmed by such a vote.
 *
 * @throws {RangeError} If sigma is not finite and > 0, draws not a whole number from 1 to
 *   1,000, or seed no int32.
 * @see Salman et al., "Provably robust deep learning via adversarially trained smoothed classifiers"
 *   (2019), https://arxiv.org/abs/1906.04584
 */
export function smoothedClassifier(
  network: Classifier,
  { sigma, draws = DRAWS, seed = 0 }: SmoothedOptions,
): Classifier {
  assertPositive(sigma, "sigma", "smooth");
  assertSeed(seed, "smooth");
  if (!(Number.isInteger(draws) && draws >= 1 && draws <= mostDraws)) {
    throw new RangeError(
      `Cannot smooth as draws must be a whole number from 1 to ${mostDraws}: ` +
        `current value is ${draws}`,
    );
  }
  const logits = (images: Tensor4D): Tensor2D =>
    tf.tidy(() => {
      const [batch, ...shape] = images.shape;
      // Drawn anew on each call, as a tensor kept would need somebody to dispose it.
      const noise = statelessNormal([draws, 1, ...shape], tf.tensor1d([seed, STREAM], "int32"));
      const noisy = images.expandDims(0).add(noise.mul(sigma));
      const answers = network.logits(noisy.reshape<Tensor4D>([draws * batch, ...shape]));
      const confidences = tf.logSoftmax(answers).reshape([draws, batch, network.classes]);
      return confidences.logSumExp(0).sub<Tensor2D>(Math.log(draws));
    });
  const spec = draws === DRAWS ? `smooth:${sigma}` : `smooth:${sigma}:${draws}`;
  return wrapped(network, spec, logits);
}
