/**
 * Evaluations together, what networks make of digits, and what steps of training cost.
 *
 * @module
 */
import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertNotEquals,
  assertThrows,
} from "@std/assert";
import { join } from "node:path";
import { architecture, architectures, MLP } from "$lib/architectures.ts";
import { tf } from "$lib/backend.ts";
import {
  byWorstCase,
  type Evaluated,
  evaluatedNames,
  gather,
  robustnessAt,
  unevaluatedNames,
} from "$lib/evaluation/gathered.ts";
import { readCells, reportingHalf } from "$lib/evaluation/report.ts";
import { openSubject } from "$lib/evaluation/subject.ts";
import { gradientOnInk, gradientsOf, viewsOf } from "$lib/evaluation/views.ts";
import { test } from "$lib/loader.ts";
import { modelFile, seedFolder } from "$lib/models.ts";
import type { Classifier } from "$lib/network.ts";
import { stepSeconds } from "$lib/protections/cost.ts";
import { protectionOf } from "$lib/protections/index.ts";
import { type ResultRow, writeRows } from "$lib/results.ts";
import { pixelsOf } from "$lib/rows.ts";
import { inFolder } from "./in_folder.ts";
import { plane, smallest } from "./plane.ts";

const { weightsSha256, dispose } = await openSubject("MLP");
dispose();

/** A row of the MLP's evaluation in L-infinity, of an image of the reporting half. */
const row = (place: number, attack: string, minNorm: number, sha = weightsSha256): ResultRow => ({
  ...{ network: "MLP", weightsSha256: sha, dataset: "MNIST", subset: "test", label: 3 },
  image: reportingHalf.from + place,
  ...{ prediction: minNorm > 0 ? 3 : 5, reference: "label", p: Infinity, attack, options: "{}" },
  ...{ found: minNorm < Infinity, minNorm, forwards: 1, backwards: 1, seconds: 0, seed: 0 },
  adversarialClass: minNorm < Infinity ? 5 : null,
  ...{ survives8bit: null, minNorm8bit: null, certifiedNorm: null, certificate: null },
  ...{ adversarial: null, foundBy: null, optimal: null },
});

const budgets = new Map([[Infinity, [0, 0.1]]]);

Deno.test("gather() takes the worst case over all attacks, of the present weights alone", () =>
  inFolder(async (folder) => {
    const notes = [{ doubt: "vanished-gradients", raised: true, message: "all of them" }];
    await writeRows(`${folder}/MLP.parquet`, [
      ...[0, 0.05, 0.2, 0.3].map((norm, image) => row(image, "portfolio", norm)),
      ...[0, Infinity, 0.08, 0.4].map((norm, image) => (
        { ...row(image, "square", norm), options: "words of another program" }
      )),
      row(9, "square", 0.01), // the portfolio was not run on it
      row(5, "portfolio", 0.01, "of other weights"),
    ]);
    await Deno.writeTextFile(
      `${folder}/MLP.json`,
      JSON.stringify({ network: "MLP", weightsSha256, images: { from: 0, to: 4 }, doubts: notes }),
    );
    const [own, ...more] = await gather(["MLP", "CNN"], budgets, { folder });
    assertEquals(more, []);
    assertEquals(own!.worst.map(({ minNorm }) => minNorm), [0, 0.05, 0.08, 0.3]);
    const [cell] = own!.cells;
    assertEquals([robustnessAt(cell!, 0).share, robustnessAt(cell!, 0.1).share], [0.75, 0.25]);
    assertEquals(cell!.reasons, [
      "square beats the portfolio on 1 of 4 images",
      "all of them",
    ]);
    assertThrows(() => robustnessAt(cell!, 0.2), RangeError, "current value is 0.2");
  }));

