/**
 * `minnorm` and `verify` as real processes: what they print, and what a kill leaves.
 *
 * @module
 */
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { join } from "node:path";
import { MLP } from "$lib/architectures.ts";
import { minNormCommand } from "$lib/cli/minnorm.ts";
import { readArguments, UsageError } from "$lib/cli/command.ts";
import { createNetwork, saveNetwork } from "$lib/network.ts";
import { readRows, type ResultRow, rowsOf, writeRows } from "$lib/results.ts";
import { findWeights } from "$lib/results/weights.ts";
import { type Ran, run, signalWhen, spawn } from "./commands.ts";
import { inFolder } from "./in_folder.ts";

/** A row of a network that nobody has. */
const unknown: ResultRow = {
  ...{ network: "MLP", weightsSha256: "00", dataset: "MNIST", subset: "test", image: 0, label: 0 },
  ...{ prediction: 0, reference: "label", p: 2, attack: "portfolio", options: "{}", found: true },
  ...{ minNorm: 1, adversarialClass: 1, forwards: 1, backwards: 1, seconds: 1, seed: 0 },
  ...{ survives8bit: null, minNorm8bit: null, certifiedNorm: null, certificate: null },
  ...{ adversarial: null, foundBy: null, optimal: null },
};

/** Sends a signal as soon as a table has so many rows. */
const signalAt = (
  process: Deno.ChildProcess,
  file: string,
  rows: number,
  signal: Deno.Signal,
): Promise<Ran> =>
  signalWhen(process, async () => await rowsOf(file).catch(() => -1) >= rows, signal);

/** A table's rows, in one order, but for what no two runs have in common. */
async function contentOf(file: string) {
  return (await readRows(file))
    .map(({ seconds: _, ...row }) => row)
    .sort((a, b) => a.p - b.p || a.image - b.image);
}

Deno.test("minnorm: killed and interrupted it goes on, and its table is as without a break", () =>
  inFolder(async (folder) => {
    const [whole, broken] = [join(folder, "whole.parquet"), join(folder, "broken.parquet")];
    const args = ["MLP", "--norms", "inf", "--images", "210", "--max-passes", "40"];
    const reference = await run("minnorm", ...args, "--out", whole, "--json");
    assertEquals(reference.code, 0, reference.stderr);

    const again = [...args, "--out", broken];
    const interrupted = await signalAt(spawn("minnorm", again), broken, 0, "SIGINT");
    assertEquals(interrupted.code, 130);
    assertMatch(interrupted.stderr, /interrupted; the same command goes on where it was/);
    const killed = await signalAt(spawn("minnorm", again), broken, 200, "SIGKILL");
    assertEquals(killed.code, 137);
    const before = await rowsOf(broken);
    assert([200, 210].includes(before), String(before));

    const resumed = await run("minnorm", ...again, "--json");
    assertEquals(resumed.code, 0, resumed.stderr);
    assertStringIncludes(resumed.stderr, `has ${before} of 210 results already`);
    assertEquals(await contentOf(broken), await contentOf(whole));
    const figures = ({ stdout }: Ran) =>
      JSON.parse(stdout).rows.map(({ seconds: _, ...row }: { seconds: number }) => row);
    assertEquals(figures(resumed), figures(reference));

    const verified = await run("verify", broken, "--json");
    assertEquals(verified.code, 0, verified.stderr);
    assertEquals(JSON.parse(verified.stdout), {
      rows: 210,
      verified: 210,
      unwitnessed: 0,
      failed: [],
    });
  }));

