/**
 * DDN: the direction by gradient steps, the norm by whether the last point was adversarial.
 *
 * @module
 */
import { type Tensor4D, tf } from "../backend.ts";
import { rescale } from "../norms.ts";
import type { Attack } from "./attack.ts";
import { inward } from "./box.ts";
import { logOdds, reached } from "./losses.ts";
import { type Clock, cosine, startClock, tick } from "./schedule.ts";

/** Settings of {@linkcode ddn}. */
export interface DdnOptions {
  /** The norm; there is no other. @default 2 */
  p?: number;
}

type DdnState = Clock & {
  readonly point: Tensor4D;
  /** Norm of the sphere that the next point lies on, shape `[batch, 1, 1, 1]`. */
  readonly epsilon: Tensor4D;
};

/** The paper's: norm of the first sphere, and by how much the norm changes in a step. */
const startEpsilon = 1;
const gamma = 0.05;

/**
 * Looks for the smallest L2 norm: r moves by a step of fixed length along the gradient and is then
 * scaled to a norm, 5 % less than the last one where that was adversarial, else 5 % more.
 *
 * Departures from the paper: no rounding to 8 bits; the gradient is that of the log-odds, which has
 * the cross-entropy's direction and does not vanish where that saturates.
 *
 * @throws {RangeError} If `p` is not 2.
 * @see Rony et al., "Decoupling direction and norm for efficient gradient-based L2 adversarial
 *   attacks and defenses" (2019), https://arxiv.org/abs/1811.09600
 */
export function ddn({ p = 2 }: DdnOptions = {}): Attack<DdnState> {
  if (p !== 2) throw new RangeError(`Cannot attack as DDN needs p = 2: current value is ${p}`);
  return {
    name: "ddn",
    graph: "ddn",
    p,
    stopsWhenFound: false,
    start({ images }, { steps }) {
      const [count] = images.shape;
      const epsilon: Tensor4D = tf.fill([count, 1, 1, 1], startEpsilon);
      return { point: images, epsilon, ...startClock(count, steps) };
    },
    step(state, problem, oracle) {
      const { point } = state;
      const { images } = problem;
      const { logits, gradient } = oracle.gradient(point, (logits) => logOdds(logits, problem));
      const change = tf.where(reached(logits, problem), 1 - gamma, 1 + gamma);
      const epsilon: Tensor4D = state.epsilon.mul(change);
      const direction = inward(gradient.neg(), point);
      const along = rescale(direction, 2, cosine(state, 1, 0.01));
      const r: Tensor4D = point.sub(images).add(along);
      return {
        point: tf.clipByValue(images.add(rescale(r, 2, epsilon)), 0, 1),
        epsilon,
        ...tick(state),
      };
    },
  };
}
