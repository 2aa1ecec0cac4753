/**
 * Tables of results: what Parquet keeps, how they grow, and what verification finds out.
 *
 * @module
 */
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { join } from "node:path";
import pl from "nodejs-polars";
import { logitsAlone, marginOf } from "$lib/attacks/judge.ts";
import { type Tensor4D, tf } from "$lib/backend.ts";
import { loadBytes } from "$lib/loader.ts";
import { loadNetwork } from "$lib/network.ts";
import { appendRows, readRows, type ResultRow, rowsOf, writeRows } from "$lib/results.ts";
import { identityOf, measure, type Measurement } from "$lib/results/measure.ts";
import { Table } from "$lib/results/table.ts";
import { verifyTable } from "$lib/results/verify.ts";
import { weightsSha256 } from "$lib/safetensors.ts";
import { toArrays } from "$lib/weights.ts";
import { inFolder } from "./in_folder.ts";

/** A row with an image if its number is odd; nothing was found for multiples of three. */
function row(image: number, rest: Partial<ResultRow> = {}): ResultRow {
  const found = image % 3 > 0;
  return {
    network: "MLP",
    weightsSha256: "ab".repeat(32),
    dataset: "MNIST",
    subset: "test",
    image,
    label: image % 10,
    prediction: 3,
    reference: "label",
    p: image % 2 ? Infinity : 2,
    attack: "portfolio",
    options: '{"maxPasses":2000}',
    found,
    minNorm: found ? image / 7 : Infinity,
    adversarialClass: found ? 4 : null,
    forwards: 1000,
    backwards: 999,
    seconds: 0.1,
    seed: -5,
    survives8bit: found ? image % 4 === 1 : null,
    minNorm8bit: found ? image / 6 : Infinity,
    certifiedNorm: image % 5 ? null : 0.25,
    certificate: image % 5 ? null : "a bound",
    adversarial: found && image % 2
      ? Float32Array.from({ length: 784 }, (_, i) => Math.sin(image + i) ** 2)
      : null,
    foundBy: found ? "fmn" : null,
    optimal: found ? image % 4 === 1 : null,
    ...rest,
  };
}
const rows = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) => row(from + i));

Deno.test("rows come back from Parquet as they were, infinities, nulls and float32 to the bit", () =>
  inFolder(async (folder) => {
    const file = join(folder, "a table");
    await writeRows(file, rows(0, 40));
    assertEquals(await readRows(file), rows(0, 40));
    assertEquals(await rowsOf(file), 40);
    assertEquals(await readRows(file, { from: 10, to: 12 }), rows(10, 12));
    assertEquals(await readRows(file, { from: 38, to: 99 }), rows(38, 40));
    assertEquals(await readRows(file, { columns: ["p", "image"], from: 1, to: 3 }), [
      { p: Infinity, image: 1 },
      { p: 2, image: 2 },
    ]);
  }));

Deno.test("the columns are those of the contract, in its types", () =>
  inFolder(async (folder) => {
    const file = join(folder, "t.parquet");
    await writeRows(file, rows(0, 2));
    const types = Object.entries(pl.readParquet(file).schema).map(([name, type]) =>
      `${name} ${String(type).replaceAll(/DataType\(|\)/g, "")}`
    );
    assertEquals(types.slice(0, 23), [
      ...["network String", "weightsSha256 String", "dataset String", "subset String"],
      ...["image Int32", "label Int32", "prediction Int32", "reference String", "p Float64"],
      ...["attack String", "options String", "found Bool", "minNorm Float64"],
      ...["adversarialClass Int32", "forwards Int32", "backwards Int32", "seconds Float64"],
      ...["seed Int32", "survives8bit Bool", "minNorm8bit Float64", "certifiedNorm Float64"],
      ...["certificate String", "adversarial List(Float32"],
    ]);
  }));

Deno.test("a table that grew row by row is one file that polars reads as if written at once", () =>
  inFolder(async (folder) => {
    const file = join(folder, "t.parquet");
    await writeRows(file, []);
    assertEquals(await readRows(file), []);
    // Enough groups that their number takes another form in the file's end.
    for (let from = 0; from < 60; from += 3) await appendRows(file, rows(from, from + 3));
    await appendRows(file, []);
    assertEquals(await readRows(file), rows(0, 60));
    const frame = pl.readParquet(file);
    assertEquals(frame.height, 60);
    const filtered = await pl.scanParquet(file).filter(pl.col("image").gt(50)).collect();
    assertEquals(filtered.getColumn("image").toArray(), rows(51, 60).map(({ image }) => image));
    assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name), ["t.parquet"]);
  }));

