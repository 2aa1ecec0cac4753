/**
 * The main job, in a real browser: change the norm in 03-attacks, run all cells, see new figures, stop.
 *
 * Run by `.ci/run`; `deno task test` leaves it out, as it needs Chromium and minutes.
 *
 * @module
 */

import { join } from "node:path";
import { assert, assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import type { Page } from "playwright-core";
import { formatNotebook, isParametersCell, parseNotebook } from "$lib/report/notebook.ts";
import { root } from "$lib/setup/paths.ts";
import { openBrowser, pictures, withPicture } from "./browser.ts";
import { Lab, NotebookPage, notebookPath, type SavedCell, text } from "./jupyterlab_page.ts";

const NORM = /^const norm(?:: number)? = ([\d.]+);/m;
const RUN_MS = 90_000;

/**
 * A copy, so that saving changes nothing that is committed; beside the original, as imports hold
 * there. Git ignores it, and so does the report: a killed test leaves it behind.
 */
const copy = notebookPath("in-the-browser.ipynb");

Deno.test("03-attacks works in JupyterLab", async (t) => {
  await Deno.mkdir(pictures, { recursive: true });
  const norm = await copyNotebook();
  try {
    await using lab = await Lab.start();
    await using browser = await openBrowser();
    const page = await browser.newPage({ viewport: { width: 1280, height: 1000 } });
    const notebook = new NotebookPage(page, lab, copy);
    const elsewhere: string[] = [];
    page.on("request", (request) => {
      const { protocol, hostname } = new URL(request.url());
      if (/^(?:http|ws)/.test(protocol) && hostname !== lab.url.hostname) {
        elsewhere.push(request.url());
      }
    });
    const step = (name: string, part: () => Promise<void>) =>
      t.step(name, () => withPicture(page, name.replaceAll(/\W+/g, "-"), part));

    let first: SavedCell[] = [];
    await step("runs all its cells", async () => {
      await notebook.open();
      first = await notebook.runAll(RUN_MS);
      assert(figures(first).length > 0, "no cell shows a figure");
    });
    await step("shows new figures for another norm", async () => {
      const other = norm * 2;
      await notebook.replaceLine("const norm", `const norm = ${other};`);
      const second = await notebook.runAll(RUN_MS);
      assertEquals(parameter(second), other);
      assertNotEquals(figures(second), figures(first));
      await seesFigure(page, notebook);
    });
    await step("Stop ends a long cell and keeps the state", async () => {
      const kernel = await notebook.kernelId();
      await notebook.runNewCell(`import { onInterrupt } from "$lib/notebook.ts";
const kept = { turns: 0 };
const stopped = onInterrupt();
while (!stopped.aborted) {
  kept.turns++;
  await new Promise((wake) => setTimeout(wake, 10));
}`);
      await notebook.busy(10_000);
      await page.waitForTimeout(1500);
      await notebook.stop();
      await notebook.idle(10_000);
      await notebook.runNewCell(
        "if (kept.turns < 10 || !(norm > 0)) throw new Error(`turns ${kept.turns}`);\nconst here = true;",
      );
      await page.waitForTimeout(1000);
      await notebook.idle(10_000);
      const last = (await notebook.save()).at(-1);
      assertMatch(text(last?.source), /const here/);
      assertEquals(last?.outputs.filter((output) => output.output_type === "error"), []);
      assertNotEquals(last?.execution_count, null);
      assertEquals(await notebook.kernelId(), kernel);
    });
    await page.screenshot({ path: join(pictures, "jupyterlab.png") });
    assertEquals(elsewhere, [], "JupyterLab asked another machine");
  } finally {
    await Deno.remove(copy);
  }
});

/** Writes the copy, with the small parameters of CI and without outputs, and gives its norm. */
async function copyNotebook(): Promise<number> {
  const notebook = parseNotebook(
    await Deno.readTextFile(notebookPath("03-attacks.ipynb")),
    "03-attacks",
  );
  const small = JSON.parse(await Deno.readTextFile(join(root, ".ci", "small.json")));
  let norm = 0;
  for (const cell of notebook.cells) {
    cell.outputs = [];
    if (!isParametersCell(cell)) continue;
    for (const [name, value] of Object.entries(small["03-attacks"] ?? {})) {
      const line = new RegExp(`^const ${name}\\b[^=]*= .*;`, "m");
      cell.source = cell.source.replace(line, `const ${name} = ${JSON.stringify(value)};`);
    }
    norm = Number(cell.source.match(NORM)?.[1]);
  }
  assert(norm > 0, "03-attacks has no parameters cell with a line like `const norm = 1.5;`");
  await Deno.writeTextFile(copy, formatNotebook(notebook));
  return norm;
}

/** The norm in the parameters cell as saved. */
function parameter(cells: SavedCell[]): number {
  const sources = cells.map((cell) => text(cell.source));
  return Number(sources.map((source) => source.match(NORM)?.[1]).find(Boolean));
}

/** All pictures that the cells show. */
function figures(cells: SavedCell[]): string[] {
  return cells.flatMap((cell) => cell.outputs).flatMap(({ data = {} }) => {
    const figure = text(data["image/png"] ?? data["image/svg+xml"] ?? data["text/html"]);
    return figure ? [figure] : [];
  });
}

/** Finds a figure drawn on the page, larger than an icon. */
async function seesFigure(page: Page, notebook: NotebookPage): Promise<void> {
  const figure = page.locator(".jp-OutputArea-output svg, .jp-OutputArea-output img").first();
  await notebook.reveal(figure);
  const box = await figure.boundingBox();
  assert(box && box.width > 50 && box.height > 20, "the figure is not visible");
}
