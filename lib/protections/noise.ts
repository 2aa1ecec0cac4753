/**
 * Input noise: each step learns from images with normal noise on every pixel.
 *
 * @module
 */
import type { Tensor4D } from "../backend.ts";
import { assertPositive } from "../numbers.ts";
import { statelessNormal } from "../random.ts";
import type { Lesson, TrainingProtection } from "./lesson.ts";

/**
 * Adds normal noise to the images, drawn anew for each step and not clipped to [0, 1]: what the base
 * network of randomized smoothing is trained with.
 *
 * @param sigma Its standard deviation, in pixel units.
 * @throws {RangeError} If sigma is not finite and > 0.
 * @see Bishop, "Training with noise is equivalent to Tikhonov regularization" (1995); Cohen, Rosenfeld
 *   and Kolter, "Certified adversarial robustness via randomized smoothing" (2019),
 *   https://arxiv.org/abs/1902.02918
 */
export function noise(sigma: number): TrainingProtection {
  assertPositive(sigma, "sigma", "train with noise");
  return {
    spec: `noise:${sigma}`,
    sigma,
    images: (lesson) => noisyImages(lesson, sigma),
  };
}

/** The images with normal noise on every pixel, drawn anew with each call. */
export const noisyImages = ({ images, stream }: Lesson, sigma: number): Tensor4D =>
  images.add(statelessNormal(images.shape, stream()).mul(sigma));
