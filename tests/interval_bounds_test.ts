/**
 * Interval training's bounds, held against interval arithmetic by hand and against worst corners.
 *
 * @module
 */
import { assertAlmostEquals } from "@std/assert";
import { type Tensor, type Tensor2D, type Tensor4D, tf } from "$lib/backend.ts";
import { forward } from "$lib/forward.ts";
import { conv, dense, flatten, type Layer, relu } from "$lib/layers.ts";
import { createNetwork } from "$lib/network.ts";
import { protectionOf } from "$lib/protections/index.ts";
import type { Weights } from "$lib/weights.ts";
import { lessonOf, small } from "./lessons.ts";

/** The cross-entropy of the worst logits in an image's box, at the end of the training. */
function worstLoss(
  layers: Layer[],
  weights: Weights,
  image: Tensor4D,
  label: number,
  epsilon = 0.1,
) {
  const digits = { images: image, labels: tf.tensor1d([label], "int32") };
  const lesson = {
    ...lessonOf(createNetwork(small), digits),
    architecture: { ...small, layers },
  };
  // The clean loss, which is the other half, is that of a right answer beyond doubt: 0.
  const sure = () => tf.oneHot(digits.labels, 3).mul<Tensor2D>(1000);
  const loss = protectionOf(`interval:linf:${epsilon}`).loss!(lesson)(sure, weights);
  return 2 * loss.dataSync()[0]!;
}

/** The cross-entropy of logits of the other classes, where the label's own is 0. */
const lossOf = (...others: number[]): number =>
  Math.log(1 + others.reduce((sum, logit) => sum + Math.exp(logit), 0));

// The box of 0.1 around it, cut to [0, 1], is [0, 0.15] x [0.4, 0.6] x [0.85, 1] x [0.3, 0.5].
const image = () => tf.tensor4d([0.05, 0.5, 0.95, 0.4], [1, 2, 2, 1]);
const first = () => ({
  "layers.0.kernel": tf.tensor2d([[1, -1, 2], [-1, 2, 0], [2, 1, -1], [0, -2, 1]]),
  "layers.0.bias": tf.tensor1d([-1, 0, 0.5]),
});

Deno.test("interval bounds of a dense 4-3-2 network are those of interval arithmetic by hand", () => {
  tf.tidy(() => {
    const weights = {
      ...first(),
      "layers.1.kernel": tf.tensor2d([[1, 2], [2, -1], [-1, 1]]),
      "layers.1.bias": tf.tensor1d([0.25, -0.25]),
    };
    const layers = [flatten(), dense(3), relu(), dense(2)];
    // Hidden: [0.1, 0.75] x [0.5, 1.6] x [-0.2, 0.45], of which the ReLU makes [0, 0.45].
    // z1 - z0 is h0 - 3 h1 + 2 h2 - 0.5, of which each part takes its own end.
    const atMost = 0.75 - 3 * 0.5 + 2 * 0.45 - 0.5;
    assertAlmostEquals(worstLoss(layers, weights, image(), 0), lossOf(atMost), 1e-5);
    const otherWay = -0.1 + 3 * 1.6 - 2 * 0 + 0.5;
    assertAlmostEquals(worstLoss(layers, weights, image(), 1), lossOf(otherWay), 1e-5);
  });
});

Deno.test("the last layer's margins are bounded at once, each by what it is at its worst corner", () => {
  tf.tidy(() => {
    // z0 - z1 is 2 x0 - 3 x1 + x2 + 2 x3 - 1, and z2 - z1 is 3 x0 - 2 x1 - 2 x2 + 3 x3 + 0.5.
    const zeroth = 2 * 0.15 - 3 * 0.4 + 1 + 2 * 0.5 - 1;
    const second = 3 * 0.15 - 2 * 0.4 - 2 * 0.85 + 3 * 0.5 + 0.5;
    const layers = [flatten(), dense(3)];
    assertAlmostEquals(worstLoss(layers, first(), image(), 1), lossOf(zeroth, second), 1e-5);
  });
});

Deno.test("interval bounds of a convolution are its margin at the corner that its signs point to", () => {
  tf.tidy(() => {
    const signs = [1, -1, 1, -1, -1, 1, 1, 1, -1];
    const one = signs.map((sign, i) => sign * (i + 1) / 20);
    // The other filter points the opposite way, so that one corner is the worst of both.
    const kernel = tf.tensor4d(one.flatMap((w) => [-2 * w, w]), [3, 3, 1, 2]);
    const weights = {
      "layers.0.kernel": kernel,
      "layers.0.bias": tf.tensor1d([0.1, 0.2]),
      "layers.1.kernel": tf.tensor2d([[1, 0], [0, 1]]),
      "layers.1.bias": tf.tensor1d([0.3, 0]),
    };
    const layers = [conv(2, 3), flatten(), dense(2)];
    const clean = tf.fill([1, 3, 3, 1], 0.4) as Tensor4D;
    for (const [label, way] of [[0, 1], [1, -1]] as const) {
      const corner = clean.add<Tensor4D>(tf.tensor4d(signs, [1, 3, 3, 1]).mul(0.2 * way));
      const [z0, z1] = (forward(layers, corner, weights) as Tensor).dataSync();
      const margin = way * (z1! - z0!);
      assertAlmostEquals(worstLoss(layers, weights, clean, label, 0.2), lossOf(margin), 1e-5);
    }
  });
});