Deno.test("gather() of another training is of its weights", () =>
  inFolder(async (folder) => {
    const seeded = await openSubject("MLP", { weights: join(seedFolder(1), modelFile("MLP")) });
    seeded.dispose();
    assertNotEquals(seeded.weightsSha256, weightsSha256);
    await writeRows(`${folder}/MLP.parquet`, [
      row(0, "portfolio", 0.2, seeded.weightsSha256),
      row(1, "portfolio", 0.3),
    ]);
    const imagesOf = async (training: number) =>
      (await gather(["MLP"], budgets, { training, folder })).flatMap(({ worst }) =>
        worst.map(({ image }) => image)
      );
    assertEquals([await imagesOf(0), await imagesOf(1)], [[5001], [5000]]);
    assertEquals(await imagesOf(77), []); // nobody trained that one
  }));

Deno.test("images on which choices were made don't join the figures, but where they are asked for", () =>
  inFolder(async (folder) => {
    const file = `${folder}/MLP.parquet`;
    await writeRows(file, [
      row(0, "portfolio", 0.3),
      ...[0, 4999].map((image) => ({ ...row(0, "portfolio", 0.01), image })),
      { ...row(0, "portfolio", 0.2), image: 10_000 },
    ]);
    const [own] = await gather(["MLP"], budgets, { folder });
    assertEquals(own!.worst.map(({ image, minNorm }) => [image, minNorm]), [[5000, 0.3]]);
    assertEquals(own!.rows.length, 1);
    const [early] = await gather(["MLP"], budgets, { folder, images: { from: 1, to: 5000 } });
    assertEquals(early!.worst.map(({ image }) => image), [4999]);
    const imagesOf = async (options?: Parameters<typeof readCells>[2]) =>
      (await readCells(file, weightsSha256, options)).map(({ images }) => images);
    assertEquals(await imagesOf(), [1]);
    assertEquals(await imagesOf({ images: { from: 0, to: 5000 } }), [2]);
  }));

Deno.test("evaluatedNames() are those in the tables, plain ones first; no folder has none", () =>
  inFolder(async (folder) => {
    const tables = { "CNN+pgd_linf_0.1": "CNN+pgd:linf:0.1", MLP: "MLP", CNN: "CNN" };
    for (const [file, network] of Object.entries(tables)) {
      await writeRows(`${folder}/${file}.parquet`, [{ ...row(0, "portfolio", 1), network }]);
    }
    await Deno.writeTextFile(`${folder}/smoothing.parquet`, "another kind of table");
    await Deno.writeTextFile(`${folder}/MLP.json`, "{}");
    assertEquals(await evaluatedNames(folder), ["MLP", "CNN", "CNN+pgd:linf:0.1"]);
    assertEquals(await evaluatedNames(`${folder}/none`), []);
    assert(!(await unevaluatedNames(folder)).includes("CNN+pgd:linf:0.1"));
  }));

Deno.test("byWorstCase() puts first what is strongest where it is weakest", () => {
  const evaluated = (name: string, shares: readonly number[]): Evaluated => ({
    ...{ name, rows: [], worst: [], doubts: [] },
    cells: [1, 2].slice(0, shares.length).map((p, i) => ({
      ...{ network: name, p, images: 10, median: 1, duels: [], reasons: [], remarks: [] },
      robustness: [{ epsilon: 1, share: shares[i]!, low: 0, high: 1 }],
    })),
  });
  const all = [
    evaluated("only in one norm", [0.9]),
    evaluated("uneven", [1, 0.1]),
    evaluated("even", [0.4, 0.5]),
    evaluated("a little more even", [0.6, 0.4]),
  ];
  const order = (norms: number[]) =>
    byWorstCase(all, new Map(norms.map((p) => [p, 1]))).map(({ name }) => name);
  assertEquals(order([1, 2]), ["a little more even", "even", "uneven", "only in one norm"]);
  assertEquals(order([1]), ["uneven", "only in one norm", "a little more even", "even"]);
});

