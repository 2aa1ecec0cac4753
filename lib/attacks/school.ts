/**
 * The school's attack: gradient descent on the confidence, on the sphere of one norm.
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
import { type Tensor4D, tf } from "../backend.ts";
import { rescale } from "../norms.ts";
import type { Attack } from "./attack.ts";
import { budget } from "./budget.ts";
import { type Descent, schoolLoss } from "./losses.ts";

/** Settings of {@linkcode school}. */
export interface SchoolOptions {
  /** The norm: any p >= 1, `Infinity` included. @default 2 */
  p?: number;
  /** Norm of the perturbation before it is clipped to the pixel box. @default 3 */
  norm?: number;
  /** Adam's step size, in pixel units. @default 0.01 */
  learningRate?: number;
  /** What it descends on. @default "confidence" */
  descent?: Descent;
}

type SchoolState = Moments<Tensor4D> & Powers & {
  readonly point: Tensor4D;
  /** Norm to rescale to, and step size, shape `[batch, 1, 1, 1]`. */
  readonly target: Tensor4D;
  readonly rate: Tensor4D;
};

/** Beyond it the squares or sums of 784 float32 pixels overflow, and r becomes NaN. */
const LARGEST = 1e30;
/** How far a pixel may go before r is rescaled: beyond, squares overflow, and no step means it. */
const FARTHEST = 1e6;

/**
 * Descends on the confidence of the predicted class (or ascends on that of the target).
 *
 * The perturbation r starts uniform; each step moves r by Adam, rescales it to the norm, and clips
 * image + r to [0, 1]. The gradient is taken at the clipped image and not through the clipping:
 * otherwise a pixel that was once clipped could never come back. As r is what clipping leaves, the
 * next rescaling hands the norm that was cut off to the pixels that can use it.
 *
 * The norm may be each image's own, the beginning's epsilon. With `descent` "log" it descends on the
 * log-odds in place of the confidence, see {@linkcode schoolLoss}: these do not saturate.
 *
 * @throws {RangeError} If a setting is out of range.
 */
export function school(
  { p = 2, norm = 3, learningRate = 0.01, descent = "confidence" }: SchoolOptions = {},
): Attack<SchoolState> {
  const rule = (name: string, must: string, value: number) =>
    new RangeError(`Cannot attack as ${name} must be ${must}: current value is ${value}`);
  if (!(p >= 1)) throw rule("p", "at least 1", p);
  if (!(norm >= 0 && norm <= LARGEST)) throw rule("norm", `from 0 to ${LARGEST}`, norm);
  if (!(learningRate > 0 && learningRate <= LARGEST)) {
    throw rule("learningRate", `greater than 0 and at most ${LARGEST}`, learningRate);
  }
  const loss = schoolLoss(descent);
  const at = (images: Tensor4D, r: Tensor4D, target: Tensor4D): Tensor4D =>
    tf.clipByValue(images.add(rescale(tf.clipByValue(r, -FARTHEST, FARTHEST), p, target)), 0, 1);
  return {
    name: "school",
    graph: `school, p ${p}, ${descent}`,
    p,
    stopsWhenFound: true,
    start(problem, beginning) {
      const { images } = problem;
      const each: [number, number, number, number] = [images.shape[0], 1, 1, 1];
      const r: Tensor4D = beginning.uniform().mul(2).sub(1);
      const target = budget(problem, beginning, norm, p);
      const rate: Tensor4D = tf.fill(each, learningRate);
      const memory = { ...startMoments(images), ...startPowers(each) };
      return { point: at(images, r, target), target, rate, ...memory };
    },
    step(state, problem, oracle) {
      const { images } = problem;
      const { gradient } = oracle.gradient(state.point, (logits) => loss(logits, problem));
      const { point, target, rate } = state;
      const powers = nextPowers(state);
      const r: Tensor4D = point.sub(images);
      const { x, moments } = adamStep(r, state, gradient, powers, { learningRate: rate });
      return { point: at(images, x, target), target, rate, ...moments, ...powers };
    },
  };
}
