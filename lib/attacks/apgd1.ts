/**
 * APGD in L1: sparse steps, whose number of pixels follows that of the best perturbation.
 *
 * @module
 */
import { type Tensor2D, type Tensor4D, tf } from "../backend.ts";
import { norm } from "../norms.ts";
import type { Attack } from "./attack.ts";
import { inward } from "./box.ts";
import { budget, startInside } from "./budget.ts";
import { each, type FixedLoss, fixedLoss } from "./losses.ts";

/** All but the images has shape `[batch, 1, 1, 1]`. */
type Apgd1State = {
  readonly point: Tensor4D;
  /** The point of the lowest loss, its gradient, its loss. */
  readonly best: Tensor4D;
  readonly bestGradient: Tensor4D;
  readonly bestLoss: Tensor4D;
  readonly epsilon: Tensor4D;
  /** A step's L1 length, as a share of epsilon. */
  readonly length: Tensor4D;
  /** How many pixels a step moves. */
  readonly pixels: Tensor4D;
  /** Pixels that the best point changed, at the last checkpoint. */
  readonly changed: Tensor4D;
  readonly since: Tensor4D;
  /** Steps from one checkpoint to the next. */
  readonly interval: Tensor4D;
};

/**
 * The paper's: a checkpoint each 4 % of the steps; the share of pixels that the first steps move; by
 * what the count of changed pixels is divided; below which ratio of counts the length starts anew;
 * by what it is divided otherwise; the shortest.
 */
const checkpoint = 0.04;
const firstShare = 0.2;
const sparser = 1.5;
const shrinks = 0.95;
const shorter = 1.5;
const shortest = 0.1;

/**
 * Descends by steps of L1 length epsilon along the signs of the largest gradients, projected onto
 * the intersection of ball and box. At checkpoints the number of pixels that a step moves becomes two
 * thirds of those that the best point changed; where that count fell by 5 %, the descent goes back to
 * the best point with steps of full length, and else the steps get shorter.
 *
 * Departures: those of `apgd`; one radius all the way, not three that shrink, as a search over
 * epsilon is about it.
 *
 * @throws {RangeError} If the loss is unknown.
 * @see Croce and Hein, "Mind the box: l1-APGD for sparse adversarial attacks on image classifiers"
 *   (2021), https://arxiv.org/abs/2103.01208
 */
export function apgd1(epsilon: number, loss: FixedLoss): Attack {
  const descent = fixedLoss(loss);
  const attack: Attack<Apgd1State> = {
    name: "apgd",
    graph: `apgd, p 1, ${loss}`,
    p: 1,
    stopsWhenFound: true,
    start(problem, beginning) {
      const radius = budget(problem, beginning, epsilon, 1);
      const point = startInside(problem, beginning, radius, 1);
      return startState(point, problem.images, radius, beginning.steps);
    },
    step(state, problem, oracle) {
      const { logits, gradient } = oracle.gradient(
        state.point,
        (logits) => descent(logits, problem),
      );
      const loss: Tensor4D = each(descent(logits, problem));
      const better = loss.less(state.bestLoss);
      const best = tf.where(better, state.point, state.best);
      const bestGradient = tf.where(better, gradient, state.bestGradient);
      const least: Tensor4D = loss.minimum(state.bestLoss);
      const since: Tensor4D = state.since.add(1);
      const seen = { ...state, best, bestGradient, bestLoss: least, since };
      const { state: checked, back } = check(seen, problem.images);
      const along = sparse(tf.where(back, bestGradient, gradient), checked);
      const to: Tensor4D = checked.point.add(along);
      return { ...checked, point: inBallAndBox(to, problem.images, state.epsilon) };
    },
  };
  return attack;
}

