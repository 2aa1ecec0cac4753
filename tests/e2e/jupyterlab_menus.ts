/**
 * What a reader does through JupyterLab's menus beyond running cells.
 *
 * @module
 */
import type { Download, Page } from "playwright-core";

/** Opens a menu of the menu bar, and of its entries those named, one inside the other. */
async function choose(page: Page, menu: string, ...entries: RegExp[]): Promise<void> {
  await page.locator(".lm-MenuBar-item", { hasText: new RegExp(`^${menu}$`) }).click();
  for (const entry of entries) {
    const label = page.locator(".lm-Menu-itemLabel", { hasText: entry }).last();
    await label.waitFor({ timeout: 10_000 });
    await label.click();
  }
}

/** Restarts the kernel and runs all cells; returns when the kernel has been told. */
export async function restartAndRunAll(page: Page): Promise<void> {
  await choose(page, "Run", /^Restart Kernel and Run All Cells/);
  await page.locator(".jp-Dialog .jp-mod-accept").click({ timeout: 10_000 });
}

/** Exports the notebook as HTML through the File menu, and gives the file's text. */
export async function exportHtml(page: Page): Promise<string> {
  const download = new Promise<Download>((resolve) => {
    page.on("download", resolve);
    page.context().on("page", (other) => other.on("download", resolve));
  });
  await choose(page, "File", /^Save and Export Notebook As/, /^HTML$/);
  // It asks whether to sanitize, and proposes to.
  await page.locator(".jp-Dialog .jp-mod-accept").click({ timeout: 10_000 });
  const file = await (await download).path();
  return await Deno.readTextFile(file);
}