Deno.test("a table whose columns another program put in another order grows, too", () =>
  inFolder(async (folder) => {
    const file = join(folder, "t.parquet");
    await writeRows(file, rows(0, 5));
    const frame = pl.readParquet(file);
    frame.select(...frame.columns.toReversed()).writeParquet(file, { compression: "snappy" });
    await appendRows(file, rows(5, 8));
    assertEquals(await readRows(file), rows(0, 8));
  }));

Deno.test("a table may lack what is ours alone, and have columns more", () =>
  inFolder(async (folder) => {
    const file = join(folder, "t.parquet");
    const written = rows(0, 5);
    await writeRows(file, written);
    const frame = pl.readParquet(file);
    frame.drop(["foundBy", "optimal"]).writeParquet(file);
    const without = written.map((row) => ({ ...row, foundBy: null, optimal: null }));
    assertEquals(await readRows(file), without);
    await appendRows(file, [row(5)]);
    assertEquals((await readRows(file)).at(-1), row(5));
    frame.withColumn(pl.lit(1).as("mine")).writeParquet(file);
    const bytes = await Deno.readFile(file);
    assertEquals(await readRows(file), written);
    // Its rows would lose a column.
    const refused = await assertRejects(() => appendRows(file, [row(5)]), SyntaxError);
    assertMatch(refused.message, /as a table of results: mine is none of its columns$/);
    assertEquals(await Deno.readFile(file), bytes);
  }));

Deno.test("what is no table is refused in a line, and left as it is", () =>
  inFolder(async (folder) => {
    const file = join(folder, "t.parquet");
    await writeRows(file, rows(0, 9));
    const good = await Deno.readFile(file);
    const endAt = good.length - 8 - new DataView(good.buffer).getUint32(good.length - 8, true);
    const changed = (change: (frame: pl.DataFrame) => pl.DataFrame) =>
      new Uint8Array(change(pl.readParquet(file)).writeParquet());
    const flipped = (at: number) => good.map((byte, i) => i === good.length + at ? byte ^ 4 : byte);
    // Those that end well can be added to without a look at what stands in the way of reading.
    const bad: [Uint8Array, RegExp, endsWell?: true][] = [
      [new TextEncoder().encode("not a table at all"), /must end in PAR1/],
      [new Uint8Array(), /must end in PAR1/],
      [good.slice(0, -100), /must end in PAR1/],
      [good.slice(4000), /.+/, true],
      [flipped(-5), /may have at most/],
      [good.slice().fill(255, endAt, endAt + 20), /.+/],
      [changed((frame) => frame.drop("minNorm")), /has no column minNorm/],
      [
        changed((frame) => frame.withColumn(pl.col("image").cast(pl.Int64))),
        /image must be Int32: current value is Int64/,
      ],
    ];
    for (const [bytes, message, endsWell] of bad) {
      await Deno.writeFile(file, bytes);
      const uses: (() => Promise<unknown>)[] = [() => readRows(file), () => Table.open(file)];
      if (!endsWell) uses.push(() => appendRows(file, [row(1)]));
      for (const use of uses) {
        const { message: said } = await assertRejects(use, SyntaxError);
        assertMatch(said, message);
        assertMatch(said, /^Cannot read .*t\.parquet as a table of results: [^\n]+$/);
        assertEquals(await Deno.readFile(file), bytes);
      }
    }
    await assertRejects(() => readRows(join(folder, "none")), Deno.errors.NotFound, "no such file");
    await assertRejects(() => readRows(folder), Error);
  }));

Deno.test("a row without a value that it needs is refused", () =>
  inFolder(async (folder) => {
    const file = join(folder, "t.parquet");
    await writeRows(file, [row(1), { ...row(2), minNorm: null as unknown as number }]);
    await assertRejects(() => readRows(file), SyntaxError, "row 1 has no minNorm");
  }));