function startState(
  point: Tensor4D,
  images: Tensor4D,
  epsilon: Tensor4D,
  steps: number,
): Apgd1State {
  const fill = (value: number): Tensor4D => tf.fill([point.shape[0], 1, 1, 1], value);
  const all = images.size / images.shape[0];
  const known = each(norm(point.sub(images), 0));
  // A random start changes every pixel; a point that is known tells how many matter.
  const isRandom = known.greater(all / 2);
  const fewer: Tensor4D = known.div(sparser).maximum(1);
  return {
    point,
    best: point,
    bestGradient: tf.zerosLike(point),
    bestLoss: fill(Infinity),
    epsilon,
    length: fill(1),
    pixels: tf.where(isRandom, fill(all * firstShare), fewer),
    changed: fill(all),
    since: fill(-1),
    interval: fill(Math.max(1, Math.floor(steps * checkpoint))),
  };
}

/** At a checkpoint, sets the number of pixels and the length, and goes back where the first fell. */
function check(
  state: Apgd1State,
  images: Tensor4D,
): { state: Apgd1State; back: Tensor4D } {
  const due = state.since.greaterEqual(state.interval);
  const count = each(norm(state.best.sub(images), 0));
  const fewer: Tensor4D = count.div(sparser).maximum(1);
  const fell = count.div(state.changed.maximum(1)).less(shrinks);
  const back: Tensor4D = due.logicalAnd(fell);
  const shorterOne: Tensor4D = state.length.div(shorter).maximum(shortest);
  const length: Tensor4D = tf.where(fell, tf.onesLike(fewer), shorterOne);
  return {
    back,
    state: {
      ...state,
      point: tf.where(back, state.best, state.point),
      pixels: tf.where(due, fewer, state.pixels),
      length: tf.where(due, length, state.length),
      changed: tf.where(due, count, state.changed),
      since: tf.where(due, 0, state.since),
    },
  };
}

/** A step against the signs of the largest gradients. */
function sparse(gradient: Tensor4D, { point, pixels, epsilon, length }: Apgd1State): Tensor4D {
  const direction = inward(gradient.neg(), point);
  const size = direction.abs();
  const flat = size.reshape<Tensor2D>([point.shape[0], -1]);
  const { values } = tf.topk(flat, flat.shape[1]);
  const place = tf.range(1, flat.shape[1] + 1).expandDims(0);
  const last = place.equal(pixels.floor().reshape([-1, 1])).cast("float32");
  const threshold = each(values.mul(last).sum(1));
  const signs = direction.sign().mul(size.greaterEqual(threshold).cast("float32"));
  const count = each(norm(signs as Tensor4D, 0)).maximum(1);
  return signs.mul(epsilon.mul(length).div(count));
}

/** Halvings of the interval that holds the amount by which pixels shrink. */
const halvings = 24;

/**
 * The nearest point (in L2) that is in the box and at most `epsilon` from the image in L1: each
 * change is shrunk by the same amount and cut off at the box, in this order. Call it inside
 * `tf.tidy`.
 *
 * @param epsilon Shape `[batch, 1, 1, 1]`.
 */
export function inBallAndBox(point: Tensor4D, images: Tensor4D, epsilon: Tensor4D): Tensor4D {
  const r: Tensor4D = point.sub(images);
  const size = r.abs();
  const room = tf.where(r.greater(0), tf.sub(1, images), images);
  const shrunk = (amount: Tensor4D): Tensor4D => size.sub(amount).maximum(0).minimum(room);
  let low: Tensor4D = tf.zerosLike(epsilon);
  let high: Tensor4D = size.max<Tensor4D>([1, 2, 3], true);
  for (let i = 0; i < halvings; i++) {
    const middle: Tensor4D = low.add(high).div(2);
    const fits = shrunk(middle).sum([1, 2, 3], true).lessEqual(epsilon);
    low = tf.where(fits, low, middle);
    high = tf.where(fits, middle, high);
  }
  const isInside = shrunk(tf.zerosLike(epsilon)).sum([1, 2, 3], true).lessEqual(epsilon);
  const amount = tf.where(isInside, 0, high) as Tensor4D;
  return tf.clipByValue(images.add(r.sign().mul(shrunk(amount))), 0, 1);
}