Deno.test("gradientsOf() a plane are its weights, viewsOf() has its smallest perturbation", async () => {
  const { images, labels } = await test(1);
  const [clean] = pixelsOf(images);
  const network = plane(clean!, 2);
  const digits = { images, labels: tf.zerosLike(labels) };
  const before = tf.memory().numTensors;
  const [gradient] = gradientsOf(network, digits);
  const options = { p: 2, ids: [5007], attack: "fmn", maxPasses: 300 };
  const [view] = await viewsOf([network, network], digits, options);
  assertEquals(tf.memory().numTensors, before);
  assertEquals([view!.image, view!.views.length], [5007, 2]);
  // The class before the plane is 0, whose odds rise with the margin, but for the third class.
  const moved = images.add<typeof images>(tf.tensor4d(gradient!, images.shape).mul(1e-3));
  const rise = (points: typeof images) => network.logits(points).arraySync() as number[][];
  assert(rise(moved)[0]![0]! > rise(images)[0]![0]!);
  const norm = smallest(clean!, 2, 2);
  const [own] = view!.views;
  assertAlmostEquals(own!.norm, norm, 0.02 * norm);
  assertEquals(own!.adversarialClass, 1);
  tf.dispose([images, labels, digits.labels, moved]);
});

Deno.test("gradientOnInk() is the ink's share where the gradient is alike everywhere, 1 where it is on the ink", () => {
  const dot = tf.buffer([1, 28, 28, 1]);
  dot.set(1, 0, 5, 0, 0); // with its neighbours: six pixels at the left edge
  const images = dot.toTensor() as Parameters<typeof gradientsOf>[1]["images"];
  const labels = tf.tensor1d([0], "int32");
  const [width, ink] = [28 * 28, 6];
  const toClass = (weights: number[]): Classifier => ({
    ...{ name: "flat", classes: 2, revision: {} },
    logits: (points) =>
      tf.tidy(() => {
        const sums = points.reshape([-1, width]).matMul(tf.tensor2d(weights, [width, 1]));
        return tf.concat([sums, tf.zerosLike(sums)], 1) as ReturnType<Classifier["logits"]>;
      }),
  });
  const even = gradientOnInk(toClass(new Array(width).fill(2)), { images, labels });
  assertAlmostEquals(even.onInk, ink / width, 1e-6);
  assertAlmostEquals(even.ink, ink / width, 1e-6);
  assertAlmostEquals(even.size, 2 * Math.sqrt(width), 1e-3);
  const edge = [112, 113, 140, 141, 168, 169];
  const only = Array.from({ length: width }, (_, i) => edge.includes(i) ? 1 : 0);
  assertAlmostEquals(gradientOnInk(toClass(only), { images, labels }).onInk, 1, 1e-6);
  tf.dispose([images, labels]);
});

Deno.test("stepSeconds() times steps with their protections, and leaves no tensors", async () => {
  const digits = await test(40);
  const small = architecture("small", MLP.layers, { ...MLP, batchSize: 32 });
  const before = tf.memory().numTensors;
  let traced = 0;
  const images = ({ images }: { images: typeof digits.images }) => {
    traced++;
    return images;
  };
  const seconds = stepSeconds(small, digits, { protections: [{ spec: "spy", images }], steps: 2 });
  assert(seconds > 0 && seconds < 60);
  assert(traced > 0);
  assertEquals(tf.memory().numTensors, before);
  assertThrows(() => stepSeconds(small, digits, { steps: 0 }), RangeError, "current value is 0");
  const large = { ...small, batchSize: 64 };
  assertThrows(() => stepSeconds(large, digits), RangeError, "a batch needs 64 images");
  const protections = [protectionOf("interval:linf:0.1")];
  const normalised = { ...architectures.MLP_bn!, batchSize: 32 };
  assertThrows(
    () => stepSeconds(normalised, digits, { protections }),
    RangeError,
    "Cannot train MLP_bn with interval",
  );
  tf.dispose([digits.images, digits.labels]);
});
