/**
 * PGD: gradient steps of fixed length from a random point of the ball, projected back into it.
 *
 * @module
 */
import { type Tensor4D, tf } from "../backend.ts";
import { project, rescale } from "../norms.ts";
import { assertPositive } from "../numbers.ts";
import type { Attack } from "./attack.ts";
import { assertEpsilon, budget, startInside } from "./budget.ts";
import { inward } from "./box.ts";
import { type FixedLoss, fixedLoss } from "./losses.ts";

/** Settings of {@linkcode pgd}. */
export interface PgdOptions {
  /** The norm: 2 or `Infinity`. @default Infinity */
  p?: number;
  /** The ball's radius. @default 0.1 */
  epsilon?: number;
  /**
   * Length of a step in norm p, as a share of epsilon. With a random start, one step and a share of
   * 1.25 it is the fast variant of FGSM. @default 2.5 over the number of steps
   */
  stepSize?: number;
  /** Whether to begin at a random point, or at the image. @default true */
  randomStart?: boolean;
  /** @default "ce" */
  loss?: FixedLoss;
}

type PgdState = {
  readonly point: Tensor4D;
  /** The ball's radius, and a step's length, shape `[batch, 1, 1, 1]`. */
  readonly epsilon: Tensor4D;
  readonly length: Tensor4D;
};

/**
 * Descends by steps of fixed length within ball and box.
 *
 * Departures from the paper: where an adversarial point is known, it begins there; at p = 2 its random
 * start lies on the sphere, and the part of a gradient that leads out of the box is left out; "ce" is
 * the log-odds, see {@linkcode fixedLoss}.
 *
 * @throws {RangeError} If a setting is out of range.
 * @see Madry et al., "Towards deep learning models resistant to adversarial attacks" (2018),
 *   https://arxiv.org/abs/1706.06083
 */
export function pgd(
  { p = Infinity, epsilon = 0.1, stepSize, randomStart = true, loss = "ce" }: PgdOptions = {},
): Attack<PgdState> {
  if (p !== 2 && p !== Infinity) {
    throw new RangeError(`Cannot attack as PGD needs p = 2 or inf: current value is ${p}`);
  }
  assertEpsilon(epsilon, "PGD");
  if (stepSize !== undefined) assertPositive(stepSize, "stepSize", "run PGD");
  const descent = fixedLoss(loss);
  return {
    name: "pgd",
    graph: `pgd, p ${p}, ${loss}`,
    p,
    stopsWhenFound: true,
    start(problem, beginning) {
      const radius = budget(problem, beginning, epsilon, p);
      const point = randomStart ? startInside(problem, beginning, radius, p) : problem.images;
      return { point, epsilon: radius, length: radius.mul(stepSize ?? 2.5 / beginning.steps) };
    },
    step({ point, epsilon, length }, problem, oracle) {
      const { images } = problem;
      const { gradient } = oracle.gradient(point, (logits) => descent(logits, problem));
      // In L-infinity each pixel moves by itself: what leads out of the box is clipped below.
      const along: Tensor4D = p === 2
        ? rescale(inward(gradient.neg(), point), 2, length)
        : gradient.neg().sign().mul(length);
      const r = project(point.add(along).sub(images), p, epsilon);
      return { point: tf.clipByValue(images.add(r), 0, 1), epsilon, length };
    },
  };
}
