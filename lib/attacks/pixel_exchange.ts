/**
 * Pixel exchange: local search over sets of pixels, led by gradients.
 *
 * @module
 */
import { type Tensor, type Tensor4D, tf } from "../backend.ts";
import { norm } from "../norms.ts";
import type { Attack } from "./attack.ts";
import { type Dice, lane, roll } from "./dice.ts";
import { each, margin, reached } from "./losses.ts";
import { type Clock, startClock, tick } from "./schedule.ts";

/** Settings of {@linkcode pixelExchange}. */
export interface PixelExchangeOptions {
  /** The norm; there is no other. @default 0 */
  p?: number;
}

type PixelExchangeState = Clock & Dice & {
  readonly point: Tensor4D;
  /** The point that exchanges start from, the margin there and its gradient. */
  readonly base: Tensor4D;
  readonly loss: Tensor4D;
  readonly slope: Tensor4D;
  /** Pixels that may be changed, shape `[batch, 1, 1, 1]`. */
  readonly count: Tensor4D;
};

/** How much worse than the base a point may be at first, as a share of the largest single gain. */
const tolerance = 0.8;

/**
 * Looks for the smallest L0 norm from an adversarial point on: a changed pixel is given back and
 * another one is painted black or white, such as the gradient and chance propose; it stays so where
 * that lowers the margin, or raises it by less than a bound that falls to 0. At each success one
 * pixel less may be changed.
 *
 * Of this lab; Sparse-RS exchanges pixels blindly, and so needs a hundred times as many passes.
 *
 * @throws {RangeError} If `p` is not 0.
 * @see Croce et al., "Sparse-RS: a versatile framework for query-efficient sparse black-box
 *   adversarial attacks" (2022), https://arxiv.org/abs/2006.12834
 */
export function pixelExchange({ p = 0 }: PixelExchangeOptions = {}): Attack<PixelExchangeState> {
  if (p !== 0) {
    throw new RangeError(`Cannot attack as pixel exchange needs p = 0: current value is ${p}`);
  }
  return {
    name: "pixel-exchange",
    graph: "pixel-exchange",
    p,
    stopsWhenFound: false,
    start({ images }, { point, steps, uniform }) {
      const none = tf.zerosLike(images);
      const clock = startClock(images.shape[0], steps);
      const loss: Tensor4D = tf.fill(clock.done.shape, Infinity);
      const count = each(norm(point.sub(images), 0));
      return { point, base: point, loss, slope: none, count, shift: uniform(), ...clock };
    },
    step(state, problem, oracle) {
      const { images } = problem;
      const { logits, gradient } = oracle.gradient(state.point, (one) => margin(one, problem));
      const loss = each(margin(logits, problem));
      const size = each(norm(state.point.sub(images), 0));
      const success = reached(logits, problem).logicalAnd(size.lessEqual(state.count));
      const left = tf.sub(1, state.done.div(state.steps));
      const worth = gains(state.slope, images).max([1, 2, 3], true).mul(left.mul(tolerance));
      const dice = roll(state, 0);
      const allowed: Tensor4D = state.loss.add(worth.mul(lane(roll(state, 3), 5)));
      const taken = success.logicalOr(loss.less(allowed));
      const base = tf.where(taken, state.point, state.base);
      const slope = tf.where(taken, gradient, state.slope);
      const stays = tf.where(taken, loss, state.loss);
      const count: Tensor4D = tf.where(success, size.sub(1), state.count).maximum(0);
      // Give back the changed pixel that is missed least, by the gradient and chance.
      const changed = base.notEqual(images);
      const missed: Tensor4D = slope.mul(base.sub(images));
      const back = first(missed, changed, dice);
      // Paint the pixel that gains most.
      const gain = gains(slope, images);
      const painted: Tensor4D = tf.where(
        slope.greater(0),
        tf.zerosLike(images),
        tf.onesLike(images),
      );
      const room = each(norm(base.sub(images), 0)).lessEqual(count);
      const paint = first(gain, changed.logicalNot(), roll(state, 1)).logicalAnd(room);
      const point: Tensor4D = tf.where(paint, painted, tf.where(back, images, base));
      const next = { base, slope, count, shift: state.shift, ...tick(state) };
      return {
        ...next,
        point,
        loss: tf.where(success, each(tf.fill(loss.shape, Infinity)), stays),
      };
    },
  };
}

/** How much the margin falls, to first order, if a pixel is painted black or white. */
const gains = (slope: Tensor4D, images: Tensor4D): Tensor4D =>
  tf.where(slope.greater(0), slope.mul(images), slope.mul(images.sub(1)));

/** The pixel that is first among some, by value and chance; bool. */
function first(value: Tensor4D, among: Tensor, dice: Tensor4D): Tensor4D {
  const spread: Tensor4D = tf.where(value.greater(0), value.mul(dice), value.div(dice.add(0.01)));
  const score: Tensor4D = tf.where(among, spread, tf.fill(spread.shape, -Infinity));
  return score.equal(score.max([1, 2, 3], true)).logicalAnd(among);
}
