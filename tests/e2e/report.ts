/**
 * The report's pages in a real browser: they look like pages, and ask no network for anything.
 *
 * Run by `.ci/run` after `deno task report`.
 *
 * @module
 */

import { join } from "node:path";
import { assert, assertEquals } from "@std/assert";
import { notebookNames } from "$lib/report/files.ts";
import { root } from "$lib/setup/paths.ts";
import { openBrowser, pictures, withPicture } from "./browser.ts";

Deno.test("the report's pages make no request and show their figures", async () => {
  await Deno.mkdir(pictures, { recursive: true });
  const names = await notebookNames(join(root, "notebooks"));
  await using browser = await openBrowser();
  const page = await browser.newPage({ viewport: { width: 1100, height: 1000 } });
  const requests: string[] = [];
  // Playwright reports data: URLs as requests too; they carry their content themselves.
  page.on("request", (request) => {
    if (!request.url().startsWith("data:")) requests.push(request.url());
  });
  const problems: string[] = [];
  page.on("pageerror", (error) => problems.push(error.message));
  for (const name of ["index", ...names]) {
    const url = `file://${join(root, "report", `${name}.html`)}`;
    requests.length = 0;
    await page.goto(url, { waitUntil: "networkidle" });
    await withPicture(page, `report-${name}`, async () => {
      assertEquals(requests, [url]);
      assertEquals(problems, []);
      assert((await page.title()).length > 0);
      const broken = await page.evaluate(
        "[...document.images].filter((image) => image.naturalWidth === 0).length",
      );
      assertEquals(broken, 0, `${name} has pictures that can't be shown`);
    });
    await page.screenshot({ path: join(pictures, `report-${name}.png`) });
  }
  await page.goto(`file://${join(root, "report", "index.html")}`);
  assertEquals(await page.locator("a.card").count(), names.length);
});
