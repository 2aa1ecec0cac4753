/**
 * The box [0, 1] that pixels must not leave.
 *
 * @module
 */
import type { Tensor4D } from "../backend.ts";

/**
 * A direction without what would only be clipped: 0 for pixels at the box's edge that it leads
 * outside. Call it inside `tf.tidy`.
 */
export function inward(direction: Tensor4D, point: Tensor4D): Tensor4D {
  const down = point.greater(0).logicalOr(direction.greater(0));
  const up = point.less(1).logicalOr(direction.less(0));
  return direction.mul(down.logicalAnd(up).cast("float32"));
}
