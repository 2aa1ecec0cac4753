/**
 * The school's second attack: one descent that finds its norm by itself.
 *
 * @module
 */
import {
  adamStep,
  type Moments,
  nextPowers,
  type Powers,
  startMoments,
  startPowers,
} from "../adam.ts";
import { type Tensor2D, type Tensor4D, tf } from "../backend.ts";
import { rescale } from "../norms.ts";
import type { Attack } from "./attack.ts";
import { confidence, type Descent, each, type Goals, schoolLoss } from "./losses.ts";

/** Settings of {@linkcode school2}. */
export interface School2Options {
  /** The norm; there is no other. @default 2 */
  p?: number;
  /** What it descends on. @default "confidence" */
  descent?: Descent;
}

/** The report's: Adam's step size, and the confidences at which the loss changes. */
export const learningRate = 1e-3;
export const [lowConfidence, highConfidence] = [0.2, 0.9];

type School2State = Moments<Tensor4D> & Powers & { readonly point: Tensor4D };

/**
 * Confidence in the class to leave or, for a target, in all others; shape `[batch, 1, 1, 1]`. Call it
 * inside `tf.tidy`.
 */
export function resisting(logits: Tensor2D, goals: Goals): Tensor4D {
  const value = confidence(logits, goals);
  return each(goals.mode === "leave" ? value : value.add(1));
}

/**
 * Gradient of the piecewise loss with respect to r, shape `[batch, 28, 28, 1]`: with c the confidence,
 * ||r|| where c <= 0.2, c + ||r|| where c <= 0.9, else c - ||r||. That of ||r|| at r = 0 is 0. Call
 * it inside `tf.tidy`.
 *
 * @param c Shape `[batch, 1, 1, 1]`.
 * @param gradient That of the term c; of another that stands for it.
 */
export function piecewise(c: Tensor4D, gradient: Tensor4D, r: Tensor4D): Tensor4D {
  const outward = rescale(r, 2, 1);
  const ofNorm: Tensor4D = tf.where(c.lessEqual(highConfidence), outward, outward.neg());
  return tf.where(c.lessEqual(lowConfidence), ofNorm, ofNorm.add(gradient));
}

/**
 * Descends with Adam from r = 0 on a loss that first drives r outwards, then, with the confidence at
 * most 0.9, inwards as well, and at most 0.2 only inwards; so r settles near a small norm.
 *
 * Here, image + r is kept in the pixel box, as what is reported must be an image; the gradient is
 * taken at the clipped image and not through the clipping. `resistances` goes without the box, as
 * the report's definition does.
 *
 * With `descent` "log" the log-odds stand for c in the loss; the thresholds stay on c.
 *
 * @throws {RangeError} If `p` is not 2.
 */
export function school2(
  { p = 2, descent = "confidence" }: School2Options = {},
): Attack<School2State> {
  if (p !== 2) {
    throw new RangeError(`Cannot attack as school2 needs p = 2: current value is ${p}`);
  }
  const loss = schoolLoss(descent);
  return {
    name: "school2",
    graph: `school2, ${descent}`,
    p,
    stopsWhenFound: false,
    start: ({ images }) => ({
      point: images,
      ...startMoments(images),
      ...startPowers([images.shape[0], 1, 1, 1]),
    }),
    step(state, problem, oracle) {
      const { images } = problem;
      const { point } = state;
      const { logits, gradient } = oracle.gradient(point, (logits) => loss(logits, problem));
      const powers = nextPowers(state);
      const r: Tensor4D = point.sub(images);
      const slope = piecewise(resisting(logits, problem), gradient, r);
      // A tensor, as rows have times of their own: a number would ask for the operation without.
      const rate = { learningRate: tf.scalar(learningRate) };
      const { x, moments } = adamStep(r, state, slope, powers, rate);
      return { point: tf.clipByValue(images.add(x), 0, 1), ...moments, ...powers };
    },
  };
}
