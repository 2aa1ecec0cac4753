/**
 * The main jobs, in a real browser: notebook 1 with other parameters and with illegal ones, restarted
 * and exported; notebook 3 with another norm, and stopped.
 *
 * Run by `.ci/run`; `deno task test` leaves it out, as it needs Chromium and minutes. All notebooks and
 * parameters: `matrix.ts`, by hand.
 *
 * @module
 */

import { join } from "node:path";
import { assert, assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import type { Page } from "playwright-core";
import { openBrowser, pictures, withPicture } from "./browser.ts";
import { errorOf, figuresOf, type NotebookPage, type SavedCell, text } from "./jupyterlab_page.ts";
import { Lab } from "./lab.ts";
import { Reader } from "./reader.ts";
import { trials } from "./trials.ts";

Deno.test("notebooks work in JupyterLab", async (t) => {
  await Deno.mkdir(pictures, { recursive: true });
  await using lab = await Lab.start();
  await using browser = await openBrowser();
  const elsewhere: string[] = [];
  const open = async (name: string) => {
    const page = await browser.newPage({ viewport: { width: 1280, height: 1000 } });
    page.on("request", (request) => {
      const { protocol, hostname } = new URL(request.url());
      if (/^(?:http|ws)/.test(protocol) && hostname !== lab.url.hostname) {
        elsewhere.push(request.url());
      }
    });
    const step = (title: string, part: () => Promise<unknown>) =>
      t.step(
        `${name}: ${title}`,
        async () => void await withPicture(page, `${name} ${title}`.replaceAll(/\W+/g, "-"), part),
      );
    return { reader: await Reader.open(lab, page, name), step };
  };
  {
    const { reader, step } = await open("01-data");
    await using _ = reader;
    let first: SavedCell[] = [];
    await step("runs all its cells", async () => void (first = await reader.runAll()));
    await step("each figure changes with its parameters", () => reader.changesAll(first));
    for (const name of Object.keys(trials["01-data"]!)) {
      await step(`refuses another ${name} in one line`, () => reader.refuses(name));
    }
    await step("restarts and runs all", async () => void (first = await reader.restarts()));
    await step("exports HTML by the File menu", () => reader.exports(first));
  }
  {
    const { reader, step } = await open("03-attacks");
    await using _ = reader;
    const { notebook, page } = reader;
    let first: SavedCell[] = [];
    await step("runs all its cells", async () => {
      first = await reader.runAll();
      assert(figuresOf(first).length > 0, "no cell shows a figure");
    });
    await step("shows new figures for another norm", async () => {
      await reader.set("norm", "3");
      const second = await reader.runAll();
      assertNotEquals(figuresOf(second), figuresOf(first));
      await seesFigure(page, notebook);
    });
    await step("Stop ends a long cell and keeps the state", () => stops(notebook, page));
    await page.screenshot({ path: join(pictures, "jupyterlab.png") });
  }
  assertEquals(elsewhere, [], "JupyterLab asked another machine");
});

/** Stops a long cell, and goes on with what it left. */
async function stops(notebook: NotebookPage, page: Page): Promise<void> {
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
  const last = (await notebook.save()).at(-1)!;
  assertMatch(text(last.source), /const here/);
  assertEquals(errorOf(last), undefined);
  assertNotEquals(last.execution_count, null);
  assertEquals(await notebook.kernelId(), kernel);
}

/** Finds a figure drawn on the page, larger than an icon. */
async function seesFigure(page: Page, notebook: NotebookPage): Promise<void> {
  const figure = page.locator(".jp-OutputArea-output svg, .jp-OutputArea-output img").first();
  await notebook.reveal(figure);
  const box = await figure.boundingBox();
  assert(box && box.width > 50 && box.height > 20, "the figure is not visible");
}
