/**
 * Sigma-zero: descent on a smooth count of the pixels changed, and small changes dropped.
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
import { margin, reached } from "./losses.ts";
import { type Clock, cosine, startClock, tick } from "./schedule.ts";

/** Settings of {@linkcode sigmaZero}. */
export interface SigmaZeroOptions {
  /** The norm; there is no other. @default 0 */
  p?: number;
}

type SigmaZeroState = Clock & Moments<Tensor4D> & Powers & {
  readonly point: Tensor4D;
  /** Changes below it are dropped, shape `[batch, 1, 1, 1]`. */
  readonly threshold: Tensor4D;
};

/** The paper's: r^2 / (r^2 + sigma) counts a pixel changed by r; the threshold and its step. */
const sigma = 1e-3;
const startThreshold = 0.3;
const thresholdStep = 0.01;

/**
 * Looks for the smallest L0 norm: Adam descends on the margin, while it is not yet lost, plus a
 * smooth mean of the pixels changed, by a gradient scaled to largest entry 1; changes below a
 * threshold are dropped, and the threshold rises with success and falls with failure. The step size
 * falls along a cosine from 1 to 0.1.
 *
 * @throws {RangeError} If `p` is not 0.
 * @see Cinà et al., "Sigma-zero: gradient-based optimization of l0-norm adversarial examples"
 *   (2025), https://arxiv.org/abs/2402.01879
 */
export function sigmaZero({ p = 0 }: SigmaZeroOptions = {}): Attack<SigmaZeroState> {
  if (p !== 0) {
    throw new RangeError(`Cannot attack as sigma-zero needs p = 0: current value is ${p}`);
  }
  return {
    name: "sigma-zero",
    graph: "sigma-zero",
    p,
    stopsWhenFound: false,
    start({ images }, { steps }) {
      const each: [number, number, number, number] = [images.shape[0], 1, 1, 1];
      const threshold: Tensor4D = tf.fill(each, startThreshold);
      const memory = { ...startMoments(images), ...startPowers(each) };
      return { point: images, threshold, ...memory, ...startClock(images.shape[0], steps) };
    },
    step(state, problem, oracle) {
      const { point } = state;
      const { images } = problem;
      const { logits, gradient } = oracle.gradient(point, (logits) => margin(logits, problem));
      const success = reached(logits, problem);
      const descent: Tensor4D = tf.where(success, tf.zerosLike(gradient), gradient);
      const r: Tensor4D = point.sub(images);
      const slope: Tensor4D = rescale(descent.add(countSlope(r)), Infinity, 1);
      const learningRate = cosine(state, 1, 0.1);
      const powers = nextPowers(state);
      const { x, moments } = adamStep(r, state, slope, powers, { learningRate });
      const change: Tensor4D = learningRate.mul(tf.where(success, thresholdStep, -thresholdStep));
      const threshold: Tensor4D = tf.clipByValue(state.threshold.add(change), 0, 1);
      const moved: Tensor4D = tf.clipByValue(images.add(x), 0, 1);
      const small = moved.sub(images).abs().less(threshold);
      const clock = tick(state);
      return { point: tf.where(small, images, moved), threshold, ...moments, ...powers, ...clock };
    },
  };
}

/** Slope of the smooth count of the pixels changed, over their number. */
function countSlope(r: Tensor4D): Tensor4D {
  const pixels = r.size / r.shape[0];
  return r.mul(2 * sigma / pixels).div(r.square().add(sigma).square());
}
