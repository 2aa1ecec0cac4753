/**
 * The last figures: which networks, which images, and tables that are filled once.
 *
 * @module
 */
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { join } from "node:path";
import { tf } from "$lib/backend.ts";
import { collectNorms, collectResistances } from "$lib/final/collect.ts";
import { finalNorms, testNorms } from "$lib/final/norms.ts";
import {
  accuracyRows,
  finalResistances,
  halves,
  measuredNames,
  modelNames,
  openModel,
  trainRow,
} from "$lib/final.ts";
import { load } from "$lib/loader.ts";
import { modelsFolder } from "$lib/models.ts";
import { readResistances } from "$lib/resistance/table.ts";
import { readRows, writeRows } from "$lib/results.ts";
import { computeLacking, lackingWork } from "$lib/results/lacking.ts";
import { inFolder } from "./in_folder.ts";

const model = await openModel("MLP");

Deno.test("modelNames() gives the networks of a folder, the known ones first", () =>
  inFolder(async (folder) => {
    const put = (from: string, to: string) =>
      Deno.copyFile(join(modelsFolder, from), join(folder, to));
    await put("CNN.safetensors", "CNN.safetensors");
    await put("MLP.safetensors", "MLP.safetensors");
    await put("CNN.safetensors", "A_third.safetensors");
    await put("CNN-history.svg", "CNN-history.svg");
    await Deno.mkdir(join(folder, "seeds"));
    await Deno.mkdir(join(folder, "protected"));
    await put("CNN_d.safetensors", "protected/CNN_d+pgd_linf_0.1.safetensors");
    const guarded = "CNN_d+pgd:linf:0.1";
    assertEquals(await modelNames(folder), ["MLP", "CNN", "A_third", guarded]);
    assertEquals((await openModel("A_third", folder)).network.name, "CNN");
    const { weightsSha256 } = await openModel("CNN_d");
    assertEquals((await openModel(guarded, folder)).weightsSha256, weightsSha256);
  }));

Deno.test("measuredNames() gives those that both tables have with these weights", () =>
  inFolder(async (folder) => {
    const copy = (from: string, to: string) =>
      Deno.copyFile(join(modelsFolder, from), join(folder, to));
    await copy("MLP.safetensors", "MLP.safetensors");
    await copy("seeds/1/CNN.safetensors", "CNN.safetensors");
    assertEquals(await modelNames(folder), ["MLP", "CNN"]);
    assertEquals(await measuredNames(folder), ["MLP"]);
  }));

Deno.test("the halves are all of val", () => {
  const images = Object.values(halves).map(({ from, to }) => [from, to]);
  assertEquals(images, [[0, 5000], [5000, 10_000]]);
});

Deno.test("trainRow() is what the file recorded", () => {
  const { right, ...row } = trainRow(model);
  assertEquals(row, { network: "MLP", set: "train", images: 50_000 });
  assertEquals(right / 50_000, Number(model.network.metadata["accuracy"]));
  const untold = { ...model, network: { ...model.network, metadata: {} } };
  assertThrows(() => trainRow(untold as never), TypeError, "must tell of its accuracy");
});

Deno.test("accuracyRows() counts what is right in each set", async () => {
  const digits = await load("test", { to: 300 });
  const predicted = model.network.predict(digits.images);
  const others = tf.tidy(() => predicted.add(1).mod(10).cast("int32"));
  const sets = { own: { ...digits, labels: predicted }, none: { ...digits, labels: others } };
  assertEquals(await accuracyRows(model, sets as never), [
    { network: "MLP", set: "own", right: 300, images: 300 },
    { network: "MLP", set: "none", right: 0, images: 300 },
  ]);
  const stopped = AbortSignal.abort(new DOMException("enough", "AbortError"));
  await assertRejects(() => accuracyRows(model, sets as never, stopped), DOMException, "enough");
  tf.dispose([digits.images, digits.labels, predicted, others]);
});

