/**
 * Square: random search by squares of pixels, which asks for logits alone.
 *
 * @module
 */
import { type Tensor, type Tensor4D, tf } from "../backend.ts";
import { norm, project, rescale } from "../norms.ts";
import type { Attack } from "./attack.ts";
import { assertEpsilon, budget } from "./budget.ts";
import { type Dice, lane, pick, roll } from "./dice.ts";
import { each, margin, reached } from "./losses.ts";
import { type Clock, startClock, tick } from "./schedule.ts";

/** Settings of {@linkcode square}. */
export interface SquareOptions {
  /** The norm: 2 or `Infinity`. @default Infinity */
  p?: number;
  /** Norm of the perturbation at most; an image's own epsilon takes its place. @default 0.3 */
  epsilon?: number;
  /**
   * Whether to go on after a success, with an epsilon 3 % below the norm found, so that the first
   * one is but where the search for the smallest begins. @default false
   */
  minimal?: boolean;
}

type SquareState = Clock & Dice & {
  readonly point: Tensor4D;
  /** The best point, its loss, and the norm at most; the latter of shape `[batch, 1, 1, 1]`. */
  readonly best: Tensor4D;
  readonly loss: Tensor4D;
  readonly epsilon: Tensor4D;
};

/** The paper's: share of pixels in the first square, and when it halves, of 10,000 steps. */
const firstShare = 0.8;
const halvings = [10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000];

/** By how much the norm shrinks after a success. */
const gamma = 0.03;

/**
 * Random search: a change of one square is kept where it lowers the margin. Squares get smaller with
 * the steps. In L-infinity a square takes one value, +epsilon or -epsilon, and the first point has
 * vertical stripes; in L2 a square gets a bump of two signs, paid for by another square that is
 * emptied, and the first point is a grid of bumps. Where an adversarial point is known, the search
 * begins there.
 *
 * Departures from the paper: targeted attacks descend on the margin as well, not on cross-entropy;
 * a square that changes nothing is not drawn again.
 *
 * @throws {RangeError} If `p` is neither 2 nor infinite, or epsilon is out of range.
 * @see Andriushchenko et al., "Square attack: a query-efficient black-box adversarial attack via
 *   random search" (2020), https://arxiv.org/abs/1912.00049
 */
export function square(
  { p = Infinity, epsilon = 0.3, minimal = false }: SquareOptions = {},
): Attack<SquareState> {
  if (p !== 2 && p !== Infinity) {
    throw new RangeError(`Cannot attack as Square needs p = 2 or inf: current value is ${p}`);
  }
  assertEpsilon(epsilon, "Square");
  const [first, propose] = p === 2 ? [grid, moveBump] : [stripes, paintSquare];
  const at = (images: Tensor4D, r: Tensor4D): Tensor4D => tf.clipByValue(images.add(r), 0, 1);
  return {
    name: "square",
    graph: `square, p ${p}`,
    p,
    stopsWhenFound: !minimal,
    start(problem, beginning) {
      const { images } = problem;
      const clock = startClock(images.shape[0], beginning.steps);
      const [radius, shift] = [budget(problem, beginning, epsilon, p), beginning.uniform()];
      const known: Tensor4D = beginning.point.sub(images);
      const isKnown = each(norm(known, Infinity)).greater(0);
      const fresh = first(radius, roll({ ...clock, shift }, 0));
      const point = at(images, tf.where(isKnown, project(known, p, radius), fresh));
      const loss: Tensor4D = tf.fill(radius.shape, Infinity);
      return { point, best: images, loss, epsilon: radius, shift, ...clock };
    },
    step(state, problem, oracle) {
      const { images } = problem;
      const logits = oracle.logits(state.point);
      const tried = each(margin(logits, problem));
      const best = tf.where(tried.less(state.loss), state.point, state.best);
      const r: Tensor4D = best.sub(images);
      // Who goes on after a success has a smaller ball to meet, where no loss is known yet.
      const success = reached(logits, problem);
      const smaller = each(norm(r, p)).minimum(state.epsilon).mul<Tensor4D>(1 - gamma);
      const epsilon = tf.where(success, smaller, state.epsilon);
      const loss = tf.where(
        success,
        each(tf.fill(tried.shape, Infinity)),
        tried.minimum(state.loss),
      );
      const next = { epsilon, best, loss, ...tick(state), shift: state.shift };
      const changed = propose(r, epsilon, sideOfSquare(state), roll(next, 0));
      return { ...next, point: at(images, tf.where(success, project(r, p, epsilon), changed)) };
    },
  };
}

/** Side of the square, from the share of pixels that it has at this step. */
function sideOfSquare({ done, steps }: Clock): Tensor4D {
  const scaled = done.div(steps).mul(10_000);
  const halved = tf.greaterEqual(scaled, tf.tensor4d(halvings, [1, 1, 1, halvings.length]));
  const share = tf.pow(0.5, halved.cast("float32").sum(3, true)).mul(firstShare);
  return tf.clipByValue(tf.round<Tensor4D>(share.mul<Tensor4D>(28 * 28).sqrt()), 1, 27);
}

const signs = (uniform: Tensor4D): Tensor4D =>
  uniform.less(0.5).cast<Tensor4D>("float32").mul(2).sub(1);

