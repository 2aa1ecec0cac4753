/**
 * `resistance` as a real process: what it writes and prints, and that it does nothing twice.
 *
 * @module
 */
import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { join } from "node:path";
import { readArguments, UsageError } from "$lib/cli/command.ts";
import { resistanceCommand } from "$lib/cli/resistance.ts";
import { readResistances } from "$lib/resistance/table.ts";
import { run } from "./commands.ts";
import { inFolder } from "./in_folder.ts";

const resistance = (...args: string[]) => run("resistance", ...args);

Deno.test("resistance fills a table, says what is in it, and does nothing twice", async () => {
  await inFolder(async (folder) => {
    const out = join(folder, "MLP.parquet");
    const args = ["MLP", "--images", "90", "--right", "5", "--steps", "40", "--out", out, "--json"];
    const { code, stdout } = await resistance(...args);
    assertEquals(code, 0);
    const { rows: [row], seconds } = JSON.parse(stdout);
    const records = await readResistances(out);
    const wrong = records.filter(({ label, prediction }) => label !== prediction).length;
    assertEquals(records.length, 5 + wrong);
    assertEquals([row.network, row.source, row.p], ["MLP", "clean", null]);
    assertEquals([row.images, row.wrong], [records.length, wrong]);
    assertEquals(row.infinite, records.filter(({ resN }) => resN === Infinity).length);
    assert(wrong > 0 && seconds > 0);
    const again = await resistance(...args);
    assertStringIncludes(again.stderr, `has ${records.length} of ${records.length} already`);
    assertEquals(await readResistances(out), records);
    await resistance(...args, "--max-passes", "4");
    const searched = await readResistances(out);
    assertEquals(searched.map(({ resN }) => resN), records.map(({ resN }) => resN));
    assert(searched.every(({ minNorm }) => minNorm !== null));
  });
});

Deno.test("resistance refuses wrong use", async () => {
  const read = (...args: string[]) => readArguments(resistanceCommand, args);
  assertThrows(() => read("CNN"), UsageError, "--out must name a file that ends in .parquet");
  const images = ["CNN", "--out", "x.parquet", "--images"];
  assertThrows(
    () => read(...images, "9:3"),
    UsageError,
    "--images as it must be a count or a range",
  );
  for (
    const [names, message] of [
      [[], "a NETWORK must be named"],
      [["MLP", "CNN"], "current value is MLP CNN"],
    ] as const
  ) {
    const { code, stderr } = await resistance(...names, "--out", "x.parquet");
    assertEquals(code, 2);
    assertStringIncludes(stderr, message);
  }
});
