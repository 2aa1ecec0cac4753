/**
 * FMN: gradient steps inside a ball that shrinks and grows with success and failure.
 *
 * @module
 */
import { type Tensor4D, tf } from "../backend.ts";
import { dualP, norm, project, rescale } from "../norms.ts";
import type { Attack } from "./attack.ts";
import { inward } from "./box.ts";
import { each, margin, reached } from "./losses.ts";
import { type Clock, cosine, startClock, tick } from "./schedule.ts";

/** Settings of {@linkcode fmn}. */
export interface FmnOptions {
  /** The norm: 0, 1, 2 or `Infinity`. @default 2 */
  p?: number;
  /** L2 length of the first step, in pixel units; the last one has a hundredth of it. @default 1 */
  stepSize?: number;
}

type FmnState = Clock & {
  readonly point: Tensor4D;
  /** The ball's radius, and the smallest norm that was adversarial, shape `[batch, 1, 1, 1]`. */
  readonly epsilon: Tensor4D;
  readonly best: Tensor4D;
  /** Length of the first step, shape `[batch, 1, 1, 1]`. */
  readonly stepSize: Tensor4D;
};

/**
 * Looks for the smallest norm: r moves along the gradient of the margin, and is projected onto a
 * ball. Until a point is adversarial, the ball reaches to where the boundary would be if the margin
 * were linear; then it shrinks by a factor where the last point was adversarial and grows where not.
 * Step size and factor fall along a cosine: 1 to 0.01, 5 % to 0.1 %.
 *
 * Departures from the paper: the ball reaches beyond the estimated boundary by the factor. Otherwise
 * pixels that are clipped to the box keep r on this side of it for ever. At p = 0, until a point is
 * adversarial, it grows by a quarter and a pixel: else twenty pixels would take twenty steps.
 *
 * @throws {RangeError} If `p` is none of these.
 * @see Pintor et al., "Fast minimum-norm adversarial attacks through adaptive norm constraints"
 *   (2021), https://arxiv.org/abs/2102.12827
 */
export function fmn({ p = 2, stepSize = 1 }: FmnOptions = {}): Attack<FmnState> {
  if (![0, 1, 2, Infinity].includes(p)) {
    throw new RangeError(`Cannot attack as FMN needs p = 0, 1, 2 or inf: current value is ${p}`);
  }
  return {
    name: "fmn",
    graph: `fmn, p ${p}`,
    p,
    stopsWhenFound: false,
    start({ images }, { point, steps }) {
      const [count] = images.shape;
      const size = each(norm(point.sub(images), p));
      return {
        point,
        epsilon: size,
        best: tf.fill(size.shape, Infinity),
        stepSize: tf.fill(size.shape, stepSize),
        ...startClock(count, steps),
      };
    },
    step(state, problem, oracle) {
      const { point } = state;
      const { images } = problem;
      const { logits, gradient } = oracle.gradient(point, (logits) => margin(logits, problem));
      const direction = inward(gradient.neg(), point);
      const success = reached(logits, problem);
      const r: Tensor4D = point.sub(images);
      const size = each(norm(r, p));
      const best: Tensor4D = tf.where(success, size.minimum(state.best), state.best);
      const gamma = cosine(state, 0.05, 0.001);
      const { shrunk, grown } = radii(state.epsilon, gamma, p);
      const strides = (): Tensor4D => state.epsilon.mul(1.25).floor().add(1);
      const boundary = (): Tensor4D => {
        const slope = each(norm(direction, dualP(p))).maximum(1e-30);
        const distance = each(margin(logits, problem)).abs().div(slope);
        return tf.where(best.less(Infinity), grown, size.add(distance.mul(gamma.add(1))));
      };
      const onwards = p === 0 ? tf.where(best.less(Infinity), grown, strides()) : boundary();
      const smaller: Tensor4D = shrunk.minimum(best);
      const epsilon = tf.where(success, smaller, onwards);
      const along = rescale(direction, 2, cosine(state, 1, 0.01).mul(state.stepSize));
      const inside = project(r.add(along), p, epsilon);
      return {
        point: tf.clipByValue(images.add(inside), 0, 1),
        epsilon,
        best,
        stepSize: state.stepSize,
        ...tick(state),
      };
    },
  };
}

/** The next radius after success and after failure; at p = 0 a number of pixels. */
function radii(
  epsilon: Tensor4D,
  gamma: Tensor4D,
  p: number,
): Record<"shrunk" | "grown", Tensor4D> {
  const shrunk: Tensor4D = epsilon.mul(tf.sub(1, gamma));
  const grown: Tensor4D = epsilon.mul(gamma.add(1));
  if (p !== 0) return { shrunk, grown };
  return {
    shrunk: shrunk.floor().minimum(epsilon.sub(1)).maximum(0),
    grown: grown.floor().maximum(epsilon.add(1)),
  };
}
