/**
 * Bit-depth reduction: the network sees pixels with a few bits only; one bit is binarisation.
 *
 * @module
 */
import { type Tensor4D, tf } from "../../backend.ts";
import type { Classifier } from "../../network.ts";
import { wrapped } from "./wrapped.ts";

/**
 * How attacks differentiate a step function: `none` as it is, which gives zero nearly everywhere, or
 * `straight-through` as if it were the identity.
 */
export type StepGradient = "none" | "straight-through";

/**
 * Rounds pixels to the nearest of the `2 ** bits` even levels from 0 to 1.
 *
 * @param images In [0, 1]; half-way values go to the even level.
 * @returns The images' shape. The caller disposes it.
 */
export function reduceBits(
  images: Tensor4D,
  bits: number,
  gradient: StepGradient = "straight-through",
): Tensor4D {
  const levels = 2 ** bits - 1;
  const rounded = (x: Tensor4D): Tensor4D => tf.tidy(() => x.mul(levels).round().div(levels));
  if (gradient === "none") return rounded(images);
  const straight = tf.customGrad((x) => ({ value: rounded(x as Tensor4D), gradFunc: (dy) => dy }));
  return straight(images) as Tensor4D;
}

/**
 * Puts bit-depth reduction before a classifier.
 *
 * It answers the same with either gradient. Without one, attacks that descend stand still, though
 * adversarial images are there: the gradient is masked. `straight-through` lets them run, by backward
 * pass differentiable approximation.
 *
 * @param bits Of each pixel; 1 binarises.
 * @param options.gradient @default "straight-through"
 * @throws {RangeError} If bits is no whole number from 1 to 8.
 * @see Xu, Evans and Qi, "Feature squeezing" (2018), https://arxiv.org/abs/1704.01155; Athalye, Carlini
 *   and Wagner, "Obfuscated gradients give a false sense of security" (2018),
 *   https://arxiv.org/abs/1802.00420
 */
export function bitDepth(
  network: Classifier,
  bits: number,
  { gradient = "straight-through" }: { gradient?: StepGradient } = {},
): Classifier {
  if (!(Number.isInteger(bits) && bits >= 1 && bits <= 8)) {
    throw new RangeError(
      `Cannot reduce bit depth as bits must be a whole number from 1 to 8: current value is ${bits}`,
    );
  }
  return wrapped(
    network,
    `bits:${bits}`,
    (images) => tf.tidy(() => network.logits(reduceBits(images, bits, gradient))),
  );
}
