/**
 * What attacks descend on, from logits to one number for each image: positive until the goal is
 * reached.
 *
 * @module
 */
import { type Tensor, type Tensor1D, type Tensor2D, type Tensor4D, tf } from "../backend.ts";
import type { Problem } from "./attack.ts";
import { adversarialMargin } from "./judge.ts";

/** What losses know of a problem. */
export type Goals = Pick<Problem, "references" | "targets" | "mode">;

/** Lower than any logit, and still a number when a logit is added. */
const OUT = 1e30;

/** The logit of each image's class, and the logits of all classes with that one out of the way. */
function split(logits: Tensor2D, classes: Tensor1D): { own: Tensor1D; others: Tensor2D } {
  const mark = tf.oneHot(classes, logits.shape[1]).cast<Tensor2D>("float32");
  return { own: logits.mul(mark).sum(1), others: logits.sub(mark.mul(OUT)) };
}

/** A loss that compares a class with a summary of the others, whichever way the goal lies. */
function compare(
  logits: Tensor2D,
  { references, targets, mode }: Goals,
  summary: (others: Tensor2D) => Tensor1D,
): Tensor1D {
  const { own, others } = split(logits, mode === "reach" ? targets : references);
  if (mode === "leave") return own.sub(summary(others));
  if (mode === "reach") return summary(others).sub(own);
  return own.sub(split(logits, targets).own);
}

/**
 * Difference of logits, shape `[batch]`: the reference's minus the best other one's or, for a
 * target, the best other one's minus the target's (`reach`) or the reference's minus the target's
 * (`aim`). Call it inside `tf.tidy`.
 */
export const margin = (logits: Tensor2D, goals: Goals): Tensor1D =>
  compare(logits, goals, (others) => others.max(1));

/**
 * Logarithm of odds, shape `[batch]`: log(c / (1 - c)) for the confidence c in the reference, or
 * its negative for that in the target; `aim` compares these two. Call it inside `tf.tidy`.
 *
 * Its gradient has the direction of that of the cross-entropy, but does not vanish as the confidence
 * saturates.
 */
export const logOdds = (logits: Tensor2D, goals: Goals): Tensor1D =>
  compare(logits, goals, (others) => tf.logSumExp(others, 1));

/**
 * Difference of logits ratio, shape `[batch]`: {@linkcode margin} over the largest logit minus the
 * third largest or, with a target, minus the mean of the third and the fourth. It does not change
 * when logits are scaled. Call it inside `tf.tidy`.
 *
 * @throws {RangeError} If there are fewer than four classes.
 * @see Croce and Hein, "Reliable evaluation of adversarial robustness with an ensemble of diverse
 *   parameter-free attacks" (2020), https://arxiv.org/abs/2003.01690
 */
export function dlr(logits: Tensor2D, goals: Goals): Tensor1D {
  const classes = logits.shape[1];
  if (classes < 4) {
    throw new RangeError(`Cannot take DLR as it needs 4 classes: current value is ${classes}`);
  }
  const largest: Tensor1D[] = [];
  // tfjs has no gradient of topk, so the largest logits are taken out one after the other.
  let left = logits;
  for (let i = 0; i < (goals.mode === "leave" ? 3 : 4); i++) {
    const { own, others } = split(left, left.argMax(1));
    largest.push(own);
    left = others;
  }
  const [first, , third, fourth = third] = largest as [Tensor1D, Tensor1D, Tensor1D, Tensor1D?];
  const spread: Tensor1D = first.sub(third.add(fourth).div(2));
  return margin(logits, goals).div(spread.add(1e-12));
}

/** What attacks within a fixed budget descend on, by name. */
export type FixedLoss = "ce" | "dlr";

/**
 * The loss of a name. For the cross-entropy stand the log-odds: they rise and fall with it and have
 * its direction, which is all that such attacks use, and do not vanish where it saturates.
 *
 * @throws {RangeError} If there is none of that name.
 */
export function fixedLoss(name: FixedLoss): (logits: Tensor2D, goals: Goals) => Tensor1D {
  if (name === "ce") return logOdds;
  if (name === "dlr") return dlr;
  throw new RangeError(`Cannot attack as the loss must be ce or dlr: current value is ${name}`);
}

/** Softmax probability of the reference or, negated, of the target; shape `[batch]`. */
export function confidence(logits: Tensor2D, { references, targets, mode }: Goals): Tensor1D {
  const of = (classes: Tensor1D): Tensor1D => split(logits.softmax(), classes).own;
  return mode === "leave" ? of(references) : of(targets).neg();
}

/** What the school's attacks descend on, by name. */
export type Descent = "confidence" | "log";

/**
 * The loss of a name. "log" is the logarithm of the odds, log(c / (1 - c)), and not of the confidence
 * c: that saturates as well, since its gradient too is in proportion to 1 - c.
 *
 * @throws {RangeError} If there is none of that name.
 */
export function schoolLoss(name: Descent): (logits: Tensor2D, goals: Goals) => Tensor1D {
  if (name === "confidence") return confidence;
  if (name === "log") return logOdds;
  throw new RangeError(
    `Cannot attack as descent must be confidence or log: current value is ${name}`,
  );
}

/**
 * Whether logits reach the goal by the driver's margin; shape `[batch, 1, 1, 1]`, bool. Call it
 * inside `tf.tidy`.
 */
export const reached = (logits: Tensor2D, goals: Goals): Tensor4D =>
  each(margin(logits, goals).lessEqual(-adversarialMargin));

/** One value for each image, to be broadcast over its pixels. */
export const each = (values: Tensor): Tensor4D => values.reshape([-1, 1, 1, 1]);
