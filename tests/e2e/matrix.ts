/**
 * Notebooks used as a reader would, in full: too long for CI. By hand:
 *
 *     deno run -A tests/e2e/matrix.ts [--each] [NOTEBOOK...]
 *
 * Tells what it tried and what came of it, and leaves pictures of each notebook in `.lab/e2e/`.
 * `--each` also changes each parameter alone.
 *
 * @module
 */

import { join } from "node:path";
import { openBrowser, pictures } from "./browser.ts";
import { figuresOf, Lab } from "./jupyterlab_page.ts";
import { Reader } from "./reader.ts";
import { trials } from "./trials.ts";

/** A parameter by which a cell takes so long that Stop has something to do, and when to press it. */
const long: Record<string, [name: string, value: string, seconds: number]> = {
  "02-training": ["liveEpochs", "1000", 25],
  "03-attacks": ["passes", "90_000", 60],
  "04-min-norms": ["maxPasses", "90_000", 30],
  "05-resistance": ["trainingSteps", "20_000", 40],
  "06-protection": ["liveEpochs", "1000", 25],
};

/** Cells whose figures no parameter changes. */
const steady: Record<string, string[]> = {};

const each = Deno.args.includes("--each");
const asked = Deno.args.filter((word) => !word.startsWith("--"));
let failures = 0;

/** Does a part and tells how it went. */
async function part<T>(what: string, work: () => Promise<T>): Promise<T | undefined> {
  const start = performance.now();
  const tell = (words: string) =>
    console.log(`${((performance.now() - start) / 1000).toFixed(0)} s  ${what}: ${words}`);
  try {
    const result = await work();
    tell(typeof result === "string" || typeof result === "number" ? String(result) : "well");
    return result;
  } catch (error) {
    failures++;
    tell(`FAILED, ${error instanceof Error ? error.message : error}`);
    return undefined;
  }
}

await Deno.mkdir(pictures, { recursive: true });
await using lab = await Lab.start();
await using browser = await openBrowser();
for (const name of asked.length > 0 ? asked : Object.keys(trials)) {
  const page = await browser.newPage({ viewport: { width: 1280, height: 1000 } });
  await using reader = await Reader.open(lab, page, name, 400_000);
  const first = await part(`${name}, run all`, () => reader.runAll());
  if (!first) continue;
  await part(`${name}, all parameters changed`, async () => {
    const cells = await reader.changesAll(first, steady[name]);
    return `${figuresOf(cells).length} figures, each another one`;
  });
  for (const parameter of reader.first.keys()) {
    await part(`${name}, ${parameter} illegal`, () => reader.refuses(parameter));
    if (!each) continue;
    await part(
      `${name}, ${parameter} changed`,
      async () => `${await reader.changes(parameter, first)} cells show something else`,
    );
  }
  const stop = long[name];
  if (stop) {
    const [parameter, value, seconds] = stop;
    await part(`${name}, Stop`, () => reader.stops(parameter, value, 1000 * seconds));
  }
  const again = await part(`${name}, restart and run all`, () => reader.restarts());
  await part(`${name}, export`, async () => {
    const html = await reader.exports(again ?? first);
    const file = join(pictures, `${name}-exported.html`);
    await Deno.writeTextFile(file, html);
    const exported = await browser.newPage({ viewport: { width: 1280, height: 1000 } });
    await exported.goto(`file://${file}`, { waitUntil: "domcontentloaded" });
    await exported.screenshot({ path: join(pictures, `${name}-exported.png`), fullPage: true });
    await exported.close();
  });
  await page.screenshot({ path: join(pictures, `${name}-lab.png`) });
  await page.close();
}
console.log(failures === 0 ? "All is well" : `${failures} failed`);
Deno.exitCode = failures === 0 ? 0 : 1;
