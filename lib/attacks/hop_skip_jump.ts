/**
 * HopSkipJump: from boundary point to boundary point, told nothing but success or failure.
 *
 * @module
 */
import { type Tensor, type Tensor4D, tf } from "../backend.ts";
import { norm, project, rescale } from "../norms.ts";
import type { Attack } from "./attack.ts";
import { inward } from "./box.ts";
import { type Dice, lane, roll } from "./dice.ts";
import { each, reached } from "./losses.ts";

/** Settings of {@linkcode hopSkipJump}. */
export interface HopSkipJumpOptions {
  /** The norm: 2 or `Infinity`. @default 2 */
  p?: number;
}

/** What an image is at. */
const { seek, halve, probe, jump } = { seek: 0, halve: 1, probe: 2, jump: 3 };

/** All but the pictures has shape `[batch, 1, 1, 1]`. */
type HopState = Dice & {
  /** The point to ask about next. */
  readonly point: Tensor4D;
  readonly phase: Tensor4D;
  /** An adversarial point, and the part of the way to it that is known to fail and to succeed. */
  readonly current: Tensor4D;
  readonly low: Tensor4D;
  readonly high: Tensor4D;
  /** Probes made around the point: how many, and sums of success (1 or -1), direction, product. */
  readonly probes: Tensor4D;
  readonly successes: Tensor4D;
  readonly directions: Tensor4D;
  readonly products: Tensor4D;
  /** How long the jump is, and how many were made. */
  readonly length: Tensor4D;
  readonly jumps: Tensor4D;
};

/** The paper's: probes around the first point. */
const firstProbes = 100;

/**
 * Looks for the smallest norm, and of the network's answers uses only whether the goal is reached.
 * An adversarial point is sought; then again and again: the way to the clean image is halved until
 * the boundary is found, the direction in which most probes around it succeed is estimated, and a
 * jump in that direction is shortened until it succeeds. A step asks about one point, so that each
 * image is where it is, whatever the others do.
 *
 * The search begins with `beginning.point`; where that is not adversarial, with noise, fine and
 * coarse, and with greys, mixed more and more into the image.
 *
 * Departure from the paper: probes go in directions uniform in a cube in L2 as well, not Gaussian.
 *
 * @throws {RangeError} If `p` is neither 2 nor infinite.
 * @see Chen et al., "HopSkipJumpAttack: a query-efficient decision-based attack" (2020),
 *   https://arxiv.org/abs/1904.02144
 */
export function hopSkipJump({ p = 2 }: HopSkipJumpOptions = {}): Attack<HopState> {
  if (p !== 2 && p !== Infinity) {
    throw new RangeError(`Cannot attack as HopSkipJump needs p = 2 or inf: current value is ${p}`);
  }
  return {
    name: "hop-skip-jump",
    graph: `hop-skip-jump, p ${p}`,
    p,
    stopsWhenFound: false,
    start({ images }, { point, uniform }) {
      const zero: Tensor4D = tf.zeros([images.shape[0], 1, 1, 1]);
      const nothing = tf.zerosLike(images);
      return {
        point,
        done: zero,
        shift: uniform(),
        phase: zero,
        current: point,
        low: zero,
        high: tf.onesLike(zero),
        probes: zero,
        successes: zero,
        directions: nothing,
        products: nothing,
        length: zero,
        jumps: zero,
      };
    },
    step(state, problem, oracle) {
      const success = reached(oracle.logits(state.point), problem);
      const next = { ...learn(state, success, problem.images, p), shift: state.shift };
      return { ...next, point: ask(next, problem.images, p) };
    },
  };
}

type Learned = Omit<HopState, "point" | "shift">;

