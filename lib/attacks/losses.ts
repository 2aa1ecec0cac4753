/**
 * What attacks descend on, from logits to one number for each image.
 *
 * @module
 */
import { type Tensor, type Tensor1D, type Tensor2D, type Tensor4D, tf } from "../backend.ts";
import { adversarialMargin } from "./judge.ts";

/** Lower than any logit, and still a number when a logit is added. */
const OUT = 1e30;

/** The logit of each image's class, and the logits of all classes with that one out of the way. */
function split(logits: Tensor2D, classes: Tensor1D): { own: Tensor1D; others: Tensor2D } {
  const mark = tf.oneHot(classes, logits.shape[1]).cast<Tensor2D>("float32");
  return { own: logits.mul(mark).sum(1), others: logits.sub(mark.mul(OUT)) };
}

/**
 * Logit of each image's class minus the best other one, shape `[batch]`. Call it inside `tf.tidy`.
 *
 * @param classes Shape `[batch]`, int32.
 */
export function margin(logits: Tensor2D, classes: Tensor1D): Tensor1D {
  const { own, others } = split(logits, classes);
  return own.sub(others.max(1));
}

/**
 * Logarithm of the odds of each image's class, shape `[batch]`: log(c / (1 - c)) for a confidence c.
 * Call it inside `tf.tidy`.
 *
 * Its gradient has the direction of that of the cross-entropy, reversed, but does not vanish as the
 * confidence saturates.
 *
 * @param classes Shape `[batch]`, int32.
 */
export function logOdds(logits: Tensor2D, classes: Tensor1D): Tensor1D {
  const { own, others } = split(logits, classes);
  return own.sub(tf.logSumExp(others, 1));
}

/**
 * Whether logits reach the goal by the driver's margin, as 0 or 1; shape `[batch, 1, 1, 1]`, bool.
 * Call it inside `tf.tidy`.
 */
export function reached(logits: Tensor2D, classes: Tensor1D, targeted: boolean): Tensor4D {
  const ahead = margin(logits, classes);
  const reached = targeted
    ? ahead.greaterEqual(adversarialMargin)
    : ahead.lessEqual(-adversarialMargin);
  return each(reached);
}

/** One value for each image, to be broadcast over its pixels. */
export const each = (values: Tensor): Tensor4D => values.reshape([-1, 1, 1, 1]);
