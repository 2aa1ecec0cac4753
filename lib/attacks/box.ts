/**
 * The box [0, 1] that pixels must not leave.
 *
 * @module
 */
import { type Tensor4D, tf } from "../backend.ts";

/**
 * A direction without what would only be clipped: 0 for pixels at the box's edge that it leads
 * outside. Call it inside `tf.tidy`.
 */
export function inward(direction: Tensor4D, point: Tensor4D): Tensor4D {
  const down = point.greater(0).logicalOr(direction.greater(0));
  const up = point.less(1).logicalOr(direction.less(0));
  return direction.mul(down.logicalAnd(up).cast("float32"));
}

/** The image at `share` of the way along a perturbation (1: image + perturbation), in the box. */
export const along = (
  image: Float32Array,
  perturbation: ArrayLike<number>,
  share: number,
): Float32Array =>
  image.map((pixel, i) => Math.min(1, Math.max(0, pixel + share * perturbation[i]!)));

/** Whether all pixels are in [0, 1]; NaN is not. */
export const inBox = (images: Tensor4D): boolean =>
  tf.tidy(() => images.greaterEqual(0).logicalAnd(images.lessEqual(1)).all().dataSync()[0] === 1);
