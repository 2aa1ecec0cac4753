/**
 * Tables of resistances: what is measured, what is written, what is not measured again.
 *
 * @module
 */
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { join } from "node:path";
import { architecture, MLP } from "$lib/architectures.ts";
import { resistances } from "$lib/attacks/resistance.ts";
import { backend, type Tensor4D, tf } from "$lib/backend.ts";
import { dense, flatten } from "$lib/layers.ts";
import { createNetwork } from "$lib/network.ts";
import { uniform } from "$lib/random.ts";
import { chosen, clean, collect, collectExamples, Collection } from "$lib/resistance/collect.ts";
import { settingOf } from "$lib/resistance/measure.ts";
import {
  entropyOf,
  isWrong,
  marginOf,
  schoolScore,
  suspicion,
  topTwo,
} from "$lib/resistance/scores.ts";
import { readResistances, sampled, writeResistances } from "$lib/resistance/table.ts";
import { inFolder } from "./in_folder.ts";

/** A linear network: quick; and sure of itself, as the second attack leaves alone what is in doubt. */
const linear = architecture("linear", [flatten(), dense(10)], MLP);
const network = createNetwork(linear, { seed: 1 });
network.setWeights(
  Object.fromEntries(
    Object.entries(network.weights).map(([name, weight]) => [name, weight.mul(20)]),
  ),
);
const images = tf.tensor4d(uniform(12 * 784, 3, 0), [12, 28, 28, 1]);
const predictions = network.predict(images).dataSync();
/** Images 7 and 9 count as misclassified. */
const truth = Array.from(predictions, (one, i) => [7, 9].includes(i) ? (one + 1) % 10 : one);
const digits = { images, labels: tf.tensor1d(truth, "int32") };
const group = { digits, first: 100 };
const setting = await settingOf(network, { steps: 120 });

Deno.test("chosen() takes all mistakes, and the first images that are right", () => {
  const wanted = chosen(network, digits, 100, { right: 3, curves: 1 });
  assertEquals(wanted.map(({ image }) => image), [100, 101, 102, 107, 109]);
  assertEquals(wanted.map(({ curves }) => curves), [true, false, false, true, true]);
  assertEquals(chosen(network, digits, 0).length, 12);
});

Deno.test("a collection holds what resistances() says, and comes back from its file", async () => {
  await inFolder(async (folder) => {
    const file = join(folder, "table.parquet");
    const collection = await Collection.open(file);
    const wanted = chosen(network, digits, 100, { right: 3, curves: 1 });
    await collect(collection, network, group, wanted, setting, { maxPasses: 20 });
    const records = await readResistances(file);
    assertEquals(records, collection.records);
    const places = wanted.map(({ image }) => image - 100);
    const direct = await resistances(network, tf.gather(images, places), { steps: 120 });
    records.forEach((record, i) => {
      const { resN, resMax, resMin, adversarial, lastClass, norms } = direct[i]!;
      assertEquals([record.resN, record.resMax, record.resMin], [resN, resMax, resMin]);
      assertEquals(record.adversarialClass, adversarial ? lastClass : null);
      assertEquals(record.prediction, predictions[places[i]!]);
      assertEquals([record.label, isWrong(record)], [truth[places[i]!], record.image > 106]);
      assertEquals(record.norms, wanted[i]!.curves ? sampled(norms) : null);
      assert(record.minNorm! > 0);
    });
    assert(records.some(({ adversarial }) => adversarial));
  });
});

Deno.test("resistances() serves again what was compiled for the same weights", async () => {
  let asked = 0;
  const { name, classes, revision } = network;
  const logits = (x: Tensor4D) => {
    asked++;
    return network.logits(x);
  };
  const counts: number[] = [];
  for (const other of [revision, revision, {}]) {
    asked = 0;
    await resistances({ name, classes, revision: other, logits }, images, { steps: 2 });
    counts.push(asked);
  }
  const [first, again, changed] = counts;
  assertEquals(first, changed);
  if (backend.native) assert(again! < first!, `${counts}`);
});

Deno.test("what a collection has is not measured again, and an abort keeps what is there", async () => {
  await inFolder(async (folder) => {
    const collection = await Collection.open(join(folder, "table.parquet"));
    const wanted = chosen(network, digits, 100);
    await collect(collection, network, group, wanted.slice(0, 5), setting);
    const before = collection.records.slice();
    let lacking = 0;
    await collect(collection, network, group, wanted, setting, {
      onProgress: (progress) => lacking = progress.lacking,
    });
    assertEquals(lacking, 7);
    assertEquals(collection.records.slice(0, 5), before);
    assertEquals(
      collection.of(setting, clean).map(({ image }) => image),
      wanted.map((w) => w.image),
    );
    const other = { ...setting, steps: 5 };
    const signal = AbortSignal.abort("enough");
    const tensors = tf.memory().numTensors;
    const reason = await collect(collection, network, group, wanted, other, { signal })
      .catch((error) => error);
    assertEquals([reason, tf.memory().numTensors], ["enough", tensors]);
    assertEquals((await readResistances(collection.file)).length, 12);
  });
});

