/**
 * Random numbers inside steps: each image's own, whatever stands beside it in the batch.
 *
 * @module
 */
import { type Tensor1D, type Tensor4D, tf } from "../backend.ts";
import { statelessUniform } from "../random.ts";

/**
 * What an attack carries to draw: steps made, shape `[batch, 1, 1, 1]`, the same for all rows; and
 * each image's shift, shape `[batch, 28, 28, 1]`, from `beginning.uniform()`.
 */
export type Dice = { readonly done: Tensor4D; readonly shift: Tensor4D };

/**
 * Draws a picture for each image, uniform in [0, 1), shape `[batch, 28, 28, 1]`. Call it inside
 * `tf.tidy`.
 *
 * The numbers of a step are drawn once for all images, and each image adds its shift, modulo 1. So
 * an image's numbers are independent of each other from step to step, and hang on nothing but seed
 * and image number; those of two images are not independent, which no attack needs. All are
 * multiples of 2^-23, so that the sum is exact.
 *
 * @param stream Any int32: the pictures of a step differ by it.
 */
export function roll({ done, shift }: Dice, stream: number): Tensor4D {
  const step = done.slice([0, 0, 0, 0], [1, 1, 1, 1]).reshape([1]).cast<Tensor1D>("int32");
  const seed: Tensor1D = tf.concat([tf.tensor1d([stream], "int32"), step]);
  const sum: Tensor4D = shift.add(statelessUniform([1, ...shift.shape.slice(1)], seed));
  return sum.sub(sum.floor());
}

/** One number of each image's picture, shape `[batch, 1, 1, 1]`. Call it inside `tf.tidy`. */
export const lane = (picture: Tensor4D, place: number): Tensor4D =>
  picture.slice([0, 0, place, 0], [-1, 1, 1, 1]);

/** A whole number from 0 to below `count` for each image. Call it inside `tf.tidy`. */
export const pick = (uniform: Tensor4D, count: Tensor4D): Tensor4D =>
  tf.floor<Tensor4D>(uniform.mul(count)).minimum(count.sub(1));