Deno.test("minnorm: JSON has the contract's fields, and verify fails what was changed", () =>
  inFolder(async (folder) => {
    const file = join(folder, "t.parquet");
    const args = ["mlp", "MLP_d", "--norms", "0,inf", "--images", "40:48", "--max-passes", "16"];
    const { code, stdout, stderr } = await run("minnorm", ...args, "--json", "--out", file);
    assertEquals(code, 0, stderr);
    const { rows, ...rest } = JSON.parse(stdout);
    assertEquals(rest, {});
    assertEquals(rows.map(({ network, p }: Record<string, string>) => [network, p]), [
      ["MLP", "0"],
      ["MLP", "inf"],
      ["MLP_d", "0"],
      ["MLP_d", "inf"],
    ]);
    const content = await readRows(file);
    assertEquals(content.length, 32);
    for (const row of rows) {
      const { network, p, images, found, mean, median, q1, q3, forwards, backwards, seconds } = row;
      assertEquals(Object.keys(row).length, 11);
      const own = content.filter((row) =>
        row.network === network && (row.p === Infinity ? "inf" : "0") === p
      );
      const norms = own.map(({ minNorm }) => minNorm).sort((a, b) => a - b);
      const all = norms.every(Number.isFinite);
      assertEquals([images, found], [8, norms.filter(Number.isFinite).length]);
      assertEquals(mean, all ? norms.reduce((sum, norm) => sum + norm / 8, 0) : null);
      // R-7 of eight: places 1.75, 3.5 and 5.25.
      const between = (below: number, share: number) => {
        const [a, b] = [norms[below]!, norms[below + 1]!];
        const value = a === b ? a : a + share * (b - a);
        return Number.isFinite(value) ? value : null;
      };
      assertEquals([q1, median, q3], [between(1, 0.75), between(3, 0.5), between(5, 0.25)]);
      assert(forwards > 0 && backwards > 0 && forwards + backwards <= 16);
      assert(seconds > 0);
    }

    await writeRows(file, [
      { ...content[0]!, image: 41 },
      ...content.slice(1, 4),
      { ...content[4]!, adversarial: null },
    ]);
    const verified = await run("verify", file, "--json");
    assertEquals(verified.code, 1);
    const { failed, ...counts } = JSON.parse(verified.stdout);
    const without = content.slice(1, 4).filter(({ adversarial }) => adversarial === null).length;
    assertEquals(counts, { rows: 5, verified: 3 - without, unwitnessed: 1 + without });
    assertEquals(failed, [{ network: "MLP", image: 41, p: "0", why: failed[0].why }]);
  }));

Deno.test("minnorm: a polish makes rows of its own, but not in L0, and says so", () =>
  inFolder(async (folder) => {
    const file = join(folder, "t.parquet");
    const args = ["MLP", "--norms", "0,1", "--images", "3", "--max-passes", "200", "--out", file];
    assertEquals((await run("minnorm", ...args)).code, 0);
    const { code, stdout } = await run("minnorm", ...args, "--polish");
    assertEquals(code, 0);
    assertMatch(stdout, /^L0: not polished, as linear regions need norms 1, 2 or inf\n/);
    assertMatch(stdout, /has 3 of 6 results already/);
    const rows = await readRows(file);
    assertEquals(rows.map(({ p, optimal }) => [p, optimal]), [
      ...[[0, null], [0, null], [0, null], [1, null], [1, null], [1, null]],
      ...[[1, true], [1, true], [1, true]],
    ]);
    const verified = await run("verify", file);
    assertMatch(verified.stdout, /9 rows: 9 verified, 0 without an image, 0 failed/);
  }));

Deno.test("minnorm: weights from elsewhere are found again by verify, and missed when gone", () =>
  inFolder(async (folder) => {
    const weights = join(folder, "mine.safetensors");
    const network = createNetwork(MLP, { seed: Date.now() % 1e9 });
    await saveNetwork(network, weights);
    network.dispose();
    const file = join(folder, "t.parquet");
    const args = ["--weights", weights, "--images", "3", "--max-passes", "10", "--out", file];
    const measured = await run("minnorm", "MLP", "--norms", "2", ...args);
    assertEquals(measured.code, 0, measured.stderr);
    assertMatch(measured.stdout, /MLP L2: found [0-3] of 3, mean .+ passes an image/);
    assertEquals((await run("verify", file)).code, 0);
    const [row] = await readRows(file);
    const moved = join(folder, "moved.safetensors");
    await Deno.rename(weights, moved);
    assertEquals(await findWeights(row!.weightsSha256), undefined);
    assertEquals(await findWeights(row!.weightsSha256, ["none", moved]), moved);
  }));

