/**
 * The loss that networks are trained on.
 *
 * @module
 */
import {
  backend,
  nativeBackend,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  tf,
  typeAttribute,
} from "./backend.ts";

/** Loss and its gradient with respect to the logits, by TensorFlow's fused operation where it is. */
function lossAndGradient(logits: Tensor2D, labels: Tensor1D): [Tensor1D, Tensor2D] {
  if (backend.native) {
    const native = nativeBackend();
    const type = (name: string, dtype: number) => typeAttribute(native.binding, name, dtype);
    return native.executeMultipleOutputs(
      "SparseSoftmaxCrossEntropyWithLogits",
      [type("T", native.binding.TF_FLOAT), type("Tlabels", native.binding.TF_INT32)],
      [logits, labels],
      2,
    ) as [Tensor1D, Tensor2D];
  }
  const right = tf.oneHot(labels, logits.shape[1]).cast<Tensor2D>("float32");
  const loss: Tensor1D = tf.sub(tf.logSumExp(logits, 1), tf.sum(logits.mul(right), 1));
  return [loss, tf.softmax(logits).sub(right)];
}

const differentiable = tf.customGrad((logits, labels, save) => {
  const [loss, gradient] = lossAndGradient(logits as Tensor2D, labels as Tensor1D);
  // tfjs types `save` as a tensor; it is the function that keeps tensors for the gradient.
  (save as unknown as (kept: Tensor[]) => void)([gradient]);
  return {
    value: loss,
    gradFunc: (dy: Tensor, [gradient]: Tensor[]) => [
      dy.expandDims(1).mul(gradient!),
      tf.zeros([dy.shape[0]!]),
    ],
  };
});

/**
 * Computes the cross-entropy of the softmax of logits; differentiable with respect to the logits.
 *
 * @param logits Shape `[batch, classes]`.
 * @param labels Shape `[batch]`, int32.
 * @returns One loss for each example, in nats, shape `[batch]`. The caller disposes it.
 */
export function crossEntropy(logits: Tensor2D, labels: Tensor1D): Tensor1D {
  return differentiable(logits, labels) as Tensor1D;
}

/**
 * Kullback-Leibler divergence of one softmax from another, in nats.
 *
 * @param from Logits of the one, shape `[batch, classes]`.
 * @param to Logits of the other, likewise.
 * @returns Shape `[batch]`.
 */
export function divergence(from: Tensor2D, to: Tensor2D): Tensor1D {
  const log: Tensor2D = tf.logSoftmax(from);
  return log.exp().mul(log.sub(tf.logSoftmax(to))).sum(1);
}
