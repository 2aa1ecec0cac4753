/**
 * Carlini and Wagner's attack: norm plus a constant times the margin, and a search for the constant.
 *
 * @module
 */
import { adamStep, type Moments, nextPowers, type Powers, startMoments } from "../adam.ts";
import { type Tensor4D, tf } from "../backend.ts";
import type { Attack } from "./attack.ts";
import { crossed, enough } from "./boundary.ts";
import { each, margin } from "./losses.ts";
import { type Clock, startClock, tick } from "./schedule.ts";

/** Settings of {@linkcode carliniWagner}. */
export interface CarliniWagnerOptions {
  /** The norm; there is no other. @default 2 */
  p?: number;
}

/** What has shape `[batch, 1, 1, 1]` is each image's own. */
type CarliniWagnerState = Clock & Moments<Tensor4D> & Powers & {
  readonly point: Tensor4D;
  /** Where the descent of each round begins, and where it stands: inverse sigmoids of pixels. */
  readonly origin: Tensor4D;
  readonly inner: Tensor4D;
  /** The margin's weight, the largest that was too small, the smallest that was enough. */
  readonly weight: Tensor4D;
  readonly lower: Tensor4D;
  readonly upper: Tensor4D;
  /** 1 if this round found an adversarial point. */
  readonly found: Tensor4D;
};

/** Adam's step size, the first weight, and how many rounds there are. */
const learningRate = 0.1;
const startWeight = 0.1;
const rounds = 6;

/**
 * Looks for the smallest L2 norm: Adam descends on the squared norm plus a weight times the margin,
 * where that is positive, on pixels written as sigmoids, so that they stay in the box. A search over
 * the weight, one descent a round: ten times more until a round succeeds, then halfway between what
 * was too little and what was enough.
 *
 * Departures from the paper, which makes nine rounds of 10,000 steps: all rounds share the steps of
 * the run, six of them, from weight 0.1 in place of 0.001 and with step size 0.1 in place of 0.01
 * (100 train images of an MLP, 990 steps: found 100 at mean 0.788, by the paper's settings 74).
 *
 * @throws {RangeError} If `p` is not 2.
 * @see Carlini and Wagner, "Towards evaluating the robustness of neural networks" (2017),
 *   https://arxiv.org/abs/1608.04644
 */
export function carliniWagner(
  { p = 2 }: CarliniWagnerOptions = {},
): Attack<CarliniWagnerState> {
  if (p !== 2) {
    throw new RangeError(`Cannot attack as Carlini-Wagner needs p = 2: current value is ${p}`);
  }
  return {
    name: "carlini-wagner",
    graph: "carlini-wagner",
    p,
    stopsWhenFound: false,
    start({ images }, { steps }) {
      const fill = (value: number): Tensor4D => tf.fill([images.shape[0], 1, 1, 1], value);
      const inside = images.sub(0.5).mul(1 - 1e-6).add<Tensor4D>(0.5);
      const origin: Tensor4D = tf.log(inside.div<Tensor4D>(tf.sub(1, inside)));
      return {
        point: images,
        origin,
        inner: origin,
        weight: fill(startWeight),
        lower: fill(0),
        upper: fill(Infinity),
        found: fill(0),
        power1: fill(1),
        power2: fill(1),
        ...startMoments(images),
        ...startClock(images.shape[0], steps),
      };
    },
    step(state, problem, oracle) {
      const { point, inner, weight } = state;
      const { logits, gradient } = oracle.gradient(point, (logits) => margin(logits, problem));
      const ahead = each(margin(logits, problem).add(enough(logits))).greater(0);
      const push = tf.where(ahead, gradient.mul(weight), tf.zerosLike(gradient));
      const r = point.sub(problem.images);
      const slope: Tensor4D = push.add(r.mul(2)).mul(point).mul(tf.sub(1, point)).mul(2);
      const powers = nextPowers(state);
      // An inverse sigmoid is twice the paper's inverse hyperbolic tangent.
      const { x, moments } = adamStep(inner, state, slope, powers, {
        learningRate: tf.scalar(2 * learningRate),
      });
      const found: Tensor4D = state.found.maximum(crossed(logits, problem).cast("float32"));
      const next = endRound({ ...state, inner: x, found, ...moments, ...powers });
      return { ...next, point: next.inner.sigmoid(), ...tick(state) };
    },
  };
}

/** At the end of a round: the next weight, and back to where descents begin; else the same state. */
function endRound(state: CarliniWagnerState): CarliniWagnerState {
  const { origin, weight, lower, upper, found, done, steps } = state;
  const over = done.add(1).mod(steps.div(rounds).ceil()).equal(0);
  const least: Tensor4D = tf.where(found.greater(0), lower, weight);
  const most: Tensor4D = tf.where(found.greater(0), weight, upper);
  const middle: Tensor4D = least.add(most.minimum(1e10)).div(2);
  const next: Tensor4D = tf.where(most.less(Infinity), middle, weight.mul<Tensor4D>(10));
  const first = {
    inner: origin,
    weight: next,
    lower: least,
    upper: most,
    found: tf.zerosLike(found),
    power1: tf.onesLike(found),
    power2: tf.onesLike(found),
    ...startMoments(origin),
  };
  const chosen = Object.entries(first).map(([name, value]) => [
    name,
    tf.where(over, value, state[name as keyof typeof first]),
  ]);
  return { ...state, ...Object.fromEntries(chosen) };
}