Deno.test("verify: what failed is named to people, too", () =>
  inFolder(async (folder) => {
    const file = join(folder, "t.parquet");
    await writeRows(file, [{ ...unknown, image: 41 }, unknown]);
    const { code, stdout } = await run("verify", file);
    assertEquals(code, 1);
    assertMatch(stdout, /^MLP, image 41, L2: no weights of its SHA-256 are here: --weights FILE/);
    assertMatch(stdout, /\n2 rows: 0 verified, 0 without an image, 2 failed\n$/);
  }));

Deno.test("minnorm and verify: wrong use and foreign files end in one line", () =>
  inFolder(async (folder) => {
    const foreign = join(folder, "notes.parquet");
    await Deno.writeTextFile(foreign, "my notes");
    const out = ["--out", join(folder, "t.parquet")];
    const wrong: [string[], RegExp][] = [
      [["MLPP", ...out], /Did you mean MLP\?/],
      [out, /a NETWORK must be named/],
      [["MLP", "CNN", "--weights", "x", ...out], /one NETWORK must be named/],
      [["MLP", "--images", "9990:10001", ...out], /test has 10000 images/],
      [["MLP", "--attack", "fmm", ...out], /Did you mean fmn\?/],
      [["MLP", "--attack", "ddn", ...out], /Cannot/],
      [["MLP", "--attack", "fmn", "--polish", ...out], /--polish .* current value is --attack fmn/],
    ];
    for (const [args, message] of wrong) {
      const { signal } = new AbortController();
      const call = { ...readArguments(minNormCommand, args), signal, say() {} };
      const error = await assertRejects(() => minNormCommand.run(call), UsageError);
      assertMatch(error.message, message);
    }
    assertEquals(Array.from(Deno.readDirSync(folder)).length, 1);

    const refused: [string, string[], number, RegExp][] = [
      ["verify", [], 2, /one FILE\.parquet must be named/],
      ["verify", [join(folder, "none")], 1, /no such file/],
      ["verify", [foreign, "--weights", `${foreign},none.st`], 2, /--weights .* none\.st /],
      ["minnorm", ["MLP", "--out", foreign], 1, /notes\.parquet as a table of results: .*PAR1/],
    ];
    for (const [name, args, expected, message] of refused) {
      const { code, stdout, stderr } = await run(name, ...args, "--json");
      assertEquals([code, stdout], [expected, ""], stderr);
      assertMatch(stderr, message);
      assertMatch(stderr, /^[^\n]+\n$/);
    }
    assertEquals(await Deno.readTextFile(foreign), "my notes");
  }));

Deno.test("minnorm: its options are read, and refused where they make no sense", () => {
  const read = (...args: string[]) =>
    readArguments(minNormCommand, ["MLP", "--out", "t.parquet", ...args]).values;
  const { norms, images, reference, "max-passes": maxPasses } = read();
  assertEquals([norms, images, reference, maxPasses], [
    [0, 1, 2, Infinity],
    { from: 0, to: 200 },
    "label",
    2000,
  ]);
  assertEquals(read("--norms", "inf,2,2").norms, [Infinity, 2]);
  assertEquals(read("--images", "1000:1200").images, { from: 1000, to: 1200 });
  const refused = [
    ...[["--norms", "3"], ["--norms", ""], ["--norms", "1,,2"], ["--images", "0"]],
    ...[["--images", "5:5"], ["--images", "7:5"], ["--images", "-3"], ["--images", "1.5"]],
    ...[["--images", "all"], ["--reference", "best"], ["--max-passes", "1"], ["--out", "t.csv"]],
  ];
  for (const args of refused) assertThrows(() => read(...args), UsageError, "Cannot", String(args));
  assertThrows(() => readArguments(minNormCommand, ["MLP"]), UsageError, "--out");
});