Deno.test("adding to a table takes no more memory as it grows", () =>
  inFolder(async (folder) => {
    // A process of its own, whose garbage can be collected before its memory is looked at.
    const script = `
      import { appendRows, readRows } from "$lib/results.ts";
      const rows = await readRows("${join(folder, "batch")}");
      const used = [];
      for (let count = 1; count <= 60; count++) {
        await appendRows("${join(folder, "table")}", rows);
        if (count % 20 === 0) {
          gc();
          // What the garbage held is given back a turn later.
          await new Promise((resolve) => setTimeout(resolve, 50));
          used.push(Deno.memoryUsage().rss);
        }
      }
      console.log(JSON.stringify(used));`;
    const adversarial = () => Float32Array.from({ length: 784 }, Math.random);
    const batch = rows(0, 200).map((row) => ({ ...row, adversarial: adversarial() }));
    await writeRows(join(folder, "batch"), batch);
    await writeRows(join(folder, "table"), []);
    const { stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["eval", "-q", "--v8-flags=--expose-gc", script],
      stderr: "inherit",
    }).output();
    const used: number[] = JSON.parse(new TextDecoder().decode(stdout));
    assertEquals(await rowsOf(join(folder, "table")), 12_000);
    // The rows between take 25 MB; a table that is read and written again took 900 MB more.
    const grown = (used[2]! - used[0]!) / 1e6;
    assert(grown < 15, `${grown} MB`);
  }));

Deno.test("two tables over one file lose nothing and repeat nothing", () =>
  inFolder(async (folder) => {
    const file = join(folder, "t.parquet");
    const [one, other] = [await Table.open(file), await Table.open(file)];
    await one.add(rows(0, 4));
    await other.add(rows(2, 6));
    await one.add(rows(6, 7));
    await Promise.all([one.save(), other.save()]);
    const images = (await readRows(file)).map(({ image }) => image);
    assertEquals(images.toSorted((a, b) => a - b), [0, 1, 2, 3, 4, 5, 6]);
  }));

const network = await loadNetwork("MLP");
const measurement: Measurement = {
  network,
  weightsSha256: await weightsSha256(toArrays(network.weights)),
  dataset: "MNIST",
  subset: "test",
  p: 2,
  reference: "label",
  maxPasses: 20,
  seed: 0,
};
const digits = await loadBytes("test");
const part = (from: number, to: number) => ({
  first: from,
  bytes: {
    count: to - from,
    images: digits.images.subarray(from * 784, to * 784),
    labels: digits.labels.subarray(from, to),
  },
});

Deno.test("measure() computes only what the table lacks", () =>
  inFolder(async (folder) => {
    const file = join(folder, "t.parquet");
    await measure(await Table.open(file), measurement, part(10, 14));
    const marked = (await readRows(file)).map((row) => ({ ...row, seconds: 99 }));
    assertEquals(marked.map(({ image }) => image), [10, 11, 12, 13]);
    await writeRows(file, marked);
    const before = tf.memory().numTensors;
    const figures = await measure(await Table.open(file), measurement, part(8, 16));
    assertEquals(tf.memory().numTensors, before);
    assertEquals(figures.map(({ image }) => image), [8, 9, 10, 11, 12, 13, 14, 15]);
    assertEquals(
      figures.map(({ seconds }) => seconds === 99),
      [0, 0, 1, 1, 1, 1, 0, 0].map(Boolean),
    );
    assertEquals(await rowsOf(file), 8);
  }));

Deno.test("another seed, norm, reference, budget, attack or weights is another result", () => {
  const keys = [
    {},
    { seed: 1 },
    { p: Infinity },
    { reference: "prediction" as const },
    { maxPasses: 21 },
    { attack: "fmn" },
    { weightsSha256: "cd" },
    { dataset: "FashionMNIST" },
    { subset: "train" },
  ].map((change) =>
    JSON.stringify(Object.values(identityOf({ ...measurement, ...change })).map(String))
  );
  assertEquals(new Set(keys).size, keys.length);
});

Deno.test("measure() gives what it has computed when aborted, and goes on to the same rows", () =>
  inFolder(async (folder) => {
    const whole = await Table.open(join(folder, "whole.parquet"));
    await measure(whole, measurement, part(0, 12));
    const broken = await Table.open(join(folder, "broken.parquet"));
    const controller = new AbortController();
    await assertRejects(
      () =>
        measure(broken, measurement, part(0, 12), {
          batchSize: 5,
          signal: controller.signal,
          onProgress: ({ done }) => done > 7 && controller.abort(new Error("enough")),
        }),
      Error,
      "enough",
    );
    assertEquals(await rowsOf(broken.file), 5);
    await measure(await Table.open(broken.file), measurement, part(0, 12), { batchSize: 4 });
    const timeless = async (file: string) =>
      (await readRows(file)).map((row) => ({ ...row, seconds: 0 }));
    assertEquals(await timeless(broken.file), await timeless(whole.file));
  }));

