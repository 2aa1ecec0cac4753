/**
 * Rows taken from tables, and the computing of those that are missing.
 *
 * @module
 */
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { dirname, join } from "node:path";
import { readRows, writeRows } from "$lib/results.ts";
import { computeLacking, lackingWork } from "$lib/results/lacking.ts";
import {
  assertTakes,
  commonRows,
  fileOf,
  type Folders,
  thinTable,
  trainings,
  type Wanted,
  wantedRows,
} from "$lib/results/wanted.ts";
import { inFolder } from "./in_folder.ts";

const wanted: Wanted = {
  networks: ["MLP"],
  norms: [2],
  images: 3,
  attack: "fgsm",
  maxPasses: 12,
  seed: 0,
};

/** A folder for what is committed and one for what is computed. */
const inFolders = (use: (folders: Required<Folders>) => Promise<void>) =>
  inFolder((folder) => use({ committed: join(folder, "committed"), own: join(folder, "own") }));

const lacking = async (one: Wanted, folders: Folders) =>
  (await lackingWork(one, folders)).lacks.map(({ network, p, images }) => ({ network, p, images }));

Deno.test("only what no table has is computed, and is there the next time", () =>
  inFolders(async (folders) => {
    const fgsm = { ...wanted, norms: [Infinity] };
    assertEquals(await lacking(fgsm, folders), [
      { network: "MLP", p: Infinity, images: [0, 1, 2] },
    ]);
    await computeLacking(await lackingWork({ ...fgsm, images: 2 }, folders), {
      own: folders.committed,
    });
    const committed = await Deno.readFile(fileOf(folders.committed, "MLP"));
    const work = await lackingWork(fgsm, folders);
    assertEquals(work.lacks.map(({ images }) => images), [[2]]);
    assertEquals(work.rows, 1);
    assert(work.seconds > 0 && work.seconds < 60, `${work.seconds} s`);

    const seen: number[] = [];
    await computeLacking(work, { own: folders.own, onProgress: ({ done }) => seen.push(done) });
    assertEquals(seen.at(-1), 1);
    assertEquals(await lacking(fgsm, folders), []);
    const rows = await wantedRows(fgsm, folders);
    assertEquals(rows.map(({ image, p, attack }) => [image, p, attack]), [
      ...[[0, Infinity, "fgsm"], [1, Infinity, "fgsm"], [2, Infinity, "fgsm"]],
    ]);
    assertEquals(await Deno.readFile(fileOf(folders.committed, "MLP")), committed);
    assertEquals((await readRows(fileOf(folders.own, "MLP"))).map((row) => row.image), [2]);
  }));

Deno.test("other images, passes, seeds, attacks and weights are other rows", () =>
  inFolders(async (folders) => {
    const fgsm = { ...wanted, norms: [Infinity], images: 1 };
    await computeLacking(await lackingWork(fgsm, folders), { own: folders.own });
    const changes: Partial<Wanted>[] = [{ maxPasses: 13 }, { seed: 1 }, { attack: "pgd" }];
    for (const change of [...changes, { norms: [2] }, { training: 1 }, { networks: ["MLP_d"] }]) {
      assertEquals((await lackingWork({ ...fgsm, ...change }, folders)).rows, 1);
      assertEquals(await wantedRows({ ...fgsm, ...change }, folders), []);
    }
    assertEquals((await lackingWork({ ...fgsm, maxPasses: 1200 }, folders)).rows, 1);
    assertEquals((await wantedRows({ ...fgsm, images: 5 }, folders)).length, 1);
  }));

Deno.test("time grows with images and passes, and is unknown where no table tells", () =>
  inFolders(async (folders) => {
    const fgsm = { ...wanted, norms: [Infinity], images: 1 };
    assert(Number.isNaN((await lackingWork(fgsm, folders)).seconds));
    await computeLacking(await lackingWork(fgsm, folders), { own: folders.own });
    const file = fileOf(folders.own, "MLP");
    await writeRows(file, (await readRows(file)).map((row) => ({ ...row, seconds: 2 })));
    const time = async (one: Partial<Wanted>) =>
      (await lackingWork({ ...fgsm, seed: 7, ...one }, folders)).seconds;
    const once = await time({});
    assertEquals(await time({ images: 4 }) - once, 6);
    assertEquals(await time({ maxPasses: 36 }) - once, 4);
  }));

