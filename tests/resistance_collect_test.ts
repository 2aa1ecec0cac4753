/**
 * Tables of resistances that are asked for more: what is made anew, what stays.
 *
 * @module
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { join } from "node:path";
import pl from "nodejs-polars";
import { MLP } from "$lib/architectures.ts";
import { tf } from "$lib/backend.ts";
import { minNorm } from "$lib/minnorm.ts";
import { createNetwork } from "$lib/network.ts";
import { chosen, clean, collect, Collection, lackingOf } from "$lib/resistance/collect.ts";
import { collectExamples, untried } from "$lib/resistance/collect_examples.ts";
import { measureResistances } from "$lib/resistance/measure.ts";
import { isWrong, predictionMargin } from "$lib/resistance/scores.ts";
import { readResistances } from "$lib/resistance/table.ts";
import { inFolder } from "./in_folder.ts";
import { digits, group, images, network, setting, truth } from "./resistance_fixture.ts";

Deno.test("a row that lacks what is asked for is made anew, and keeps what it had", async () => {
  await inFolder(async (folder) => {
    const collection = await Collection.open(join(folder, "table.parquet"));
    const [plain, drawn] = [false, true].map((
      curves,
    ) => [{ image: 107, curves }, { image: 103, curves }]);
    const fill = async (wanted: typeof plain, maxPasses?: number) => {
      const options = maxPasses === undefined ? {} : { maxPasses };
      const lacking = lackingOf(collection, setting, wanted!, options).length;
      await collect(collection, network, group, wanted!, setting, options);
      const records = await readResistances(collection.file);
      assertEquals(records.map(({ image }) => image), [107, 103]);
      return { lacking, record: records[0]! };
    };
    const bare = await fill(plain);
    assertEquals([bare.record.minNorm, bare.record.norms], [null, null]);
    const searched = await fill(plain, 20);
    assertEquals([searched.lacking, (await fill(plain, 20)).lacking], [2, 0]);
    const { images, labels } = group.digits;
    const [least] = await minNorm(
      network,
      { images: tf.slice(images, [7], [1]), labels: tf.slice(labels, [7], [1]) },
      { p: 2, reference: "prediction", maxPasses: 20, ids: [107] },
    );
    assertEquals(searched.record.minNorm, least!.norm);
    const full = await fill(drawn);
    assertEquals([full.lacking, full.record.norms?.length], [2, 50]);
    assertEquals(full.record.minNorm, least!.norm);
    assertEquals([(await fill(plain, 20)).lacking, (await fill(plain, 30)).lacking], [0, 2]);
    assertEquals((await fill(drawn, 30)).lacking, 0);
  });
});

Deno.test("older tables, without the later columns, are read and need no new rows", async () => {
  await inFolder(async (folder) => {
    const file = join(folder, "table.parquet");
    const wanted = chosen(network, digits, 100).slice(0, 2);
    await collect(await Collection.open(file), network, group, wanted, setting, { maxPasses: 20 });
    const later = ["minNormOptions", "seed", "attackedFrom", "attackedTo"];
    pl.readParquet(file).drop(later).writeParquet(file);
    const collection = await Collection.open(file);
    assertEquals(collection.records.map((one) => one.minNormOptions), [null, null]);
    assertEquals(lackingOf(collection, setting, wanted, { maxPasses: 90 }), []);
    const example = { ...collection.records[0]!, source: "fgsm", p: 2, image: 105 };
    await collection.add([example]);
    const source = { source: "fgsm", p: 2, epsilon: null };
    assertEquals(untried(collection, setting, source, [100, 103, 105, 106]), [106]);
    pl.readParquet(file).drop(["resN"]).writeParquet(file);
    await assertRejects(() => readResistances(file), SyntaxError, "no column resN");
  });
});

Deno.test("the search for the smallest norm depends on the image's number, not on its place", async () => {
  const mlp = createNetwork(MLP, { seed: 1 });
  const some = { images: images.slice([7], [1]), labels: digits.labels.slice([7], [1]) };
  const norms: number[] = [];
  for (const image of [107, 300]) {
    const subject = { ...clean, image, label: 0, norm: null };
    const one = { ...setting, steps: 1 };
    const [record] = await measureResistances(mlp, some.images, [subject], one, { maxPasses: 20 });
    const search = { p: 2, reference: "prediction", maxPasses: 20, ids: [image] } as const;
    const [least] = await minNorm(mlp, some, search);
    assertEquals(record!.minNorm, least!.norm);
    norms.push(least!.norm);
  }
  assert(norms[0] !== norms[1], "the number makes no difference, so that nothing is tested");
});

Deno.test("an abort ends the search for the smallest norms, too", async () => {
  const controller = new AbortController();
  const before = tf.memory().numTensors;
  const subjects = truth.map((label, image) => ({ ...clean, image, label, norm: null }));
  const reason = await measureResistances(network, images, subjects, { ...setting, steps: 1 }, {
    ...{ maxPasses: 20, signal: controller.signal },
    onProgress: () => controller.abort("enough"),
  }).catch((error) => error);
  assertEquals([reason, tf.memory().numTensors], ["enough", before]);
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
      all.reduce((sum, record) => sum + predictionMargin(record.logits), 0) / all.length;
    assert(mean(far!) > 10 * mean(near!), `${mean(far!)} and ${mean(near!)}`);
    await run();
    assertEquals(collection.records, records);
  });
});

Deno.test("examples: images before the last are attacked, too; failures once; a seed replaces", async () => {
  await inFolder(async (folder) => {
    const collection = await Collection.open(join(folder, "table.parquet"));
    const source = { source: "pgd", p: Infinity, epsilon: 0.01 };
    const quick = { ...setting, steps: 5 };
    const part = (from: number, size: number) => ({
      digits: { images: images.slice([from], [size]), labels: digits.labels.slice([from], [size]) },
      first: 100 + from,
    });
    const run = (of: typeof group, seed = 0) =>
      collectExamples(collection, network, of, [source], quick, { count: 12, seed });
    const found = () => collection.of(quick, source).map(({ image }) => image);
    await run(part(6, 6));
    const late = found();
    await run(part(0, 6));
    const all = found();
    assertEquals(all.filter((image) => image >= 106), late);
    assert(all.length > late.length && all.length < 10, `${all} and ${late}`);
    const before = collection.records;
    await run(group);
    assert(collection.records === before, "attacked again what had failed");
    await run(part(0, 6), 1);
    assert(found().length > 0 && collection.records.every(({ seed }) => seed === 1));
    const tensors = tf.memory().numTensors;
    const options = { count: 12, seed: 2, signal: AbortSignal.abort("enough") };
    const reason = await collectExamples(collection, network, group, [source], quick, options)
      .catch((error) => error);
    assertEquals([reason, tf.memory().numTensors], ["enough", tensors]);
  });
});
