/**
 * Adversarial examples that lie deep in a class, and what notebooks ask of tables of resistances.
 *
 * @module
 */
import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { architecture, MLP } from "$lib/architectures.ts";
import { tf } from "$lib/backend.ts";
import { dense, flatten } from "$lib/layers.ts";
import { createNetwork } from "$lib/network.ts";
import { norm } from "$lib/norms.ts";
import { uniform } from "$lib/random.ts";
import { evade } from "$lib/resistance/evade.ts";
import { rankingCurves, reportFigures, splitByTurns, withoutGaps } from "$lib/resistance/study.ts";
import type { ResistanceRecord } from "$lib/resistance/table.ts";

const network = createNetwork(architecture("linear", [flatten(), dense(10)], MLP), { seed: 1 });
const images = tf.tensor4d(uniform(4 * 784, 3, 0).map((pixel) => 0.4 + 0.2 * pixel), [
  4,
  28,
  28,
  1,
]);
const logits = network.infer(images).arraySync();
const targets = logits.map((own) => own.indexOf(Math.min(...own)));

Deno.test("evade() stays within each norm and the box, and climbs the higher the further", async () => {
  const confidence = async (epsilon: number) => {
    const made = await evade(network, images, targets, {
      epsilons: [0, 1, 2, 3].map((x) => x * epsilon),
    });
    const sizes = norm(made.sub(images), 2).arraySync();
    sizes.forEach((size, i) => assert(size <= i * epsilon * (1 + 1e-5), `${size}`));
    assert(sizes[3]! > 2.9 * epsilon);
    const [low, high] = [made.min().dataSync()[0]!, made.max().dataSync()[0]!];
    assert(low >= 0 && high <= 1);
    const shares = network.confidences(made).arraySync();
    made.dispose();
    return targets.map((target, i) => shares[i]![target]!);
  };
  const [near, far] = [await confidence(0.5), await confidence(1)];
  assertAlmostEquals(near[0]!, far[0]!, 1e-6);
  for (const i of [1, 2, 3]) assert(far[i]! > near[i]! && near[i]! > near[0]!);
});

Deno.test("evade() goes the straight way on a linear network", async () => {
  // Two classes alone: the way that raises their log-odds is the difference of their weights.
  const two = createNetwork(architecture("two", [flatten(), dense(2)], MLP));
  const made = await evade(two, images, [0, 0, 0, 0], { epsilons: [1, 1, 1, 1] });
  const r = made.sub(images).reshape([4, 784]).arraySync() as number[][];
  const kernel = two.weights["layers.0.kernel"]!.arraySync() as number[][];
  const way = kernel.map(([first, second]) => first! - second!);
  const dot = (a: number[], b: number[]) => a.reduce((sum, value, i) => sum + value * b[i]!, 0);
  for (const own of r) assert(dot(own, way) / Math.sqrt(dot(way, way) * dot(own, own)) > 0.999);
});

Deno.test("evade() refuses what does not fit, leaves no tensor, and stops", async () => {
  const make = (options: Partial<Parameters<typeof evade>[3]>) =>
    evade(network, images, targets, { epsilons: [1, 1, 1, 1], ...options });
  await assertRejects(() => make({ epsilons: [1] }), RangeError, "there must be 4 epsilons");
  await assertRejects(() => make({ epsilons: [1, 1, 1, NaN] }), RangeError, "finite and >= 0");
  await assertRejects(() => make({ steps: 0 }), RangeError, "steps must be at least 1");
  const before = tf.memory().numTensors;
  (await make({ steps: 3 })).dispose();
  const reason = await make({ signal: AbortSignal.abort("enough") }).catch((error) => error);
  assertEquals([reason, tf.memory().numTensors], ["enough", before]);
});

/** Records of which nothing but this is looked at. */
const record = (image: number, wrong: boolean, resN: number, adversarialClass: number | null = 1) =>
  ({
    ...{ image, label: 1, prediction: wrong ? 2 : 1, resN, resMax: 2 * resN, resMin: 100 * resN },
    ...{ adversarial: resN < Infinity, adversarialClass },
  }) as ResistanceRecord;

Deno.test("reportFigures() are quantiles that take infinite resistances as the largest", () => {
  const right = [1, 2, 3, 4, 5, 6, 7, 8, 9, Infinity, Infinity].map((res, i) =>
    record(i, false, res)
  );
  const wrong = [record(20, true, 0.5), record(21, true, 1.5, 7), record(22, true, Infinity, null)];
  assertEquals(reportFigures([...right, ...wrong]), {
    right: 11,
    infinite: 2,
    "90% of the right exceed": "2 / 4 / 200",
    wrong: 3,
    "90% of the wrong stay below": "∞ / ∞ / ∞",
    corrected: 1,
  });
});

Deno.test("splitByTurns() has as many mistakes on either side, and withoutGaps() no sampled ones", () => {
  const all = Array.from({ length: 20 }, (_, i) => record(i, i % 5 === 0, 1));
  const [fit, judge] = splitByTurns(all);
  assertEquals([fit.length, judge.length], [10, 10]);
  assertEquals(fit.filter(({ prediction }) => prediction === 2).map(({ image }) => image), [0, 10]);
  assertEquals(new Set([...fit, ...judge]).size, 20);
  const sampled = [...all, record(30, true, 1), record(40, true, 1)];
  assertEquals(withoutGaps(sampled), all);
});

Deno.test("rankingCurves() has the three curves of one ranking", () => {
  const { name, roc, precision, risk } = rankingCurves("margin", {
    scores: [3, 2, 1],
    positives: [true, false, false],
  });
  assertEquals([name, roc.length, precision.length, risk.length], ["margin", 4, 3, 3]);
});
