/**
 * Input-gradient regularisation: a price for losses that change quickly with the image.
 *
 * @module
 */
import type { Architecture } from "../architectures.ts";
import { backend, type Tensor, tf } from "../backend.ts";
import { forward } from "../forward.ts";
import { assertPositive } from "../numbers.ts";
import type { TrainingProtection } from "./lesson.ts";

/**
 * Adds `weight` times the squared L2 norm of the cross-entropy's gradient with respect to the image,
 * dropout off, mean over the batch.
 *
 * @throws {RangeError} If weight is not finite and > 0, or (`check`) the architecture has max-pools and
 *   TensorFlow's native part, which alone can differentiate their gradient, is missing.
 * @see Ross and Doshi-Velez, "Improving the adversarial robustness and interpretability of deep neural
 *   networks by regularizing their input gradients" (2018), https://arxiv.org/abs/1711.09404
 */
export function inputGradient(weight: number): TrainingProtection {
  assertPositive(weight, "its weight", "train with gradient");
  return {
    spec: `gradient:${weight}`,
    check,
    penalty: ({ architecture: { layers, classes }, images, labels }) => (_, weights) => {
      const right = tf.oneHot(labels, classes).cast<Tensor>("float32");
      const loss = (x: Tensor) => smooth(forward(layers, x, weights), right) as Tensor;
      return tf.grad(loss)(images).square().sum([1, 2, 3]).mean<Tensor>().mul(weight);
    },
  };
}

function check({ name, layers }: Architecture): void {
  if (backend.native || !layers.some(({ kind }) => kind === "maxPool")) return;
  throw new RangeError(
    `Cannot train ${name} with gradient as max-pools need TensorFlow's native part: this process ` +
      `runs on ${backend.name}; \`deno task setup\` installs it`,
  );
}

/**
 * Sum of the cross-entropies, whose gradient can be differentiated again. tfjs forgets how outputs
 * that a gradient keeps came about, so that those of its own softmax cannot: this one keeps logits.
 */
const smooth = tf.customGrad((logits, right, save) => {
  // tfjs types `save` as a tensor; it is the function that keeps tensors for the gradient.
  (save as unknown as (kept: Tensor[]) => void)([logits as Tensor, right as Tensor]);
  return {
    value: tf.logSoftmax(logits as Tensor).mul(right as Tensor).sum<Tensor>().neg(),
    gradFunc: (dy: Tensor, saved: Tensor[]) => {
      const [logits, right] = saved as [Tensor, Tensor];
      return [tf.softmax(logits).sub(right).mul(dy), tf.zerosLike(right)];
    },
  };
});
