/**
 * `val` stays sealed until the last notebook: nothing else looks at it, and no other table holds it.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import pl from "nodejs-polars";
import { join, relative } from "node:path";
import { notebookNames, readNotebook } from "$lib/report/files.ts";
import { root } from "$lib/setup/paths.ts";

/** The one notebook that may. */
const last = "08-final";

/** What code looks at `val` by. */
const doors = [
  /import\s*\{[^}]*\bval\b[^}]*\}\s*from\s*"[^"]*loader\.ts"/, // val()
  /\b(?:load|loadBytes)\(\s*["'`]val/,
  /\bsubset\s*[:=]\s*["'`]val/, // measurements, and settings of commands
  /--subset[\s,"'`=]+val/,
  /["'`][^"'`]*\bfinal(?:\/\w+)?\.ts["'`]/, // what the last notebook imports
  /\bdata\/final\b/,
  /t10k|loader\.val\b/,
];

const looks = (code: string): boolean => doors.some((door) => door.test(code));

Deno.test("the doors to val are known when seen", () => {
  for (
    const code of [
      'import { test, val } from "$lib/loader.ts";',
      'const digits = await load(\n  "val", { to: 5 });',
      'const bytes = await loadBytes("val");',
      'const setting = { subset: "val" };',
      'const subset = "val";',
      'await new Deno.Command("deno", { args: ["task", "minnorm", "--subset", "val"] }).output();',
      'import { valDigits } from "$lib/final.ts";',
      'import { collectNorms } from "$lib/final/collect.ts";',
      'await readRows("../data/final/min-norms.parquet");',
      'await Deno.readFile("../data/MNIST/t10k-images-idx3-ubyte");',
      'import * as loader from "$lib/loader.ts"; await loader.val();',
    ]
  ) assert(looks(code), code);
  for (
    const code of [
      'import { test, train } from "$lib/loader.ts"; const value = interval(1);',
      'const use = new Map([["val", "sealed, for the last figures only"]]);',
      'const settings = { subset: "test" };',
    ]
  ) assert(!looks(code), code);
});

Deno.test("no notebook but the last looks at val", async () => {
  const folder = join(root, "notebooks");
  const names = await notebookNames(folder);
  const looking: string[] = [];
  for (const name of names) {
    const { cells } = await readNotebook(folder, name);
    if (cells.some(({ kind, source }) => kind === "code" && looks(source))) looking.push(name);
  }
  assertEquals(looking, names.filter((name) => name === last));
});

Deno.test("nothing in lib/ looks at val but what the last figures are made with", async () => {
  const looking: string[] = [];
  for await (const file of filesOf(join(root, "lib"), ".ts")) {
    const source = await Deno.readTextFile(file);
    const name = relative(join(root, "lib"), file);
    if (looks(source.replaceAll(/\/\*[^]*?\*\/|\/\/.*/g, ""))) looking.push(name);
  }
  assertEquals(looking.sort(), [
    "cli/figures/sealed.ts", // tables only
    "cli/final.ts",
    "data/datasets.ts", // the name of its files
    "final.ts",
    "final/accuracy.ts", // tables only
    "final/collect.ts",
    "final/norms.ts",
    "final/summary.ts", // types only
    "loader.ts",
    "report/steps.ts", // makes everything anew
  ]);
});

Deno.test("no committed table but the last figures' holds rows of val", async () => {
  let tables = 0;
  for await (const file of filesOf(join(root, "data"), ".parquet")) {
    if (relative(join(root, "data"), file).startsWith("final")) continue;
    const frame = await pl.scanParquet(file, { glob: false }).select("subset").unique().collect();
    assert(!frame.getColumn("subset").toArray().includes("val"), `${file} holds val`);
    tables++;
  }
  assert(tables > 0, "there are no tables");
});

async function* filesOf(folder: string, ending: string): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = join(folder, name);
    if (isDirectory) yield* filesOf(path, ending);
    else if (name.endsWith(ending)) yield path;
  }
}