const stripes = (epsilon: Tensor4D, dice: Tensor4D): Tensor4D =>
  tf.onesLike(dice).mul(signs(dice.slice([0, 0, 0, 0], [-1, 1, -1, -1]))).mul(epsilon);

/** Rows and columns of the picture, shapes `[1, 28, 1, 1]` and `[1, 1, 28, 1]`. */
const places = (): [Tensor4D, Tensor4D] => [
  tf.range(0, 28).reshape([1, 28, 1, 1]),
  tf.range(0, 28).reshape([1, 1, 28, 1]),
];

/** Rows and columns counted from a random square's corner. */
function corner(side: Tensor4D, dice: Tensor4D, first: number): [Tensor4D, Tensor4D] {
  const from = (place: number) => pick(lane(dice, place), tf.sub(29, side) as Tensor4D);
  const [rows, columns] = places();
  return [rows.sub(from(first)), columns.sub(from(first + 1))];
}

/** Whether pixels are in the square, by rows and columns from its corner. */
const within = (side: Tensor4D, [rows, columns]: [Tensor4D, Tensor4D]): Tensor4D =>
  rows.greaterEqual(0).logicalAnd(rows.less(side))
    .logicalAnd(columns.greaterEqual(0)).logicalAnd(columns.less(side));

type Propose = (r: Tensor4D, epsilon: Tensor4D, side: Tensor4D, dice: Tensor4D) => Tensor4D;

const paintSquare: Propose = (r, epsilon, side, dice) =>
  tf.where(within(side, corner(side, dice, 0)), signs(lane(dice, 2)).mul<Tensor4D>(epsilon), r);

const total = (r: Tensor4D): Tensor4D => r.square().sum([1, 2, 3], true);

/** Squares of odd side, at least 3. */
const odd = (side: Tensor4D): Tensor4D =>
  tf.floor<Tensor4D>(side.div(2)).mul<Tensor4D>(2).add<Tensor4D>(1).maximum(3);

const moveBump: Propose = (r, epsilon, smooth, dice) => {
  const side = odd(smooth);
  const [to, from] = [corner(side, dice, 0), corner(side, dice, 2)];
  const [inside, emptied] = [within(side, to), within(side, from)]
    .map((mask) => mask.cast<Tensor4D>("float32")) as [Tensor4D, Tensor4D];
  const both = inside.maximum(emptied);
  // What the two squares hold, and what clipping to the box has left unused.
  const budget = total(r.mul(both)).add(epsilon.square().sub(total(r)).maximum(0)).sqrt();
  const shape = bump(side, to, lane(dice, 4).less(0.5)).mul<Tensor4D>(signs(lane(dice, 5)));
  const old = rescale(r.mul(inside), 2, 1);
  const fresh = rescale(rescale(shape, 2, 1).add(old), 2, budget);
  return rescale(r.mul(tf.sub(1, both)).add(fresh), 2, epsilon);
};

/** Sums of 1 / j^2 for j up to 0, 1, 2, ... */
const sums = Array.from({ length: 30 }, (_, n) => {
  let sum = 0;
  for (let j = 1; j <= n; j++) sum += 1 / j ** 2;
  return sum;
});

/**
 * A bump in each half of a square, of opposite signs: each falls off from its middle as the paper's
 * sum of 1 / j^2 does.
 *
 * @param across Whether the halves lie side by side, or one above the other.
 */
function bump(side: Tensor4D, [rows, columns]: [Tensor4D, Tensor4D], across: Tensor): Tensor4D {
  const [zero, inside] = [tf.zerosLike(rows.add(columns)), within(side, [rows, columns])];
  const along: Tensor4D = tf.where(across, rows.add(zero), columns.add(zero));
  const cut: Tensor4D = tf.where(across, columns.add(zero), rows.add(zero));
  const half: Tensor4D = side.sub(1).div(2);
  const second = cut.greaterEqual(half);
  const width = tf.where(second, half.add(1), half);
  const middle = tf.where(second, half, tf.zerosLike(half)).add(width.div(2).floor());
  const far = along.sub(half).abs().maximum(cut.sub(middle).abs()).minimum(half.add(1));
  const table = tf.tensor1d(sums);
  const at = (index: Tensor) => table.gather(index.clipByValue(0, 29).cast<Tensor4D>("int32"));
  const height = at(half.add(1)).sub(at(far)).mul(inside.cast("float32"));
  return tf.where(second, height.neg(), height) as Tensor4D;
}

/** The first point in L2: 5 by 5 bumps, each of its own sign. */
function grid(epsilon: Tensor4D, dice: Tensor4D): Tensor4D {
  const [rows, columns] = places();
  let r: Tensor4D = tf.zerosLike(dice);
  for (let tile = 0; tile < 25; tile++) {
    const [top, left] = [Math.floor(tile / 5), tile % 5].map((place) => 1 + 5 * place);
    const own = lane(dice, tile);
    const at: [Tensor4D, Tensor4D] = [rows.sub(top!), columns.sub(left!)];
    r = r.add(
      bump(tf.onesLike(own).mul(5), at, own.mul(2).sub(own.mul(2).floor()).less(0.5)).mul(
        signs(own),
      ),
    );
  }
  return rescale(r, 2, epsilon);
}
