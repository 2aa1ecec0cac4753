/**
 * The report in a real browser, from its file and without a network.
 *
 * Run by `.ci/run` after `deno task report`.
 *
 * @module
 */

import { join } from "node:path";
import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Browser, Page } from "playwright-core";
import { notebookNames } from "$lib/report/files.ts";
import { findChromium, printPdf } from "$lib/report/write.ts";
import { root } from "$lib/setup/paths.ts";
import { openBrowser, pictures, withPicture } from "./browser.ts";

/** The report that `deno task report` has written; another by the environment. */
const file = Deno.env.get("LAB_REPORT") ?? join(root, "report", "index.html");
const names = await notebookNames(join(root, "notebooks"));

/** Opens the report with the network cut, and checks what holds at every width. */
async function open(browser: Browser, width: number): Promise<Page> {
  const context = await browser.newContext({ viewport: { width, height: 1000 }, offline: true });
  const page = await context.newPage();
  const requests: string[] = [];
  // Playwright reports data: URLs as requests too; they carry their content themselves.
  page.on("request", (request) => {
    if (!request.url().startsWith("data:")) requests.push(request.url());
  });
  const problems: string[] = [];
  page.on("pageerror", (error) => problems.push(error.message));
  page.on("console", (message) => problems.push(message.text())); // what the policy refuses, too
  await page.goto(`file://${file}`, { waitUntil: "networkidle" });
  assertEquals(requests, [`file://${file}`]);
  assertEquals(problems, []);
  return page;
}

Deno.test("the report stands in the browser", async (t) => {
  await Deno.mkdir(pictures, { recursive: true });
  await using browser = await openBrowser();
  for (const width of [1280, 390]) {
    await t.step(
      `at a width of ${width} it asks no network and does not scroll sideways`,
      async () => {
        const page = await open(browser, width);
        await withPicture(page, `report-${width}`, async () => {
          assertEquals(await page.evaluate("document.documentElement.scrollWidth"), width);
          assertEquals(await page.evaluate("document.fonts.check('16px \"CMU Serif\"')"), true);
        });
        for (const place of ["contents", ...names.map((name) => `chapter-${parseInt(name, 10)}`)]) {
          await page.evaluate(`document.getElementById("${place}").scrollIntoView()`);
          await page.screenshot({ path: join(pictures, `report-${width}-${place}.png`) });
        }
      },
    );
  }
  await t.step(
    "every figure has a number, a caption and words for those who can't see it",
    async () => {
      const page = await open(browser, 1280);
      const bad = await page.evaluate(`[...document.querySelectorAll("figure:not(.table)")]
      .filter((figure) => {
        const picture = figure.querySelector("svg, img");
        const words = picture?.getAttribute("aria-label") ?? picture?.getAttribute("alt");
        const box = picture?.getBoundingClientRect();
        const caption = figure.querySelector("figcaption")?.textContent ?? "";
        return !words || !(box.width > 50 && box.height > 20) ||
          picture.naturalWidth === 0 || !/^Figure \\d+\\.\\d+\\. ./.test(caption);
      }).map(({ id }) => id)`);
      assertEquals(bad, []);
      assert(await page.locator("figure:not(.table)").count() > names.length);
      assertEquals(await page.locator("section.chapter .made").count(), names.length);
    },
  );
  await t.step("a click unfolds one cell's code, the switch all", async () => {
    const page = await open(browser, 1280);
    const code = page.locator("details.code > pre:first-of-type");
    const count = await code.count();
    const visible = () => code.filter({ visible: true }).count();
    assert(count > 10);
    assertEquals(await visible(), 0);
    await page.locator("details.code > summary").first().click();
    assertEquals(await visible(), 1);
    await page.getByRole("button", { name: "Show all code" }).click();
    assertEquals(await visible(), count);
    await page.getByRole("button", { name: "Show all code" }).click();
    assertEquals(await visible(), 0);
  });
  await t.step("every link of the contents leads to its place", async () => {
    const page = await open(browser, 390);
    const lost = await page.evaluate(`[...document.querySelectorAll("a[href^='#']")]
      .filter((link) => !document.getElementById(decodeURIComponent(link.hash.slice(1))))
      .map(({ href }) => href)`);
    assertEquals(lost, []);
  });
});

Deno.test("the report prints to a PDF of A4 pages", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const pdf = join(folder, "report.pdf");
    await printPdf(findChromium()!, { html: file, pdf, scratch: folder });
    const bytes = new TextDecoder("latin1").decode(await Deno.readFile(pdf));
    assertMatch(bytes.slice(0, 8), /^%PDF-/);
    const [, width, height] = bytes.match(/\/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]/) ?? [];
    assertEquals([Math.round(Number(width)), Math.round(Number(height))], [595, 842]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
