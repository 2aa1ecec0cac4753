/**
 * APGD: projected gradient steps with momentum, whose length halves where progress stalls.
 *
 * @module
 */
import { type Tensor, type Tensor4D, tf } from "../backend.ts";
import { project, rescale } from "../norms.ts";
import { apgd1 } from "./apgd1.ts";
import type { Attack } from "./attack.ts";
import { inward } from "./box.ts";
import { assertEpsilon, budget, startInside } from "./budget.ts";
import { each, type FixedLoss, fixedLoss } from "./losses.ts";

/** Settings of {@linkcode apgd}. */
export interface ApgdOptions {
  /** The norm: 1, 2 or `Infinity`. @default Infinity */
  p?: number;
  /** The ball's radius. @default 0.1 */
  epsilon?: number;
  /** @default "ce" */
  loss?: FixedLoss;
}

/** All but the images has shape `[batch, 1, 1, 1]`. */
type ApgdState = {
  readonly point: Tensor4D;
  /** The point before. */
  readonly previous: Tensor4D;
  /** The point of the lowest loss, its gradient, its loss. */
  readonly best: Tensor4D;
  readonly bestGradient: Tensor4D;
  readonly bestLoss: Tensor4D;
  readonly lastLoss: Tensor4D;
  readonly epsilon: Tensor4D;
  /** A step's length, as a share of epsilon. */
  readonly length: Tensor4D;
  /** Since the last checkpoint: steps, and how many of them lowered the loss. */
  readonly since: Tensor4D;
  readonly falls: Tensor4D;
  /** Steps until the next checkpoint, counted from the last one. */
  readonly interval: Tensor4D;
  /** At the last checkpoint: the lowest loss, and whether the step was halved (0 or 1). */
  readonly checkedLoss: Tensor4D;
  readonly halved: Tensor4D;
  /** Steps at most. */
  readonly steps: Tensor4D;
};

/** The paper's: weight of the gradient step beside the momentum, and share of steps that must gain. */
const momentum = 0.75;
const enoughFalls = 0.75;

/** The paper's checkpoints as shares of all steps: the first, how much sooner each next, the least. */
const checkpoints = { first: 0.22, sooner: 0.03, least: 0.06 };

/** A share of all steps, at least one. */
const shareOf = (steps: Tensor, share: number): Tensor4D => steps.mul(share).floor().maximum(1);

/** Where one is 1, another is taken. */
const choose = (mark: Tensor, one: Tensor4D, other: Tensor4D): Tensor4D =>
  tf.where(mark.greater(0), one, other);

/**
 * Descends by steps of twice epsilon at first. At checkpoints the length halves, and the descent
 * goes back to the best point, where fewer than three quarters of the steps lowered the loss, or
 * where neither length nor lowest loss has changed since the last checkpoint.
 *
 * In L1 it is the variant for that norm, see {@linkcode apgd1}.
 *
 * Departures from the paper: where an adversarial point is known, it begins there; the part of a
 * gradient that leads out of the box is left out; it goes back to the best point without momentum;
 * "ce" is the log-odds, see {@linkcode fixedLoss}.
 *
 * @throws {RangeError} If a setting is out of range.
 * @see Croce and Hein, "Reliable evaluation of adversarial robustness with an ensemble of diverse
 *   parameter-free attacks" (2020), https://arxiv.org/abs/2003.01690
 */
export function apgd({ p = Infinity, epsilon = 0.1, loss = "ce" }: ApgdOptions = {}): Attack {
  if (![1, 2, Infinity].includes(p)) {
    throw new RangeError(`Cannot attack as APGD needs p = 1, 2 or inf: current value is ${p}`);
  }
  assertEpsilon(epsilon, "APGD");
  const descent = fixedLoss(loss);
  if (p === 1) return apgd1(epsilon, loss);
  const attack: Attack<ApgdState> = {
    name: "apgd",
    graph: `apgd, p ${p}, ${loss}`,
    p,
    stopsWhenFound: true,
    start(problem, beginning) {
      const radius = budget(problem, beginning, epsilon, p);
      return startState(startInside(problem, beginning, radius, p), radius, beginning.steps);
    },
    step(state, problem, oracle) {
      const { logits, gradient } = oracle.gradient(
        state.point,
        (logits) => descent(logits, problem),
      );
      const seen = look(state, gradient, each(descent(logits, problem)));
      const { state: checked, back } = check(seen);
      const moved = move(checked, choose(back, seen.bestGradient, gradient), problem.images, p);
      return { ...checked, ...moved };
    },
  };
  return attack;
}

