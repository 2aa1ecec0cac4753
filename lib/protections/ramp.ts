/**
 * Balls that images are protected within, and how they grow while a network learns.
 *
 * @module
 */
import type { Tensor } from "../backend.ts";
import type { Lesson } from "./lesson.ts";

/** A ball around each image. */
export interface Ball {
  /** The norm. */
  p: number;
  /** The radius, for pixels in [0, 1]. */
  epsilon: number;
}

/**
 * Names a ball: `linf:0.2`.
 *
 * @throws {RangeError} If p is neither 2 nor `Infinity`, or epsilon not positive, or beyond 1 at
 *   `Infinity` (where all images are within 1 of each other) or 28 at 2 (likewise).
 */
export function nameOfBall({ p, epsilon }: Ball): string {
  if (p !== 2 && p !== Infinity) {
    throw new RangeError(`Cannot protect as the norm must be l2 or linf: current value is ${p}`);
  }
  const largest = p === 2 ? 28 : 1;
  if (!(epsilon > 0 && epsilon <= largest)) {
    throw new RangeError(
      `Cannot protect as epsilon must be in (0, ${largest}]: current value is ${epsilon}`,
    );
  }
  return `l${p === 2 ? 2 : "inf"}:${epsilon}`;
}

/** Share of a training after which a ball has its full size. */
const growth = 1 / 3;

/** The ball's radius at this step, a scalar: from 0 in a line, then constant. */
export const ramp = ({ progress }: Lesson, epsilon: number): Tensor =>
  progress.div(growth).minimum(1).mul(epsilon);
