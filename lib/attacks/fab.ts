/**
 * FAB: projections onto the linearised boundary, and steps back towards the image.
 *
 * @module
 */
import { type Tensor4D, tf } from "../backend.ts";
import { norm } from "../norms.ts";
import type { Attack } from "./attack.ts";
import { crossed, enough, nearestBoundary } from "./boundary.ts";
import { lowered } from "./hyperplane.ts";
import { each } from "./losses.ts";
import { type Clock, cosine, startClock, tick } from "./schedule.ts";

/** Settings of {@linkcode fab}. */
export interface FabOptions {
  /** The norm: 1, 2 or `Infinity`. @default 2 */
  p?: number;
  /**
   * How many other classes to look at in each step, those of the largest logits, a gradient each;
   * without a target only. @default 3
   */
  rivals?: number;
}

type FabState = Clock & { readonly point: Tensor4D };

/** The paper's: largest weight of the image's own projection, overshoot, step back. */
const mostBias = 0.1;
const overshoot = 1.05;
/** What the overshoot falls to in L2 and L-infinity. */
const lastOvershoot = 1.001;
const back = 0.9;

/**
 * Looks for the smallest norm: the point and the image are both projected onto the boundary as if
 * the network were linear, within the box; a mean of the two, a little beyond, is the next point,
 * nearer to the image's the further the point has strayed. From an adversarial point it goes back a
 * tenth of the way to the image. It begins at the best point known, likewise a tenth nearer.
 *
 * Departures from the paper: three rivals, not all nine (MLP, 200 train images, 100 steps: mean 5.28
 * in place of 5.34 in L1 and 0.779 in place of 0.778 in L2, for 7 passes a step in place of 19; one
 * rival: 5.43 and 0.796); the overshoot falls to 1.001 in L2 and
 * L-infinity (0.776 and 0.0488 in place of 0.779 and 0.0490; in L1 it did not help), in place of the
 * last search towards the image.
 *
 * @throws {RangeError} If `p` is none of these, or there are no rivals.
 * @see Croce and Hein, "Minimally distorted adversarial examples with a fast adaptive boundary
 *   attack" (2020), https://arxiv.org/abs/1907.02044
 */
export function fab({ p = 2, rivals = 3 }: FabOptions = {}): Attack<FabState> {
  if (![1, 2, Infinity].includes(p)) {
    throw new RangeError(`Cannot attack as FAB needs p = 1, 2 or inf: current value is ${p}`);
  }
  if (!(Number.isInteger(rivals) && rivals >= 1)) {
    throw new RangeError(`Cannot attack as rivals must be at least 1: current value is ${rivals}`);
  }
  return {
    name: "fab",
    graph: `fab, p ${p}, rivals ${rivals}`,
    p,
    stopsWhenFound: false,
    start: ({ images }, { point, steps }) => ({
      point: towards(images, point),
      ...startClock(images.shape[0], steps),
    }),
    step({ point, ...clock }, problem, oracle) {
      const { images } = problem;
      const boundary = nearestBoundary(point, problem, oracle, rivals, p);
      const lack: Tensor4D = boundary.margin.add(each(enough(boundary.logits)));
      const along = boundary.gradient.mul(images.sub(point)).sum([1, 2, 3], true);
      const own = toPlane(point, boundary.gradient, lack, p);
      const biased = toPlane(images, boundary.gradient, lack.add(along), p);
      const [small, large] = [each(norm(own, p)), each(norm(biased, p))];
      const bias = small.div(small.add(large).maximum(1e-8)).minimum(mostBias);
      const far = cosine(clock, overshoot, p === 1 ? overshoot : lastOvershoot);
      const from = (start: Tensor4D, change: Tensor4D) => start.add(change.mul(far));
      const mean = from(point, own).mul<Tensor4D>(tf.sub(1, bias)).add<Tensor4D>(
        from(images, biased).mul(bias),
      );
      const next: Tensor4D = tf.clipByValue(mean, 0, 1);
      const success = crossed(oracle.logits(next), problem);
      return { point: tf.where(success, towards(images, next), next), ...tick(clock) };
    },
  };
}

/** A tenth of the way back to the image. */
const towards = (images: Tensor4D, point: Tensor4D): Tensor4D =>
  images.mul(1 - back).add(point.mul(back));

/** How a point gets to the plane, from whichever side, within the box. */
function toPlane(point: Tensor4D, gradient: Tensor4D, lack: Tensor4D, p: number): Tensor4D {
  return lowered(point, gradient.mul(lack.sign()), lack.abs(), p).sub(point);
}