/** A misclassified image of the first hundred. */
const wrong = network.predict(tf.tensor4d(
  Float32Array.from(
    digits.images.subarray(0, 78_400),
    (byte) => byte / 255,
  ),
  [100, 28, 28, 1],
)).dataSync().findIndex((prediction, i) => prediction !== digits.labels[i]);

Deno.test("verifyTable() confirms what was measured in every norm, and fails what was changed", () =>
  inFolder(async (folder) => {
    const file = join(folder, "t.parquet");
    const table = await Table.open(file);
    for (const p of [0, 1, 2, Infinity]) {
      await measure(table, { ...measurement, p, maxPasses: 60 }, part(0, 3));
    }
    await measure(table, { ...measurement, p: 2, polish: true, maxPasses: 60 }, part(0, 1));
    await measure(table, { ...measurement, p: 2 }, part(wrong, wrong + 1));
    const good = await readRows(file);
    const polished = good.at(-2)!;
    assertEquals(polished.options, '{"maxPasses":60,"version":2,"polish":true}');
    assertEquals([polished.optimal, polished.foundBy], [true, "linear-region"]);
    assertEquals(good.filter(({ optimal }) => optimal !== null), [polished]);
    const networkOf = ({ weightsSha256 }: { weightsSha256: string }) =>
      Promise.resolve(weightsSha256 === measurement.weightsSha256 ? network : undefined);
    const verify = async (rows: ResultRow[]) => {
      await writeRows(file, rows);
      return await verifyTable(file, { networkOf, digitsOf: () => Promise.resolve(digits) });
    };
    assertEquals(await verify(good), { rows: 14, verified: 14, unwitnessed: 0, failed: [] });
    assertEquals(good.at(-1)!.minNorm, 0);

    const of = (p: number) => good.find((row) => row.p === p)!;
    const l2 = of(2);
    const withPixel = (value: number) => l2.adversarial!.with(400, value);
    const changes: [ResultRow, Partial<ResultRow>, string][] = [
      [l2, { minNorm: l2.minNorm * 0.999 }, "its image lies at L2 norm"],
      [l2, { minNorm: l2.minNorm * 1.001 }, "its image lies at L2 norm"],
      [of(0), { minNorm: of(0).minNorm - 1 }, "its image lies at L0 norm"],
      [of(1), { minNorm: of(1).minNorm - 1e-3 }, "its image lies at L1 norm"],
      [of(Infinity), { minNorm: of(Infinity).minNorm - 1e-5 }, "its image lies at Linf norm"],
      [l2, { p: 1 }, "its image lies at L1 norm"],
      [l2, { adversarial: withPixel(1.01) }, "outside [0, 1]: 1.0099"],
      [l2, { adversarial: withPixel(-0.01) }, "outside [0, 1]"],
      [l2, { adversarial: withPixel(NaN) }, "outside [0, 1]: NaN"],
      [l2, { adversarial: l2.adversarial!.slice(1) }, "783 pixels"],
      [l2, { adversarialClass: (l2.adversarialClass! + 1) % 10 }, "its image is seen as"],
      [l2, { adversarialClass: null }, "its image is seen as"],
      [l2, { label: (l2.label + 1) % 10 }, "its label is"],
      [l2, { prediction: (l2.prediction + 1) % 10 }, "the network predicts"],
      [l2, { image: good[1]!.image }, "its label is"],
      [l2, { image: 10_000 }, "has no image 10000"],
      [l2, { image: -1 }, "has no image -1"],
      [l2, { subset: "best" }, "no data set MNIST with a subset best"],
      [l2, { dataset: "CIFAR" }, "no data set CIFAR"],
      [l2, { weightsSha256: "00" }, "--weights"],
      [l2, { reference: "best" }, "its reference must be"],
      [l2, { p: 0.5 }, "p must be"],
      [l2, { found: false }, "found is false"],
      [l2, { minNorm: Infinity }, "found is true though minNorm is Infinity"],
      [l2, { minNorm: 0, adversarial: null }, "minNorm is 0 though"],
      [l2, { minNorm: -1, adversarial: null }, "minNorm must be >= 0"],
      [l2, { survives8bit: !l2.survives8bit }, "rounded to 8 bits"],
      [l2, { minNorm8bit: l2.minNorm8bit! + 1e-5 }, "is no norm between images of 8 bits"],
      [l2, { optimal: true }, "is not the nearest of its linear region"],
      [of(0), { optimal: true }, "optimal is true though p is 0"],
      [l2, { certifiedNorm: l2.minNorm + 0.01 }, "certifiedNorm"],
      [good.at(-1)!, { minNorm: 0.1 }, "the clean image is misclassified"],
      [good.at(-1)!, { minNorm: 0.1, adversarial: null }, "the clean image is misclassified"],
    ];
    const tampered = changes.map(([row, change]) => ({ ...row, ...change }));
    const { failed, ...counts } = await verify([l2, ...tampered]);
    assertEquals(counts, { rows: changes.length + 1, verified: 1, unwitnessed: 0 });
    assertEquals(failed.length, changes.length);
    changes.forEach(([, change, why], i) =>
      assertStringIncludes(failed[i]!.why, why, JSON.stringify(change))
    );
    assertEquals(failed[0], { network: "MLP", image: 0, p: "2", why: failed[0]!.why });

    const wrapped = {
      ...{ name: "wrapped", classes: 10, revision: {} },
      logits: (images: Tensor4D) => network.logits(images),
    };
    await writeRows(file, [polished]);
    const around = await verifyTable(file, {
      networkOf: () => Promise.resolve(wrapped),
      digitsOf: () => Promise.resolve(digits),
    });
    const { why } = around.failed[0]!;
    assertEquals(why, "optimal is true though wrapped has no linear regions");
  }));

