/**
 * Pivots: local search over the pixels that an L1 perturbation changes, led by gradients.
 *
 * @module
 */
import { type Tensor4D, tf } from "../backend.ts";
import { norm } from "../norms.ts";
import type { Attack } from "./attack.ts";
import { type Dice, roll } from "./dice.ts";
import { lowered } from "./hyperplane.ts";
import { adversarialMargin } from "./judge.ts";
import { each, margin, reached } from "./losses.ts";
import { type Clock, startClock, tick } from "./schedule.ts";

/** Settings of {@linkcode pivots}. */
export interface PivotsOptions {
  /** The norm; there is no other. @default 1 */
  p?: number;
}

type PivotsState = Clock & Dice & {
  readonly point: Tensor4D;
  /** The point that each round starts from, its margin and the gradient there. */
  readonly base: Tensor4D;
  readonly loss: Tensor4D;
  readonly slope: Tensor4D;
  /** Norm of the best point, shape `[batch, 1, 1, 1]`. */
  readonly best: Tensor4D;
};

/** Steps of a round: a proposal, and corrections by the gradient where it led to. */
const round = 5;
/** By how much chance may change a pixel's place in the order, as a power of two. */
const chance = 0.5;
/** How much larger than the best a norm may be at first. */
const tolerance = 0.1;

/**
 * Looks for the smallest L1 norm from an adversarial point on. Were the network affine, the smallest
 * perturbation would change the pixels with the largest slopes, each by all that the box allows. The
 * order is mixed a little by chance, the boundary is approached with the gradient where that led to,
 * and the round begins anew at the best point or at one not much worse.
 *
 * Of this lab.
 *
 * @throws {RangeError} If `p` is not 1.
 */
export function pivots({ p = 1 }: PivotsOptions = {}): Attack<PivotsState> {
  if (p !== 1) throw new RangeError(`Cannot attack as pivots need p = 1: current value is ${p}`);
  return {
    name: "pivots",
    graph: "pivots",
    p,
    stopsWhenFound: false,
    start({ images }, { point, steps, uniform }) {
      const clock = startClock(images.shape[0], steps);
      const none: Tensor4D = tf.fill(clock.done.shape, Infinity);
      return {
        point,
        base: point,
        loss: none,
        slope: tf.zerosLike(images),
        best: none,
        shift: uniform(),
        ...clock,
      };
    },
    step(state, problem, oracle) {
      const { images } = problem;
      const { point } = state;
      const { logits, gradient } = oracle.gradient(point, (one) => margin(one, problem));
      const here = each(margin(logits, problem));
      const length = each(norm(point.sub(images), 1));
      const success = reached(logits, problem);
      const left = tf.sub(1, state.done.div(state.steps));
      const allowed: Tensor4D = state.best.mul(left.mul(tolerance).add(1));
      const taken = success.logicalAnd(length.less(allowed).logicalOr(state.best.equal(Infinity)));
      const base = tf.where(taken, point, state.base);
      const slope = tf.where(taken, gradient, state.slope);
      const loss = tf.where(taken, here, state.loss);
      const best: Tensor4D = tf.where(success, state.best.minimum(length), state.best);
      // A new round starts from the base; within one the boundary is approached from where it is.
      const anew = tf.equal(tf.mod(state.done, round), 0);
      const [from, w, m] = [
        tf.where(anew, base, point),
        tf.where(anew, slope, gradient),
        tf.where(anew, loss, here),
      ];
      const dice = roll({ ...state, done: tf.floor<Tensor4D>(state.done.div(round)) }, 0);
      const order: Tensor4D = w.abs().mul(tf.pow(2, dice.mul(2).sub(1).mul(chance)));
      const lack: Tensor4D = w.mul(images.sub(from)).sum<Tensor4D>([1, 2, 3], true)
        .add(m).add(2 * adversarialMargin);
      const next = lowered(images, w, lack, 1, undefined, order);
      const { shift } = state;
      return { point: next, base, loss, slope, best, shift, ...tick(state) };
    },
  };
}
