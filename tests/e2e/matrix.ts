/**
 * Notebooks used as a reader would, in full: too long for CI. By hand:
 *
 *     deno run -A tests/e2e/matrix.ts [PART...] [NOTEBOOK...]
 *
 * The parts: `--changed` (all parameters at once), `--each` (each alone), `--illegal`, `--stop`,
 * `--restart` and `--export`; where none is named, all but `--each`. Tells what it tried and what came
 * of it, and leaves pictures of each notebook in `.lab/e2e/`.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { join } from "node:path";
import { openBrowser, pictures } from "./browser.ts";
import { figuresOf } from "./jupyterlab_page.ts";
import { Lab } from "./lab.ts";
import { Reader } from "./reader.ts";
import { trials } from "./trials.ts";

/** A parameter by which a cell takes so long that Stop has something to do, and words of that cell. */
const long: Record<string, [name: string, value: string, cell: string]> = {
  "02-training": ["liveEpochs", "1000", "of fit(learner"],
  "03-attacks": ["passes", "90_000", "minNorm(linear, five"],
  "04-min-norms": ["maxPasses", "90_000", "await computeLacking("],
  "05-resistance": ["trainingSteps", "20_000", "await trainDiscriminator("],
  "06-protection": ["liveEpochs", "1000", "of fit(pupil"],
};

/** Cells whose figures no parameter changes. */
const steady: Record<string, string[]> = {};

const parts = ["changed", "each", "illegal", "stop", "restart", "export"] as const;
const [options, asked] = [
  Deno.args.filter((word) => word.startsWith("--")).map((word) => word.slice(2)),
  Deno.args.filter((word) => !word.startsWith("--")),
];
const unknown = options.find((option) => !(parts as readonly string[]).includes(option));
if (unknown) throw new RangeError(`--${unknown} is none of --${parts.join(", --")}`);
const wants = (option: typeof parts[number]) =>
  options.length === 0 ? option !== "each" : options.includes(option);
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
  await drive(reader, name);
  await page.screenshot({ path: join(pictures, `${name}-lab.png`) });
  await page.close();
}
console.log(failures === 0 ? "All is well" : `${failures} failed`);
Deno.exitCode = failures === 0 ? 0 : 1;

/** All the parts wanted, with one notebook. */
async function drive(reader: Reader, name: string): Promise<void> {
  const first = await part(`${name}, run all`, () => reader.runAll());
  if (!first) return;
  if (wants("changed")) {
    await part(`${name}, all parameters changed`, async () => {
      const figures = figuresOf(await reader.changesAll(first, steady[name]));
      for (const [i, figure] of figures.entries()) {
        const file = join(pictures, `${name}-changed-${i + 1}.png`);
        await Deno.writeFile(file, Buffer.from(figure, "base64"));
      }
      return `${figures.length} figures, each another one`;
    });
  }
  for (const parameter of reader.first.keys()) {
    if (wants("illegal")) {
      await part(`${name}, ${parameter} illegal`, () => reader.refuses(parameter));
    }
    if (!wants("each")) continue;
    await part(
      `${name}, ${parameter} changed`,
      async () => `${await reader.changes(parameter, first)} cells show something else`,
    );
  }
  const stop = long[name];
  if (stop && wants("stop")) {
    await part(`${name}, Stop`, () => reader.stops(...stop));
  }
  const again = wants("restart") &&
    await part(`${name}, restart and run all`, () => reader.restarts());
  if (wants("export")) {
    await part(`${name}, export`, async () => exported(name, await reader.exports(again || first)));
  }
}

/** Keeps a page that JupyterLab exported, with a picture of it. */
async function exported(name: string, html: string): Promise<void> {
  const file = join(pictures, `${name}-exported.html`);
  await Deno.writeTextFile(file, html);
  const page = await browser.newPage({ viewport: { width: 1280, height: 1000 } });
  await page.goto(`file://${file}`, { waitUntil: "domcontentloaded" });
  await page.screenshot({ path: join(pictures, `${name}-exported.png`), fullPage: true });
  await page.close();
}