Deno.test("what is wanted twice is computed once", () =>
  inFolders(async (folders) => {
    const fgsm = { ...wanted, norms: [Infinity] };
    const [more, fewer] = [{ ...fgsm, images: 5 }, { ...fgsm, images: 2, norms: [Infinity, 2] }];
    const work = await lackingWork([fgsm, more, fewer, { ...fewer, training: 1 }], folders);
    assertEquals(work.lacks.map(({ p, training, images }) => [p, training, images.length]), [
      ...[[Infinity, 0, 5], [2, 0, 2]],
      ...[[Infinity, 1, 2], [2, 1, 2]],
    ]);
    assertEquals(work.rows, 11);
  }));

Deno.test("an interrupted run ends with the signal's reason and keeps what is complete", () =>
  inFolders(async (folders) => {
    const both = { ...wanted, norms: [2, Infinity], attack: "pgd" };
    const controller = new AbortController();
    const work = await lackingWork(both, folders);
    await assertRejects(
      () =>
        computeLacking(work, {
          own: folders.own,
          signal: controller.signal,
          onProgress: ({ done }) => done > 3 && controller.abort(new Error("stopped here")),
        }),
      Error,
      "stopped here",
    );
    assertEquals(await lacking(both, folders), [
      { network: "MLP", p: Infinity, images: [0, 1, 2] },
    ]);
  }));

Deno.test("all networks and norms are given 50 images before any is given more", () =>
  inFolders(async ({ own, ...rest }) => {
    const folders = { own, ...rest };
    const all = { ...wanted, networks: ["MLP", "MLP_d"], norms: [Infinity], images: 52 };
    await computeLacking(await lackingWork({ ...all, images: 1 }, folders), { own });
    for (const network of all.networks) { // as if 48 were done
      const file = fileOf(own, network);
      const [row] = await readRows(file);
      await writeRows(file, Array.from({ length: 48 }, (_, image) => ({ ...row!, image })));
    }
    const controller = new AbortController();
    const onProgress = ({ done }: { done: number }) =>
      done > 4 && controller.abort(new Error("stopped here"));
    const work = await lackingWork(all, folders);
    await assertRejects(
      () => computeLacking(work, { own, signal: controller.signal, onProgress }),
      Error,
      "stopped here",
    );
    const images = Array.from({ length: 50 }, (_, image) => image);
    const common = commonRows(await wantedRows(all, folders), all);
    assertEquals(common.map(({ image }) => image), [...images, ...images]);
    const seen: number[] = [];
    const open = await lackingWork(all, folders);
    await computeLacking(open, { own, onProgress: ({ done }) => seen.push(done) });
    assertEquals([open.rows, seen.at(-1)], [4, 4]);
    assertEquals((await lackingWork(all, folders)).rows, 0);
  }));

Deno.test("commonRows() keeps the images that all have in all norms", () => {
  const row = (network: string, p: number, image: number) => ({ network, p, image });
  const rows = [row("A", 1, 0), row("A", 1, 1), row("A", 2, 1), row("B", 1, 1), row("B", 2, 1)];
  const all = { networks: ["A", "B"], norms: [1, 2] };
  assertEquals(commonRows([...rows, row("B", 2, 0)], all).map(({ image }) => image), [1, 1, 1, 1]);
  assertEquals(commonRows([], all), []);
  const unfinished = { ...all, networks: ["A", "B", "C"] };
  assertEquals(commonRows(rows, unfinished), [], "a network without rows");
  assertEquals(commonRows(rows, { ...all, norms: [1, 2, 0] }), [], "a norm without rows");
});

Deno.test("thinTable() takes away the pictures of later images, and nothing else", () =>
  inFolders(async (folders) => {
    const work = await lackingWork({ ...wanted, attack: "pgd", maxPasses: 100 }, folders);
    await computeLacking(work, { own: folders.own });
    const file = fileOf(folders.own, "MLP");
    const before = await readRows(file);
    await thinTable(file, 2);
    const after = await readRows(file);
    assertEquals(after.map(({ adversarial }) => adversarial !== null), [true, true, false]);
    assertEquals(after, before.map((row) => row.image < 2 ? row : { ...row, adversarial: null }));
    assertEquals(dirname(file), folders.own);
  }));

Deno.test("assertTakes() refuses norms that an attack does not take", () => {
  assertTakes("portfolio", [0, 1, 2, Infinity]);
  assertTakes("fmn", [0, 1, 2, Infinity]);
  assertTakes("school", [3]);
  assertThrows(() => assertTakes("portfolio", [2, 3]), RangeError, "current value is 3");
  assertThrows(() => assertTakes("fgsm", [Infinity, 2]), RangeError, "current value is 2");
  assertThrows(() => assertTakes("none", [2]), RangeError, "current value is none");
});

Deno.test("trainings() are the seeds that weights are there for", async () => {
  assertEquals(await trainings("CNN_d"), [0, 1, 2]);
  assertEquals(await trainings("AlexNet"), [0]);
});
