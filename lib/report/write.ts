/**
 * Writes executed notebooks as a folder of HTML pages, and as PDF where a Chromium is at hand.
 *
 * @module
 */

import { join } from "node:path";
import { writeAtomic } from "../files.ts";
import { which } from "../setup/host.ts";
import {
  describePage,
  externalLoads,
  indexPage,
  mendFragment,
  notebookPage,
  type Page,
} from "./html.ts";
import type { Notebook } from "./notebook.ts";

/** An executed notebook and the file that holds it. */
export interface Executed {
  name: string;
  notebook: Notebook;
  path: string;
}

/** Where to write, and with what. */
export interface WriteOptions {
  /** The report's folder. */
  out: string;
  /** A folder for intermediate files. */
  scratch: string;
  /** Turns notebooks into HTML: nbconvert's command, without arguments. */
  nbconvert: readonly [string, ...string[]];
  env: Record<string, string>;
  /** All notebooks of the report, in reading order: pages lead to each other. */
  order: readonly Pick<Page, "name" | "title">[];
  /** A line for the foot of the index. */
  made: string;
}

/**
 * Writes the whole report: a page for each notebook, then the index; pages of former notebooks go.
 *
 * @returns The index's path.
 * @throws {Error} If a page would load anything from elsewhere.
 */
export async function writeReport(all: Executed[], options: WriteOptions): Promise<string> {
  await writePages(all, options);
  const pages = all.map(({ name, notebook }) => describePage(name, notebook));
  const path = await writePage(options.out, "index", indexPage(pages, options.made));
  const names = new Set(["index", ...all.map(({ name }) => name)]);
  for await (const entry of Deno.readDir(options.out)) {
    const [, name = ""] = entry.name.match(/^(.*)\.(?:html|pdf)$/) ?? [];
    if (name && !names.has(name)) await Deno.remove(join(options.out, entry.name));
  }
  return path;
}

/**
 * Writes a page for each of some notebooks; the index and the other pages stay as they are.
 *
 * @returns The pages' paths.
 * @throws {Error} If a page would load anything from elsewhere.
 */
export async function writePages(some: Executed[], options: WriteOptions): Promise<string[]> {
  const fragments = await convert(some, options);
  const names = options.order.map(({ name }) => name);
  const paths: string[] = [];
  for (const [i, { name, notebook }] of some.entries()) {
    const body = mendFragment(fragments[i] ?? "", notebook, names);
    const next = options.order[names.indexOf(name) + 1];
    const html = notebookPage(describePage(name, notebook), body, next);
    paths.push(await writePage(options.out, name, html));
  }
  return paths;
}

async function convert(all: Executed[], options: WriteOptions): Promise<string[]> {
  const [program, ...first] = options.nbconvert;
  const folder = join(options.scratch, "html");
  const { success, stderr } = await new Deno.Command(program, {
    // The basic template is the notebook alone: no style sheets, no scripts, no links to fetch.
    args: [
      ...[...first, "--to", "html", "--template", "basic", "--log-level", "WARN"],
      ...["--output-dir", folder, ...all.map(({ path }) => path)],
    ],
    env: options.env,
    stdout: "null",
    stderr: "piped",
  }).output();
  if (!success) {
    throw new Error(`Cannot turn the notebooks into HTML: ${new TextDecoder().decode(stderr)}`);
  }
  return await Promise.all(all.map(({ name }) => Deno.readTextFile(join(folder, `${name}.html`))));
}

async function writePage(out: string, name: string, html: string): Promise<string> {
  const loads = externalLoads(html).filter((reference) => !/^[\w-]+\.html$/.test(reference));
  if (loads.length > 0) {
    throw new Error(
      `Cannot write ${name}.html as a page must be self-contained: it would load ${loads[0]}`,
    );
  }
  const path = join(out, `${name}.html`);
  await writeAtomic(path, html);
  return path;
}

/** Finds a Chromium on the PATH. */
export function findChromium(): string | undefined {
  return which("chromium", "chromium-browser", "google-chrome", "google-chrome-stable");
}

/** Prints a page to PDF beside it. */
export async function printPdf(chromium: string, html: string, scratch: string): Promise<string> {
  const pdf = html.replace(/\.html$/, ".pdf");
  const { success, stderr } = await new Deno.Command(chromium, {
    args: [
      ...["--headless", "--disable-gpu", "--no-first-run", "--disable-background-networking"],
      // Chromium's sandbox refuses to work for root.
      ...(Deno.uid() === 0 ? ["--no-sandbox"] : []),
      ...[`--user-data-dir=${join(scratch, "chromium")}`, "--no-pdf-header-footer"],
      ...[`--print-to-pdf=${pdf}`, `file://${html}`],
    ],
    stdout: "null",
    stderr: "piped",
  }).output();
  if (success) return pdf;
  throw new Error(`Cannot print ${pdf}: ${new TextDecoder().decode(stderr).trim()}`);
}
