/**
 * Writes executed notebooks as one HTML page, and as PDF where a Chromium is at hand.
 *
 * @module
 */

import { basename, join } from "node:path";
import { writeAtomic } from "../files.ts";
import { which } from "../setup/host.ts";
import { chapterOf } from "./chapter.ts";
import { type Checkout, commitText, type Made, madeHtml } from "./made.ts";
import type { Notebook } from "./notebook.ts";
import { chapterPage, type Part, reportPage } from "./page.ts";

/** An executed notebook, and how it was made. */
export interface Executed {
  name: string;
  notebook: Notebook;
  checkout: Checkout;
  made: Made;
}

/**
 * Writes the whole report; what lies in its folder from an earlier one goes.
 *
 * @param out The report's folder.
 * @param picture The title page's: an SVG file.
 * @param note What else the title page says, e.g. that parameters were others.
 * @returns The page's path.
 * @throws {Error} If the page would load anything from elsewhere.
 */
export async function writeReport(
  all: readonly Executed[],
  { out, picture, note }: { out: string; picture: string; note: string },
): Promise<string> {
  const names = all.map(({ name }) => name);
  const path = join(out, "index.html");
  const html = await reportPage(all.map((one) => partOf(one, names)), {
    picture: (await Deno.readTextFile(picture)).trim(),
    made: `${day()} · commit ${commitText(together(all))}${note}`,
  });
  await writeAtomic(path, html);
  for await (const { name } of Deno.readDir(out)) {
    if (/\.(?:html|pdf)$/.test(name) && name !== basename(path)) await Deno.remove(join(out, name));
  }
  return path;
}

/**
 * Writes each of some notebooks as a page of its own; the report stays as it is.
 *
 * @returns The pages' paths.
 * @throws {Error} If a page would load anything from elsewhere.
 */
export async function writeChapters(some: readonly Executed[], out: string): Promise<string[]> {
  const paths: string[] = [];
  for (const one of some) {
    const path = join(out, `${one.name}.html`);
    await writeAtomic(path, await chapterPage(partOf(one, [one.name])));
    paths.push(path);
  }
  return paths;
}

function partOf({ name, notebook, checkout, made }: Executed, names: readonly string[]): Part {
  return { chapter: chapterOf(name, notebook, names), made: madeHtml(notebook, checkout, made) };
}

/** All chapters ran on one commit; what had changed may differ. */
function together(all: readonly Executed[]): Checkout {
  const changed = new Set(all.flatMap(({ checkout }) => checkout.changed));
  return { commit: all[0]?.checkout.commit, changed: [...changed] };
}

function day(): string {
  return new Date().toLocaleDateString("en-GB", { day: "numeric", month: "long", year: "numeric" });
}

/** Finds a Chromium on the PATH. */
export function findChromium(): string | undefined {
  return which("chromium", "chromium-browser", "google-chrome", "google-chrome-stable");
}

/** Prints a page to PDF. */
export async function printPdf(
  chromium: string,
  { html, pdf, scratch }: { html: string; pdf: string; scratch: string },
): Promise<void> {
  const { success, stderr } = await new Deno.Command(chromium, {
    args: [
      ...["--headless", "--disable-gpu", "--no-first-run", "--disable-background-networking"],
      // Chromium's sandbox refuses to work for root.
      ...(Deno.uid() === 0 ? ["--no-sandbox"] : []),
      ...[`--user-data-dir=${join(scratch, "chromium")}`, "--no-pdf-header-footer"],
      ...["--generate-pdf-document-outline", `--print-to-pdf=${pdf}`, `file://${html}`],
    ],
    stdout: "null",
    stderr: "piped",
  }).output();
  if (!success) {
    throw new Error(`Cannot print ${pdf}: ${new TextDecoder().decode(stderr).trim()}`);
  }
}