function startState(point: Tensor4D, epsilon: Tensor4D, steps: number): ApgdState {
  const fill = (value: number): Tensor4D => tf.fill([point.shape[0], 1, 1, 1], value);
  const all = fill(Math.max(1, steps));
  return {
    point,
    previous: point,
    best: point,
    bestGradient: tf.zerosLike(point),
    bestLoss: fill(Infinity),
    lastLoss: fill(-Infinity),
    epsilon,
    length: fill(2),
    since: fill(-1),
    falls: fill(0),
    interval: shareOf(all, checkpoints.first),
    checkedLoss: fill(Infinity),
    halved: fill(1),
    steps: all,
  };
}

/** Takes note of the loss at the point. */
function look(state: ApgdState, gradient: Tensor4D, loss: Tensor4D): ApgdState {
  const better = loss.less(state.bestLoss);
  return {
    ...state,
    best: tf.where(better, state.point, state.best),
    bestGradient: tf.where(better, gradient, state.bestGradient),
    bestLoss: loss.minimum(state.bestLoss),
    lastLoss: loss,
    since: state.since.add(1),
    falls: state.falls.add(loss.less(state.lastLoss).cast<Tensor4D>("float32")),
  };
}

/** At a checkpoint, halves the length and goes back (a mark of 0 or 1) where progress stalls. */
function check(state: ApgdState): { state: ApgdState; back: Tensor4D } {
  const { point, best, since, falls, interval, bestLoss, checkedLoss, halved, length } = state;
  const due = since.greaterEqual(interval);
  const wavers = falls.lessEqual(interval.mul(enoughFalls));
  const rests = halved.equal(0).logicalAnd(bestLoss.greaterEqual(checkedLoss));
  const stalls = wavers.logicalOr(rests).cast<Tensor4D>("float32");
  const back = due.logicalAnd(stalls.greater(0)).cast<Tensor4D>("float32");
  const { sooner, least } = checkpoints;
  const next = interval.sub(shareOf(state.steps, sooner)).maximum(shareOf(state.steps, least));
  return {
    back,
    state: {
      ...state,
      point: choose(back, best, point),
      previous: choose(back, best, state.previous),
      length: length.mul(tf.sub(1, back.div(2))),
      since: tf.where(due, 0, since),
      falls: tf.where(due, 0, falls),
      interval: tf.where(due, next, interval) as Tensor4D,
      checkedLoss: tf.where(due, bestLoss, checkedLoss),
      halved: tf.where(due, stalls, halved),
    },
  };
}

/** A projected gradient step, and a part of the step before. */
function move(
  { point, previous, epsilon, length }: ApgdState,
  gradient: Tensor4D,
  images: Tensor4D,
  p: number,
): Pick<ApgdState, "point" | "previous"> {
  const inside = (to: Tensor4D): Tensor4D =>
    tf.clipByValue(images.add(project(to.sub(images), p, epsilon)), 0, 1);
  const reach: Tensor4D = epsilon.mul(length);
  const direction = inward(gradient.neg(), point);
  const along: Tensor4D = p === 2 ? rescale(direction, 2, reach) : direction.sign().mul(reach);
  const stepped = inside(point.add(along));
  const before = point.sub(previous);
  const weighed = stepped.sub(point).mul(momentum).add(before.mul(1 - momentum));
  // Without a step before, the whole step counts.
  const still = before.abs().max([1, 2, 3], true).equal(0);
  return { point: tf.where(still, stepped, inside(point.add(weighed))), previous: point };
}