Deno.test("verifyTable() judges the point, not its norm: a smaller one that is not adversarial fails", () =>
  inFolder(async (folder) => {
    const file = join(folder, "t.parquet");
    await measure(await Table.open(file), measurement, part(0, 1));
    const [row] = await readRows(file);
    const clean = Float32Array.from(digits.images.subarray(0, 784), (byte) => byte / 255);
    const half = row!.adversarial!.map((pixel, i) => (pixel + clean[i]!) / 2);
    const minNorm = Math.hypot(...half.map((pixel, i) => pixel - clean[i]!));
    const noted = { survives8bit: null, minNorm8bit: null };
    await writeRows(file, [
      { ...row!, adversarial: half, minNorm, ...noted },
      { ...row!, adversarial: null },
      { ...row!, adversarial: null, found: false, minNorm: Infinity },
    ]);
    const { failed, ...counts } = await verifyTable(file, {
      networkOf: () => Promise.resolve(network),
      digitsOf: () => Promise.resolve(digits),
    });
    assertEquals(counts, { rows: 3, verified: 0, unwitnessed: 2 });
    assertStringIncludes(failed[0]!.why, "its image is not adversarial");
  }));

Deno.test("verifyTable() lets no rounding of other kernels turn its answer, nor more than that", () =>
  inFolder(async (folder) => {
    const file = join(folder, "t.parquet");
    await measure(await Table.open(file), measurement, part(0, 1));
    const [row] = await readRows(file);
    const clean = Float32Array.from(digits.images.subarray(0, 784), (byte) => byte / 255);
    const at = (share: number) =>
      row!.adversarial!.map((pixel, i) => clean[i]! + share * (pixel - clean[i]!));
    const marginAt = (share: number) =>
      marginOf(logitsAlone(network, at(share), [28, 28, 1]), row!.prediction);
    /** The row with the point where the margin is so much. */
    const withMargin = (margin: number) => {
      let [low, high] = [0, 2];
      while (high - low > 1e-7) {
        const middle = (low + high) / 2;
        [low, high] = marginAt(middle) > margin ? [middle, high] : [low, middle];
      }
      const minNorm = Math.hypot(...at(high).map((pixel, i) => pixel - clean[i]!));
      const noted = { survives8bit: null, minNorm8bit: null };
      return { ...row!, adversarial: at(high), minNorm, ...noted };
    };
    await writeRows(file, [-1.1e-4, -0.9e-4, -0.4e-4].map(withMargin));
    const { failed, verified } = await verifyTable(file, {
      networkOf: () => Promise.resolve(network),
      digitsOf: () => Promise.resolve(digits),
    });
    assertEquals([verified, failed.length], [2, 1]);
  }));
