/**
 * Headless Chromium for the end-to-end tests.
 *
 * @module
 */

import { join } from "node:path";
import { type Browser, chromium, type Page } from "playwright-core";
import { lab } from "$lib/setup/paths.ts";

/** Debian's package; another Chromium by the environment. */
const executablePath = Deno.env.get("CHROMIUM") ?? "/usr/bin/chromium";

/** Where pictures of failures go. */
export const pictures = join(lab, "e2e");

/** Starts a browser with an empty profile that asks nothing of any network by itself. */
export async function openBrowser(): Promise<Browser> {
  return await chromium.launch({
    executablePath,
    args: [
      ...["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"],
      ...["--disable-background-networking", "--disable-component-update", "--disable-sync"],
      ...["--disable-quic", "--disable-dev-shm-usage"],
    ],
  });
}

/** Runs a part of a test; if it fails, leaves a picture of the page and says where. */
export async function withPicture<T>(page: Page, name: string, part: () => Promise<T>): Promise<T> {
  try {
    return await part();
  } catch (error) {
    const path = join(pictures, `${name}.png`);
    await page.screenshot({ path }).then(
      () => console.error(`The page as it was then: ${path}`),
      () => console.error("The page could not be pictured: it may be closed"),
    );
    throw error;
  }
}
