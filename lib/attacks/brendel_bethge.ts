/**
 * Brendel-Bethge: along the boundary to where it is nearest, by small steps that each solve a
 * problem of their own.
 *
 * @module
 */
import { type Tensor4D, tf } from "../backend.ts";
import { norm, project } from "../norms.ts";
import type { Attack } from "./attack.ts";
import { lowered } from "./hyperplane.ts";
import { adversarialMargin } from "./judge.ts";
import { each, margin, reached } from "./losses.ts";
import { type Clock, cosine, startClock, tick } from "./schedule.ts";

/** Settings of {@linkcode brendelBethge}. */
export interface BrendelBethgeOptions {
  /** The norm: 0, 1, 2 or `Infinity`. @default 2 */
  p?: number;
}

type BoundaryState = Clock & {
  readonly point: Tensor4D;
  /** The point that was adversarial at first, shape `[batch, 28, 28, 1]`. */
  readonly begun: Tensor4D;
  /** The part of the way to it that is known to fail and to succeed, shape `[batch, 1, 1, 1]`. */
  readonly low: Tensor4D;
  readonly high: Tensor4D;
};

/** Steps that look for the boundary first, by halves of the way. */
const halvings = 10;

/** How far the first move may go, by norm; after that the radius halves seven times. */
const radii: Readonly<Record<number, number>> = { 0: 1, 1: 1, 2: 4, [Infinity]: 0.1 };
const decays = 7;

/** By how much of the margin a move aims beyond the boundary, at the first step and at the last. */
const overshoot = (p: number): [number, number] => p === Infinity ? [1, 0.1] : [0.1, 0.1];

/**
 * Looks for the smallest norm: the way to an adversarial point is halved until the boundary is found;
 * from there each step takes the boundary for the plane that the gradient of the margin shows, and
 * goes to the point of that plane that is nearest to the clean image, of those in the box and not far
 * from where it stands. What is not far shrinks with the steps. Where no adversarial point is known,
 * the steps lead from the clean image to the boundary.
 *
 * Departures from the paper, whose trust region is an L2 ball for all norms, and whose problem has two
 * multipliers; here one is enough:
 * - L2: the point goes straight to the clean image by the radius, then to the nearest point of the
 *   plane in the box; that is no farther, and solves the paper's problem for some radius;
 * - L-infinity: the norm falls by the radius, or to the plane's own; of the points of that norm it
 *   takes the nearest one to where it stands, which solves the paper's problem for some radius;
 * - L1: the trust region is a cube;
 * - L0: a pixel may move in a cube or return to its clean value from anywhere; the fewest that reach
 *   the plane are changed.
 *
 * And but for L0, a point that is not adversarial goes to the plane the shortest way.
 *
 * @throws {RangeError} If `p` is none of these.
 * @see Brendel et al., "Accurate, reliable and fast robustness evaluation" (2019),
 *   https://arxiv.org/abs/1907.01003
 */
export function brendelBethge({ p = 2 }: BrendelBethgeOptions = {}): Attack<BoundaryState> {
  const move = moves[p];
  if (!move) {
    throw new RangeError(
      `Cannot attack as Brendel-Bethge needs p = 0, 1, 2 or inf: current value is ${p}`,
    );
  }
  return {
    name: "brendel-bethge",
    graph: `brendel-bethge, p ${p}`,
    p,
    stopsWhenFound: false,
    start({ images }, { point, steps }) {
      const clock = startClock(images.shape[0], steps);
      const [low, high] = [tf.zerosLike(clock.done), tf.onesLike(clock.done)];
      return { point, begun: point, low, high, ...clock };
    },
    step(state, problem, oracle) {
      const { point, begun, done } = state;
      const { images } = problem;
      const { logits, gradient } = oracle.gradient(point, (logits) => margin(logits, problem));
      const success = reached(logits, problem);
      const middle = state.low.add<Tensor4D>(state.high).div<Tensor4D>(2);
      const part = tf.where(done.equal(0), tf.onesLike(done), middle);
      const low = tf.where(success, state.low, part);
      const high = tf.where(success, part, state.high);
      const way: Tensor4D = begun.sub(images);
      const between: Tensor4D = images.add(way.mul(low.add(high).div(2)));
      const ahead = each(margin(logits, problem));
      const beyond = ahead.abs().mul<Tensor4D>(cosine(state, ...overshoot(p)));
      const goal: Tensor4D = ahead.add(beyond).add(2 * adversarialMargin);
      const radius = tf.pow(0.5, done.div(state.steps).mul(decays)).mul<Tensor4D>(radii[p]!);
      const along = move({ images, point, success, gradient, goal, radius });
      const halving = done.less(halvings).logicalAnd(each(norm(way, Infinity)).greater(0));
      const next = tf.clipByValue<Tensor4D>(tf.where(halving, between, along), 0, 1);
      return { point: next, begun, low, high, ...tick(state) };
    },
  };
}