Deno.test("collectNorms() takes images of both halves, and computes none of them twice", () =>
  inFolder(async (folder) => {
    const file = join(folder, "norms.parquet");
    const before = tf.memory().numTensors;
    const options = { images: 11, norms: [2], maxPasses: 12, file };
    await collectNorms([model], options);
    const rows = await readRows(file);
    const first = Array.from({ length: 11 }, (_, i) => i);
    assertEquals(rows.map(({ image }) => image), [...first, ...first.map((i) => 5000 + i)]);
    assert(rows.every(({ subset, minNorm }) => subset === "val" && minNorm >= 0));
    // `deno task verify` needs the adversarial images: the table is small enough for all.
    const kept = rows.filter(({ adversarial }) => adversarial !== null);
    assertEquals(kept.length, rows.filter(({ found }) => found).length);
    assert(kept.length > 0);

    await collectNorms([model], { ...options, images: 12 });
    const more = await readRows(file);
    assertEquals(more.length, 24);
    assertEquals(more.slice(0, 22), rows, "rows that were there stay as they are");
    assertEquals(tf.memory().numTensors, before);
  }));

Deno.test("finalNorms() takes rows of these weights and of the largest budget", () =>
  inFolder(async (folder) => {
    const file = join(folder, "norms.parquet");
    await assertRejects(() => finalNorms([model], file), Deno.errors.NotFound, "deno task final");
    await collectNorms([model], { images: 1, norms: [2, Infinity], maxPasses: 12, file });
    const rows = await readRows(file);
    const options = JSON.parse(rows[0]!.options);
    const others = [
      { options: JSON.stringify({ ...options, maxPasses: 8 }) },
      { options: JSON.stringify({ maxPasses: 12 }) }, // of a portfolio before it had versions
      { options: JSON.stringify({ maxPasses: 24, version: options.version - 1 }) },
      ...[{ seed: 1 }, { weightsSha256: "0" }, { subset: "test" }, { attack: "fmn" }],
      ...[{ reference: "prediction" as const }, { dataset: "FashionMNIST" }],
    ];
    const strangers = others.flatMap((other) =>
      rows.map((row) => ({ ...row, minNorm: 9, ...other }))
    );
    await writeRows(file, [...strangers, ...rows]);
    assertEquals(
      await finalNorms([{ ...model, name: "mine" }], file),
      rows.map(({ p, image, minNorm }) => ({
        network: "mine",
        p,
        set: image === 0 ? "val, first half" as const : "val, second half" as const,
        image,
        minNorm,
        maxPasses: 12,
      })),
    );
    const without = { ...model, weightsSha256: "1" };
    await assertRejects(() => finalNorms([without], file), Deno.errors.NotFound, "lacks it");
  }));

Deno.test("testNorms() finds what the tables of test have with the same budget", () =>
  inFolder(async (folder) => {
    const file = join(folder, "norms.parquet");
    await collectNorms([model], { images: 1, norms: [2], maxPasses: 12, file });
    const { maxPasses } = (await finalNorms([model], file))[0]!;
    const rest = { attack: "portfolio", maxPasses: 12, seed: 0 };
    const wanted = { networks: ["MLP"], norms: [2], images: 3, ...rest };
    const folders = { committed: folder, own: folder };
    await computeLacking(await lackingWork(wanted, folders), folders);
    const norms = await testNorms([model], maxPasses, 2, folder);
    assertEquals(norms.map(({ set, image }) => [set, image]), [["test", 0], ["test", 1]]);
    assertEquals(await testNorms([model], maxPasses + 1, 2, folder), []);
    assertEquals(await testNorms([{ ...model, weightsSha256: "1" }], maxPasses, 2, folder), []);
  }));

Deno.test("collectResistances() takes all mistakes, and as many that are right of each half", () =>
  inFolder(async (folder) => {
    const file = join(folder, "resistances.parquet");
    const options = { images: 3, steps: 2, file };
    await collectResistances([model], options);
    const rows = await readResistances(file);
    const [first, second] = Object.values(halves).map(({ from, to }) =>
      rows.filter(({ image }) => image >= from && image < to)
    );
    for (const half of [first!, second!]) {
      assertEquals(half.filter(({ label, prediction }) => label === prediction).length, 3);
    }
    const digits = await load("val");
    const wrong = tf.tidy(() =>
      model.network.predict(digits.images).notEqual(digits.labels).sum().dataSync()[0]!
    );
    tf.dispose([digits.images, digits.labels]);
    assertEquals(rows.length, wrong + 6);
    await collectResistances([model], options);
    assertEquals((await readResistances(file)).length, wrong + 6);
    // Two steps are a trial: the last figures are of the whole attack.
    await assertRejects(() => finalResistances([model], file), Deno.errors.NotFound, "lacks it");
  }));
