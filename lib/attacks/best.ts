/**
 * The best point of each image: kept by the driver, in the graph of each step, whatever the attack
 * makes of it.
 *
 * @module
 */
import { type Tensor, type Tensor1D, type Tensor2D, type Tensor4D, tf } from "../backend.ts";
import { norm } from "../norms.ts";
import type { Problem } from "./attack.ts";
import { adversarialMargin, batchNoise } from "./judge.ts";
import { each, margin } from "./losses.ts";

/** The smallest adversarial perturbation so far. */
export type Best = {
  /** Its norm, or Infinity; shape `[batch]`. */
  readonly norm: Tensor1D;
  /** The point, or the clean image; shape `[batch, 28, 28, 1]`. */
  readonly point: Tensor4D;
};

/** What was evaluated: points, and the network's answer. */
export interface Evaluated {
  readonly point: Tensor4D;
  readonly logits: Tensor2D;
}

/** Nothing found yet. */
export const startBest = (images: Tensor4D): Best => ({
  norm: tf.fill([images.shape[0]], Infinity),
  point: images,
});

/** The better of the best so far and of what was just evaluated. Call it inside `tf.tidy`. */
export function better(best: Best, { point, logits }: Evaluated, problem: Problem, p: number): {
  best: Best;
  norm: Tensor1D;
} {
  const { mode } = problem;
  // Whoever aims at a class may leave by another.
  const ahead = margin(logits, { ...problem, mode: mode === "reach" ? "reach" : "leave" });
  const enough: Tensor = logits.abs().max(1).mul(-batchNoise).sub(adversarialMargin);
  const size = norm(point.sub(problem.images), p);
  const improves = ahead.lessEqual(enough).logicalAnd(size.less(best.norm));
  return {
    best: {
      norm: tf.where(improves, size, best.norm),
      point: tf.where(each(improves), point, best.point),
    },
    norm: size,
  };
}
