/**
 * The decision boundary that is nearest if the network is taken for linear.
 *
 * @module
 */
import { type Tensor, type Tensor1D, type Tensor2D, type Tensor4D, tf } from "../backend.ts";
import { dualP, norm } from "../norms.ts";
import type { Oracle, Problem } from "./attack.ts";
import { adversarialMargin } from "./judge.ts";
import { each, type Goals, margin } from "./losses.ts";

/** A boundary as seen from a point. */
export interface Boundary {
  /** Logits at the point, shape `[batch, 10]`. */
  readonly logits: Tensor2D;
  /** Difference of logits, negative beyond the boundary; shape `[batch, 1, 1, 1]`. */
  readonly margin: Tensor4D;
  /** Its gradient, shape `[batch, 28, 28, 1]`. */
  readonly gradient: Tensor4D;
}

/** What float32 logits may differ by from batch to batch, as a share of the largest. */
const noise = 3e-6;

/**
 * By how much a difference of logits must be negative, so that the driver calls a point adversarial
 * in any batch; shape `[batch]`. Call it inside `tf.tidy`.
 */
export const enough = (logits: Tensor2D): Tensor1D =>
  logits.abs().max(1).mul(noise).add(adversarialMargin);

/** Whether the goal is reached by {@linkcode enough}; shape `[batch, 1, 1, 1]`, bool. */
export function crossed(logits: Tensor2D, goals: Goals): Tensor4D {
  // Whoever aims at a class may leave by another.
  const mode = goals.mode === "reach" ? "reach" : "leave";
  return each(margin(logits, { ...goals, mode }).add(enough(logits)).lessEqual(0));
}

/**
 * Looks from each point at the boundaries to some other classes, those of the largest logits, and
 * gives the nearest by margin / dual norm of its gradient. Where there is a target, there is only
 * its own. Costs a gradient for each class. Call it inside `tf.tidy`.
 *
 * @param rivals How many other classes; all of them if there are not so many.
 * @param p The norm, at least 1.
 */
export function nearestBoundary(
  point: Tensor4D,
  problem: Problem,
  oracle: Oracle,
  rivals: number,
  p: number,
): Boundary {
  const look = (goals: Problem): Boundary => {
    const { logits, gradient } = oracle.gradient(point, (logits) => margin(logits, goals));
    return { logits, margin: each(margin(logits, goals)), gradient };
  };
  const first = look(problem);
  const others = problem.mode === "leave" ? Math.min(rivals, first.logits.shape[1] - 1) : 1;
  if (others <= 1) return first;
  const own = tf.oneHot(problem.references, first.logits.shape[1]).cast("float32");
  const { indices } = tf.topk(first.logits.sub(own.mul(1e30)), others);
  const distance = ({ margin, gradient }: Boundary): Tensor =>
    margin.abs().div(each(norm(gradient, dualP(p))).maximum(1e-12));
  let [best, least] = [first, distance(first)];
  for (let rank = 1; rank < others; rank++) {
    const targets: Tensor1D = indices.gather([rank], 1).reshape([-1]);
    const next = look({ ...problem, mode: "aim", targets });
    const size = distance(next);
    const nearer = size.less(least);
    best = {
      logits: first.logits,
      margin: tf.where(nearer, next.margin, best.margin),
      gradient: tf.where(nearer, next.gradient, best.gradient),
    };
    least = size.minimum(least);
  }
  return best;
}
