/**
 * A network's answer and the gradient of what is made of it.
 *
 * @module
 */
import { type Tensor, type Tensor1D, type Tensor2D, type Tensor4D, tf } from "../backend.ts";
import type { Classifier } from "../network.ts";

/**
 * Computes logits, and the gradient of a loss with respect to the points, by one forward and one
 * backward pass. Call it inside `tf.tidy`.
 *
 * @param loss From logits `[batch, 10]` to one number for each image, shape `[batch]`.
 */
export function differentiate(
  network: Classifier,
  points: Tensor4D,
  loss: (logits: Tensor2D) => Tensor1D,
): { logits: Tensor2D; gradient: Tensor4D } {
  const { classes } = network;
  // tfjs keeps but one tensor of a differentiated function, so logits and loss leave as one; the
  // gradient asked for is that of the last column.
  const both = (x: Tensor): Tensor => {
    const logits = network.logits(x as Tensor4D);
    return tf.concat([logits, loss(logits).reshape<Tensor2D>([-1, 1])], 1);
  };
  const last = tf.oneHot(tf.fill([points.shape[0]], classes, "int32"), classes + 1);
  const { value, grad } = tf.valueAndGrad(both)(points, last.cast("float32"));
  const logits: Tensor2D = (value as Tensor2D).slice([0, 0], [-1, classes]);
  return { logits, gradient: grad as Tensor4D };
}