/** What a move is made of. */
interface Place {
  images: Tensor4D;
  point: Tensor4D;
  /**
   * Whether the point is adversarial, shape `[batch, 1, 1, 1]`. If not, it first has to reach the
   * boundary: steps that always pull may stay short of a curved one for ever.
   */
  success: Tensor4D;
  /** Of the margin, at the point. */
  gradient: Tensor4D;
  /** By how much the margin has to fall from the point, shape `[batch, 1, 1, 1]`. */
  goal: Tensor4D;
  /** How far the move may go, shape `[batch, 1, 1, 1]`. */
  radius: Tensor4D;
}

/** How much more the margin has to fall from somewhere else. */
const lackFrom = (origin: Tensor4D, { point, gradient, goal }: Place): Tensor4D =>
  gradient.mul(origin.sub(point)).sum([1, 2, 3], true).add(goal);

type Move = (place: Place) => Tensor4D;

/** L2: towards the clean image, and from there to the plane. */
const pull: Move = (place) => {
  const back = project(place.images.sub(place.point), 2, place.radius);
  const origin = tf.where(place.success, place.point.add<Tensor4D>(back), place.point);
  return lowered(origin, place.gradient, lackFrom(origin, place), 2);
};

/** L-infinity: into a smaller cube around the clean image, and there to the plane. */
const squeeze: Move = (place) => {
  const { images, point, success, gradient, radius } = place;
  const ideal = lowered(images, gradient, lackFrom(images, place), Infinity);
  const size = (to: Tensor4D): Tensor4D => each(norm(to.sub(images), Infinity));
  const smaller = size(point).sub<Tensor4D>(radius.mul(success.cast("float32"))).maximum<Tensor4D>(
    size(ideal),
  );
  const bounds = { lower: images.sub(smaller).maximum(0), upper: images.add(smaller).minimum(1) };
  const origin: Tensor4D = point.maximum<Tensor4D>(bounds.lower).minimum(bounds.upper);
  return lowered(origin, gradient, lackFrom(origin, place), 2, bounds);
};

/** The cube that a move may not leave, within the pixel box. */
const cubeAround = ({ point, radius }: Place) => ({
  lower: point.sub<Tensor4D>(radius).maximum<Tensor4D>(0),
  upper: point.add<Tensor4D>(radius).minimum<Tensor4D>(1),
});

/** L1: the nearest point of the plane in a cube around where it stands. */
const nearInCube: Move = (place) => {
  const bounds = cubeAround(place);
  const back = place.images.maximum<Tensor4D>(bounds.lower).minimum<Tensor4D>(bounds.upper);
  const origin = tf.where(place.success, back, place.point);
  return lowered(origin, place.gradient, lackFrom(origin, place), 1, bounds);
};

/** L0: the pixels that gain most, as far as they get in the cube; all others become clean. */
const keepFewest: Move = (place) => {
  const { images, gradient } = place;
  const { lower, upper } = cubeAround(place);
  const best = tf.where(gradient.greater(0), lower, upper);
  const gain = gradient.mul(images.sub(best)).maximum<Tensor4D>(0);
  const [count] = gain.shape;
  const { values } = tf.topk(gain.reshape([count, -1]), gain.size / count);
  const lack = lackFrom(images, place).reshape([count, 1]);
  const needed = each(values.cumsum(1).less(lack).sum(1).add(1));
  return tf.where(project(gain, 0, needed.cast("float32")).greater(0), best, images);
};

const moves: Readonly<Record<number, Move>> = {
  0: keepFewest,
  1: nearInCube,
  2: pull,
  [Infinity]: squeeze,
};
