/**
 * Rows for figures, from tensors small enough to reckon by hand.
 *
 * @module
 */
import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { type Tensor2D, type Tensor4D, tf } from "$lib/backend.ts";
import type { Digits } from "$lib/loader.ts";
import type { Classifier } from "$lib/network.ts";
import {
  classCounts,
  confidentMistakes,
  confusionCounts,
  digitRows,
  lineRows,
  meanRows,
  pick,
  pixelsOf,
  type PredictionRow,
  sweepRows,
} from "$lib/rows.ts";

/** Three grey images: 0.25 of class 7, 0.75 of class 7, 0.5 of class 1. */
function digits(): Digits {
  const levels = [0.25, 0.75, 0.5];
  return {
    images: tf.tensor4d(levels.flatMap((level) => new Array(784).fill(level)), [3, 28, 28, 1]),
    labels: tf.tensor1d([7, 7, 1], "int32"),
  };
}

/** Class 0 below a mean grey of 0.5, class 1 above; eight classes that never win. */
const plane: Classifier = {
  name: "plane",
  classes: 10,
  revision: {},
  logits: (images) =>
    tf.tidy(() => {
      const above = images.mean([1, 2, 3]).sub(0.5).mul(20).reshape<Tensor2D>([-1, 1]);
      return tf.concat2d([above.neg(), above, tf.fill([images.shape[0], 8], -20)], 1);
    }),
};

Deno.test("digitRows() gives pixels, label and caption of each image", () => {
  const rows = digitRows(digits());
  assertEquals(rows.map(({ image, label, caption }) => [image, label, caption]), [
    [0, 7, "7"],
    [1, 7, "7"],
    [2, 1, "1"],
  ]);
  assertEquals(rows[1]?.pixels, new Float32Array(784).fill(0.75));
});

Deno.test("pick() keeps the order asked for and leaves nothing else behind", () => {
  const all = digits();
  const before = tf.memory().numTensors;
  const picked = pick(all, [2, 0]);
  assertEquals(tf.memory().numTensors, before + 2);
  assertEquals([...picked.labels.dataSync()], [1, 7]);
  assertEquals(pixelsOf(picked.images).map((pixels) => pixels[9]), [0.5, 0.25]);
});

Deno.test("classCounts() counts all ten classes", () => {
  const rows = classCounts("test", digits());
  assertEquals(rows.map((row) => row.count), [0, 1, 0, 0, 0, 0, 0, 2, 0, 0]);
  assertEquals(rows[7], { subset: "test", digit: 7, count: 2 });
});

Deno.test("meanRows() leaves out classes that do not occur", () => {
  const rows = meanRows(digits());
  assertEquals(rows.map(({ digit, count, pixels }) => [digit, count, pixels[0]]), [
    [1, 1, 0.5],
    [7, 2, 0.5],
  ]);
});

Deno.test("confusionCounts() counts by label, then prediction", () => {
  const rows = [[7, 7], [7, 1], [7, 1]].map(([label, prediction]) => ({
    label: label!,
    prediction: prediction!,
  }));
  const counts = confusionCounts(rows);
  assertEquals([counts[7]![7], counts[7]![1], counts[1]![7]], [1, 2, 0]);
});

Deno.test("confidentMistakes() puts the most confident mistake first", () => {
  const row = (image: number, prediction: number, confidence: number): PredictionRow => ({
    ...{ image, label: 7, prediction, confidence, caption: "7" },
    ...{ pixels: new Float32Array(784), confidences: [] },
  });
  const rows = confidentMistakes([row(0, 1, 0.6), row(1, 7, 0.99), row(2, 2, 0.9)]);
  assertEquals(rows.map((row) => row.image), [2, 0]);
});

Deno.test("lineRows() follows the confidences from before the image to beyond its perturbed image", () => {
  const [clean, perturbed] = [0.25, 0.75].map((level) => new Float32Array(784).fill(level));
  const before = tf.memory().numTensors;
  const rows = lineRows(plane, { clean: clean!, perturbed: perturbed! }, { points: 7 });
  assertEquals(tf.memory().numTensors, before);
  assertEquals(rows.map((row) => row.t), [-0.25, 0, 0.25, 0.5, 0.75, 1, 1.25]);
  assertAlmostEquals(rows[3]!.confidences[0]!, 0.5, 1e-5); // halfway the mean grey is 0.5
  assertAlmostEquals(rows[0]!.confidences[0]!, 1 / (1 + Math.exp(-15)), 1e-5);
});

Deno.test("sweepRows() runs each p and norm, and finds what the plane's distance allows", async () => {
  const image: Tensor4D = tf.fill([1, 28, 28, 1], 0.45); // 0.05 a pixel away: L2 distance 1.4
  const norms = new Map([[2, [1, 2]], [Infinity, [0.1]]]);
  const seen: number[] = [];
  const rows = await sweepRows(plane, image, { norms, onProgress: (done) => seen.push(done) });
  assertEquals(seen, [1, 2, 3]);
  assertEquals(rows.map(({ series, norm, found }) => [series, norm, found]), [
    ["p = 2", 1, false],
    ["p = 2", 2, true],
    ["p = ∞", 0.1, true],
  ]);
  assert(rows[1]!.confidence < 0.5 && rows[1]!.prediction === 1);
});

Deno.test("sweepRows() names the attacks there are", async () => {
  const options = { norms: new Map([[2, [1]]]), attack: "none" };
  const image: Tensor4D = tf.zeros([1, 28, 28, 1]);
  await assertRejects(() => sweepRows(plane, image, options), RangeError, "one of school");
});

Deno.test("sweepRows() refuses attacks that find their own norm", async () => {
  const image: Tensor4D = tf.zeros([1, 28, 28, 1]);
  for (const attack of ["minimal", "ddn"]) {
    const options = { norms: new Map([[2, [1]]]), attack };
    await assertRejects(() => sweepRows(plane, image, options), RangeError, "must take a norm");
  }
});