Deno.test("a base counts as there, is left alone, and stands for what was computed before", async () => {
  await inFolder(async (folder) => {
    const [base, own] = [join(folder, "base.parquet"), join(folder, "own.parquet")];
    const wanted = chosen(network, digits, 100).slice(0, 4);
    const first = await Collection.open(base);
    await collect(first, network, group, wanted.slice(0, 3), setting);
    const second = await Collection.open(own, base);
    await collect(second, network, group, wanted, setting);
    assertEquals(second.records.map(({ image }) => image), [103]);
    assertEquals((await readResistances(base)).length, 3);
    // The base has got since what the other one holds too.
    await collect(first, network, group, wanted, setting);
    const all = (await Collection.open(own, base)).of(setting, clean);
    assertEquals(all.map(({ image }) => image), [100, 101, 102, 103]);
  });
});

Deno.test("examples are adversarial, of rightly classified images, and made once", async () => {
  await inFolder(async (folder) => {
    const collection = await Collection.open(join(folder, "table.parquet"));
    const sources = [
      { source: "fmn", p: Infinity, epsilon: null },
      { source: "evading", p: 2, epsilon: 2 },
      { source: "fgsm", p: Infinity, epsilon: 1e-9 },
    ];
    const run = () => collectExamples(collection, network, group, sources, setting, { count: 8 });
    await run();
    const records = collection.records.slice();
    assert(records.length >= 8 && records.every(isWrong));
    assertEquals(records.find(({ image }) => [107, 109].includes(image)), undefined);
    assertEquals(collection.of(setting, sources[2]!), []);
    const [near, far] = sources.map((source) => collection.of(setting, source));
    // The evading one is at twice the smallest L2 norm: deeper in its class, so it resists more.
    const mean = (all: typeof records) =>
      all.reduce((sum, record) => sum + marginOf(record.logits), 0) / all.length;
    assert(mean(far!) > 10 * mean(near!), `${mean(far!)} and ${mean(near!)}`);
    await run();
    assertEquals(collection.records, records);
  });
});

Deno.test("a file that is no table of resistances is refused", async () => {
  await inFolder(async (folder) => {
    const file = join(folder, "table.parquet");
    await assertRejects(() => readResistances(file), Deno.errors.NotFound, "no such file");
    await Deno.writeTextFile(file, "PAR1 no, it is not PAR1");
    await assertRejects(() => Collection.open(file), SyntaxError, "as a table of resistances");
    await writeResistances(file, []);
    assertEquals(await readResistances(file), []);
  });
});

Deno.test("sampled() takes even steps, the last one included, in thousandths", () => {
  const curve = Float32Array.from({ length: 500 }, (_, i) => (i + 1) / 8);
  const samples = sampled(curve);
  assertEquals([samples.length, samples[0], samples[49]], [50, 1.25, 62.5]);
  assertEquals(sampled([0.12345], 2), new Float32Array([0.123, 0.123]));
});

Deno.test("scores say what is suspect: little resistance, little margin, much entropy", () => {
  assertEquals(topTwo([1, 5, 3, 5]), [1, 3]);
  assertEquals(topTwo([2, 1, 0]), [0, 1]);
  assertEquals(marginOf([1, 5, 3]), 2);
  assertEquals(entropyOf([0, 0]), Math.log(2));
  assertEquals(entropyOf([1000, 0]), 0);
  const record = { logits: new Float32Array([3, 1]), resN: Infinity, minNorm: null };
  const full = { ...record } as Parameters<typeof suspicion>[0];
  assertEquals([suspicion(full, "resN"), suspicion(full, "margin")], [-Infinity, -2]);
  assertThrows(() => suspicion(full, "minNorm"), RangeError, "the table must have it");
});

Deno.test("schoolScore() rises from 0 to 1, and is a half at K", () => {
  assertEquals([0, 2, 6, Infinity].map((one) => schoolScore(one, 2)), [0, 0.5, 0.75, 1]);
  for (const scale of [0, -1, NaN, Infinity]) {
    assertThrows(() => schoolScore(1, scale), RangeError, "K must be");
  }
});
