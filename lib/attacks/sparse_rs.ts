/**
 * Sparse-RS: random search over sets of pixels, which asks for logits alone.
 *
 * @module
 */
import { type Tensor, type Tensor4D, tf } from "../backend.ts";
import { project } from "../norms.ts";
import type { Attack } from "./attack.ts";
import { assertEpsilon } from "./budget.ts";
import { type Dice, roll } from "./dice.ts";
import { each, margin, reached } from "./losses.ts";
import { type Clock, startClock, tick } from "./schedule.ts";

/** Settings of {@linkcode sparseRs}. */
export interface SparseRsOptions {
  /** The norm; there is no other. @default 0 */
  p?: number;
  /** Pixels changed at most; an image's own epsilon takes its place. @default 20 */
  epsilon?: number;
  /**
   * Whether to go on after a success, with a pixel less, so that epsilon is but where the search
   * for the smallest number begins. @default false
   */
  minimal?: boolean;
}

type SparseRsState = Clock & Dice & {
  readonly point: Tensor4D;
  /** The best point, and its loss, shape `[batch, 1, 1, 1]`. */
  readonly best: Tensor4D;
  readonly loss: Tensor4D;
};

/** The paper's: share of the pixels that the first step exchanges, and when how much less, of 10,000. */
const firstShare = 0.3;
const changes = [0, 50, 200, 500, 1000, 2000, 4000, 6000, 8000];
const divisors = [1, 2, 4, 5, 6, 8, 10, 12, 15, 20];

/**
 * Random search: some of the pixels changed are given back and as many others are painted; it stays
 * so where that lowers the margin. The share exchanged falls with the steps. Where an adversarial
 * point is known, the search begins with some of its pixels.
 *
 * Departures from the paper: a new pixel is painted black or white at random, but never as it was;
 * targeted attacks descend on the margin as well, not on cross-entropy.
 *
 * @throws {RangeError} If `p` is not 0 or epsilon is out of range.
 * @see Croce et al., "Sparse-RS: a versatile framework for query-efficient sparse black-box
 *   adversarial attacks" (2022), https://arxiv.org/abs/2006.12834
 */
export function sparseRs(
  { p = 0, epsilon = 20, minimal = false }: SparseRsOptions = {},
): Attack<SparseRsState> {
  if (p !== 0) {
    throw new RangeError(`Cannot attack as Sparse-RS needs p = 0: current value is ${p}`);
  }
  assertEpsilon(epsilon, "Sparse-RS");
  return {
    name: "sparse-rs",
    graph: "sparse-rs",
    p,
    stopsWhenFound: !minimal,
    start({ images }, beginning) {
      const clock = startClock(images.shape[0], beginning.steps);
      const shift = beginning.uniform();
      const dice = { ...clock, shift };
      const asked: Tensor4D = beginning.epsilon ?? tf.fill(clock.done.shape, epsilon);
      const count = tf.floor(asked);
      const isKnown = changedPixels(beginning.point, images);
      const painted: Tensor4D = tf.where(
        isKnown.any([1, 2, 3], true),
        tf.where(some(isKnown.cast("float32"), count, roll(dice, 0)), beginning.point, images),
        tf.where(some(tf.onesLike(images), count, roll(dice, 0)), paint(images, dice), images),
      );
      const loss: Tensor4D = tf.fill(count.shape, Infinity);
      return { point: painted, best: images, loss, shift, ...clock };
    },
    step(state, problem, oracle) {
      const { images } = problem;
      const logits = oracle.logits(state.point);
      const tried = each(margin(logits, problem));
      const best = tf.where(tried.less(state.loss), state.point, state.best);
      // Who goes on after a success has a pixel less, where no loss is known yet.
      const success = reached(logits, problem);
      const less = success.cast<Tensor4D>("float32");
      const loss = tf.where(
        success,
        each(tf.fill(tried.shape, Infinity)),
        tried.minimum(state.loss),
      );
      const next = { best, loss, ...tick(state), shift: state.shift };
      const changed = changedPixels(best, images).cast<Tensor4D>("float32");
      const given = tf.where(success, less, exchanged(state, each(changed.sum([1, 2, 3]))));
      const back = some(changed, given, roll(next, 0));
      const taken = some(tf.sub(1, changed), given.sub(less), roll(next, 1));
      const painted: Tensor4D = tf.where(taken, paint(images, next), best);
      return { ...next, point: tf.where(back, images, painted) };
    },
  };
}

const changedPixels = (point: Tensor4D, images: Tensor4D): Tensor4D => point.notEqual(images);

/** How many of the pixels changed are exchanged at this step. */
function exchanged({ done, steps }: Clock, count: Tensor4D): Tensor4D {
  const scaled = tf.floor<Tensor4D>(done.div(steps).mul(10_000));
  const passed = scaled.greater(tf.tensor4d(changes, [1, 1, 1, changes.length]));
  const divisor = tf.tensor1d(divisors).gather(
    passed.cast<Tensor>("int32").sum(3, true).cast("int32"),
  );
  return tf.floor<Tensor4D>(count.mul<Tensor4D>(firstShare).div(divisor)).maximum<Tensor4D>(1)
    .minimum(count);
}

/** Chooses `count` of the pixels where `among` is 1; bool. */
const some = (among: Tensor4D, count: Tensor4D, dice: Tensor4D): Tensor =>
  project(among.mul(dice.add(1)), 0, count).notEqual(0);

/** All pixels black or white at random, but other than they were. */
function paint(images: Tensor4D, dice: Dice): Tensor4D {
  const colour = roll(dice, 2).less(0.5).cast<Tensor4D>("float32");
  // 1 - colour where the pixel has that colour. To choose by tf.where before a convolution makes
  // TensorFlow's graph optimizer abort the process.
  return colour.equal(images).cast<Tensor4D>("float32").sub<Tensor4D>(colour).abs();
}
