/**
 * Tables of resistances: what is measured, what is written, what is not measured again.
 *
 * @module
 */
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { join } from "node:path";
import { resistances } from "$lib/attacks/resistance.ts";
import { backend, type Tensor4D, tf } from "$lib/backend.ts";
import { chosen, clean, collect, Collection } from "$lib/resistance/collect.ts";
import {
  entropyOf,
  isWrong,
  predictionMargin,
  schoolScore,
  suspicion,
  topTwo,
} from "$lib/resistance/scores.ts";
import { readResistances, sampled, writeResistances } from "$lib/resistance/table.ts";
import { inFolder } from "./in_folder.ts";
import {
  digits,
  group,
  images,
  network,
  predictions,
  setting,
  truth,
} from "./resistance_fixture.ts";

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
  const [{ name, classes }, own] = [network, {}];
  const logits = (x: Tensor4D) => {
    asked++;
    return network.logits(x);
  };
  const counts: number[] = [];
  for (const other of [own, own, {}]) {
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
  assertEquals(predictionMargin([1, 5, 3]), 2);
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