/** What the answer to the last question changes. */
function learn(state: HopState, success: Tensor, images: Tensor4D, p: number): Learned {
  const [seeking, halving, probing, jumping] = [seek, halve, probe, jump]
    .map((one) => state.phase.equal(one)) as [Tensor, Tensor, Tensor, Tensor];
  const failure = success.logicalNot();
  const landed = seeking.logicalOr(jumping).logicalAnd(success);
  const move = (from: Tensor4D, when: Tensor, to: number): Tensor4D =>
    tf.where(when, tf.fill(from.shape, to), from);

  const middle = state.low.add<Tensor4D>(state.high).div<Tensor4D>(2);
  const low = tf.where(halving.logicalAnd(failure), middle, state.low);
  const high = tf.where(halving.logicalAnd(success), middle, state.high);
  const halved = halving.logicalAnd(high.sub(low).lessEqual(precision(images, p)));
  const nearer = tf.where(halved, between(images, state.current, high, p), state.current);
  const current = tf.where(landed, state.point, nearer);

  const counted = count(state, success, probing, halved);
  const enough = state.jumps.add(1).sqrt().mul(firstProbes).floor();
  const probed = probing.logicalAnd(counted.probes.greaterEqual(enough));
  const jumps = state.jumps.add<Tensor4D>(probed.cast("float32"));

  const far = each(norm(current.sub(images), p));
  const missed = jumping.logicalAnd(failure);
  const shorter = tf.where(missed, state.length.div<Tensor4D>(2), state.length);
  const length = tf.where(probed, far.div<Tensor4D>(jumps.maximum(1).sqrt()), shorter);
  // A jump too short to tell is given up: probes go on, for a better estimate.
  const lost = missed.logicalAnd(length.less(far.mul(precision(images, p))));

  const onwards = move(move(state.phase, landed, halve), halved, probe);
  return {
    ...counted,
    done: state.done.add(1),
    phase: move(move(onwards, probed, jump), lost, probe),
    current,
    low: move(low, landed, 0),
    high: move(high, landed, 1),
    length,
    jumps,
  };
}

type Probes = Pick<HopState, "probes" | "successes" | "directions" | "products">;

/** Adds a probe to the sums, which begin anew at each point found. */
function count(state: HopState, success: Tensor, probing: Tensor, anew: Tensor): Probes {
  // A probe's direction is what the box leaves of it.
  const direction: Tensor4D = state.point.sub(state.current);
  const answer = success.cast<Tensor4D>("float32").mul<Tensor4D>(2).sub<Tensor4D>(1);
  const sum = (old: Tensor4D, value: Tensor4D): Tensor4D =>
    tf.where(anew, tf.zerosLike(old), tf.where(probing, old.add<Tensor4D>(value), old));
  return {
    probes: sum(state.probes, tf.onesLike(answer)),
    successes: sum(state.successes, answer),
    directions: sum(state.directions, direction),
    products: sum(state.products, direction.mul(answer)),
  };
}

/** The paper's: the part of the way to which a boundary is found. */
const precision = (images: Tensor4D, p: number): number =>
  (images.size / images.shape[0]) ** (p === 2 ? -1.5 : -2);

/** The point of the way from the image (0) to an adversarial one (1). */
function between(images: Tensor4D, current: Tensor4D, part: Tensor4D, p: number): Tensor4D {
  const r: Tensor4D = current.sub(images);
  if (p === 2) return images.add(r.mul(part));
  return images.add(project(r, p, each(norm(r, p)).mul(part)));
}

/** The next question. */
function ask(state: Omit<HopState, "point">, images: Tensor4D, p: number): Tensor4D {
  const { phase, current, low, high, probes, successes, directions, products, length } = state;
  const [noise, coarse, choice] = [roll(state, 0), roll(state, 1), roll(state, 2)];
  const anywhere = mix(images, noise, coarse, choice);

  const halfway = between(images, current, low.add<Tensor4D>(high).div(2), p);

  const far = each(norm(current.sub(images), p));
  const radius = far.div<Tensor4D>(images.size / images.shape[0]);
  const near: Tensor4D = current.add(rescale(noise.mul<Tensor4D>(2).sub(1), 2, radius));

  // The mean answer is taken off, as the point may lie on one side of the boundary; where all
  // answers are the same, it is all there is.
  const mean = successes.div(probes.maximum(1));
  const same = mean.abs().equal(1);
  const estimate: Tensor4D = products.sub(tf.where(same, 0, mean).mul(directions));
  const along = inward(p === 2 ? estimate : estimate.sign(), current);
  const onwards: Tensor4D = current.add(rescale(along, p, length));

  const is = (one: number) => phase.equal(one);
  const local = tf.where(is(probe), near, onwards);
  const found: Tensor4D = tf.where(is(halve), halfway, local);
  return tf.clipByValue<Tensor4D>(tf.where(is(seek), anywhere, found), 0, 1);
}

/** A random part of noise in the image: fine, in squares of 7 by 7 pixels, or one grey. */
function mix(images: Tensor4D, noise: Tensor4D, coarse: Tensor4D, choice: Tensor4D): Tensor4D {
  const [count] = images.shape;
  const squares = coarse.slice([0, 0, 0, 0], [-1, 4, 4, 1]).reshape([count, 4, 1, 4, 1])
    .tile([1, 1, 7, 1, 7]).reshape(images.shape);
  const kind = lane(choice, 0).mul(3).floor();
  const grey = tf.onesLike(noise).mul(lane(choice, 1));
  const other: Tensor = tf.where(kind.equal(0), noise, tf.where(kind.equal(1), squares, grey));
  return images.add(other.sub(images).mul(lane(choice, 2)));
}
