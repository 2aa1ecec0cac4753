/**
 * The judgement of points: apart from the attacks, so that none is judge of its own success.
 *
 * @module
 */
import { type Tensor2D, type Tensor4D, tf } from "../backend.ts";
import { compile } from "../compile.ts";
import type { Classifier } from "../network.ts";

/** An image is adversarial by at least this margin, so that another framework agrees. */
export const adversarialMargin = 1e-4;

/**
 * How far a float32 logit differs from batch to batch, as a share of the largest: a point must be
 * adversarial by that much more in the batch, so that it still is alone.
 */
export const batchNoise = 2e-6;

/** How far rounding may move the logits of an image: other kernels, other batches. */
export const roundingOf = (logits: Logits): number =>
  batchNoise * Math.max(...Array.from(logits, Math.abs));

/** The class by which a classifier with a detector abstains: the one behind the ten digits. */
export const abstention = 10;

/** Logits of one image, as plain numbers. */
export type Logits = ArrayLike<number>;

/** What an attack must make of one image. */
export interface Goal {
  /** The class to leave, if there is no target. */
  reference: number;
  /** The class to reach; any but the reference, if absent. */
  target?: number | undefined;
}

/** Logit of a class minus the best other one. */
export function marginOf(logits: Logits, of: number): number {
  let other = -Infinity;
  for (let i = 0; i < logits.length; i++) if (i !== of) other = Math.max(other, logits[i]!);
  return logits[of]! - other;
}

/** Confidences of logits, in double precision. */
export function softmax(logits: Logits): number[] {
  const values = Array.from(logits);
  const largest = Math.max(...values);
  const powers = values.map((value) => Math.exp(value - largest));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / sum);
}

/** Whether logits reach the goal by {@linkcode adversarialMargin}. */
export function reaches({ reference, target }: Goal, logits: Logits): boolean {
  return target === undefined
    ? marginOf(logits, reference) <= -adversarialMargin
    : marginOf(logits, target) >= adversarialMargin;
}

const compiled = new WeakMap<object, (alone: Tensor4D) => Tensor2D>();

/** Logits of one image judged alone, in a batch of one: what a reported point must stand. */
export function logitsAlone(
  network: Classifier,
  image: Float32Array,
  shape: readonly number[],
): Logits {
  const judge = compiled.get(network.revision) ??
    compile((alone: Tensor4D) => network.logits(alone), { name: "a network judged alone" });
  compiled.set(network.revision, judge);
  return tf.tidy(() => {
    const alone = tf.tensor(image).reshape<Tensor4D>([1, ...shape]);
    return Array.from(judge(alone).dataSync());
  });
}
