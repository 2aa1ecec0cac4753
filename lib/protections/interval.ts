/**
 * Interval-bound training: each step learns from the worst logits that any image of a box could have.
 *
 * @module
 */
import type { Architecture } from "../architectures.ts";
import { type Tensor, type Tensor1D, type Tensor2D, type Tensor4D, tf } from "../backend.ts";
import { forward } from "../forward.ts";
import { hasWeights, type Layer } from "../layers.ts";
import { crossEntropy } from "../loss.ts";
import type { Weights } from "../weights.ts";
import type { TrainingProtection } from "./lesson.ts";
import { type Ball, nameOfBall } from "./ramp.ts";

/** Lower and upper bounds of the same shape. */
interface Interval {
  lower: Tensor;
  upper: Tensor;
}

/** When the box begins to grow, and when it has its full size, as shares of the training. */
const [begins, ends] = [0.05, 0.5];

/** Weight of the clean images' loss at the end; at the beginning it is 1. */
const cleanWeight = 0.5;

/**
 * Learns the cross-entropy of the clean images and, to an equal share in the end, that of the worst
 * logits by interval arithmetic in the box around each. The margins of the last layer are bounded at
 * once, and not as differences of bounds.
 *
 * @throws {RangeError} If p is not `Infinity`, epsilon out of range, or (`check`) the architecture has
 *   batch normalisation, a softmax, or no dense layer at its end.
 * @see Gowal et al., "On the effectiveness of interval bound propagation for training verifiably
 *   robust models" (2018), https://arxiv.org/abs/1810.12715
 */
export function intervalTraining({ p, epsilon }: Ball): TrainingProtection {
  const spec = `interval:${nameOfBall({ p, epsilon })}`;
  if (p !== Infinity) {
    throw new RangeError(`Cannot train with interval as it needs p = inf: current value is ${p}`);
  }
  return {
    spec,
    inBall: true,
    check,
    loss: ({ architecture: { layers }, images, labels, progress }) => {
      const share = progress.sub(begins).div(ends - begins).clipByValue(0, 1);
      const radius = share.mul(epsilon);
      const box = {
        lower: images.sub(radius).clipByValue(0, 1),
        upper: images.add(radius).clipByValue(0, 1),
      };
      const clean = tf.sub(1, share.mul(1 - cleanWeight));
      return (answer, weights) => {
        const worst = worstLogits(layers, box, labels, weights);
        const parts = [answer(images), worst].map((logits) => crossEntropy(logits, labels).mean());
        return parts[0]!.mul(clean).add(parts[1]!.mul(tf.sub(1, clean)));
      };
    },
  };
}

function check({ name, layers }: Architecture): void {
  const stranger = layers.find(({ kind }) => kind === "batchNorm" || kind === "softmax");
  if (stranger === undefined && layers.at(-1)?.kind === "dense") return;
  throw new RangeError(
    `Cannot train ${name} with interval as its layers must be conv, dense, ReLU and max-pool, dense ` +
      `at the end: current value is ${stranger?.kind ?? layers.at(-1)?.kind}`,
  );
}

/**
 * Bounds the logits of every other class less that of the label, from above; the label's own is 0.
 * Shape `[batch, classes]`.
 */
function worstLogits(
  layers: readonly Layer[],
  box: Interval,
  labels: Tensor1D,
  weights: Weights,
): Tensor2D {
  const hidden = layers.slice(0, -1).filter(({ kind }) => kind !== "dropout");
  let [bounds, weighted] = [box, 0];
  for (const layer of hidden) {
    bounds = hasWeights(layer)
      ? affine(layer, bounds, weights, weighted++)
      : { lower: forward([layer], bounds.lower, {}), upper: forward([layer], bounds.upper, {}) };
  }
  const { center, radius } = middle(bounds);
  const [kernel, bias] = ["kernel", "bias"].map((part) => weights[`layers.${weighted}.${part}`]!);
  // Column j of matrix i: what class j's logit is made of, less that of class i.
  const differences = kernel!.expandDims(0).sub(kernel!.transpose().expandDims(2));
  const own = differences.gather(labels);
  const offsets = bias!.expandDims(0).sub(bias!.expandDims(1)).gather(labels);
  const through = (x: Tensor, matrices: Tensor) =>
    tf.matMul(x.expandDims(1), matrices).squeeze<Tensor2D>([1]);
  return through(center, own).add(offsets).add(through(radius, own.abs()));
}

const middle = ({ lower, upper }: Interval) => ({
  center: upper.add(lower).div(2),
  radius: upper.sub(lower).div(2),
});

/** Bounds after a convolution or a dense layer, by center and radius. */
function affine(layer: Layer, bounds: Interval, weights: Weights, place: number): Interval {
  const { center, radius } = middle(bounds);
  const kernel = weights[`layers.${place}.kernel`]!;
  const bias = weights[`layers.${place}.bias`]!;
  const moved = forward([layer], center, { "layers.0.kernel": kernel, "layers.0.bias": bias });
  const spread = layer.kind === "dense"
    ? tf.matMul(radius, kernel.abs())
    : tf.conv2d(radius as Tensor4D, kernel.abs() as Tensor4D, 1, "valid");
  return { lower: moved.sub(spread), upper: moved.add(spread) };
}
