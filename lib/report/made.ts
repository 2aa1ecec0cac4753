/**
 * How a chapter was made: commit, seeds, networks, tables and versions, as the report states them.
 *
 * @module
 */

import { declared } from "./chapter.ts";
import type { Facts } from "./facts.ts";
import { isParametersCell, type Notebook } from "./notebook.ts";
import { escapeHtml } from "./prose.ts";

/** An execution: what it rests on, and when it was. */
export interface Made extends Facts {
  /** ISO date and time of its end. */
  date: string;
  seconds: number;
}

/** The state of the checkout that the notebook ran on. */
export interface Checkout {
  /** The commit's short hash; undefined where there is no git. */
  commit: string | undefined;
  /** Files that results rest on and that differ from the commit. */
  changed: readonly string[];
}

/** How many characters of a hash tell it apart. */
const HASH = 10;

/** The block at a chapter's end. */
export function madeHtml(notebook: Notebook, checkout: Checkout, made?: Made): string {
  const rows: [string, string][] = [["Commit", commitText(checkout)]];
  if (made) {
    const day = made.date.slice(0, 10);
    const seconds = made.seconds.toFixed(0);
    rows.push(["Run", `${day}, all cells in a fresh kernel, ${seconds} s on ${cores(made)}`]);
  }
  const values = parameterValues(notebook);
  if (values.length > 0) rows.push(["Parameters", code(values)]);
  const seeds = seedValues(notebook);
  rows.push(["Seeds", seeds.length > 0 ? code(seeds) : "none set"]);
  if (made) {
    const networks = byName(made.networks, ({ network }) => network).map(networkText);
    const tables = byName(made.tables, ({ file }) => file).map(tableText);
    rows.push(["Networks", networks.join("<br>") || "none"]);
    if (tables.length > 0) rows.push(["Tables", tables.join("<br>")]);
    const named = Object.entries(made.versions).map(([name, version]) => `${name} ${version}`);
    rows.push(["Versions", escapeHtml(named.join(", "))]);
  }
  const list = rows.map(([name, text]) => `<dt>${name}</dt><dd>${text}</dd>`).join("\n");
  return `<aside class="made"><h3>How this chapter was made</h3>\n<dl>\n${list}\n</dl></aside>`;
}

/** The commit in words: `3017615abc, with uncommitted changes in lib/norms.ts and 2 more`. */
export function commitText({ commit, changed }: Checkout): string {
  if (commit === undefined) return "not known: this is no git checkout";
  const hash = `<code>${commit.slice(0, HASH)}</code>`;
  const [first, ...rest] = changed;
  if (first === undefined) return hash;
  const more = rest.length > 0 ? ` and ${rest.length} more` : "";
  return `${hash}, with uncommitted changes in ${escapeHtml(first)}${more}`;
}

/** In order of their names; they come as they were read, which may be another order each time. */
function byName<T>(some: readonly T[], name: (one: T) => string): T[] {
  return some.toSorted((a, b) => name(a) < name(b) ? -1 : 1);
}

function cores({ cores }: Made): string {
  return `${cores} ${cores === 1 ? "core" : "cores"}`;
}

function networkText({ network, weightsSha256, seed }: Made["networks"][number]): string {
  const trained = seed === undefined ? "" : `, trained with seed ${escapeHtml(seed)}`;
  return `${escapeHtml(network)}: weights <code>${weightsSha256.slice(0, HASH)}</code>${trained}`;
}

function tableText({ file, sha256, rows, seeds }: Made["tables"][number]): string {
  const count = rows === undefined ? "" : `, ${rows.toLocaleString("en-US")} rows`;
  const seeded = seeds?.length ? `, seed ${seeds.join(", ")}` : "";
  return `${escapeHtml(file)} <code>${sha256.slice(0, HASH)}</code>${count}${seeded}`;
}

/** The parameters' values; those given on the command line come later, and count. */
function parameterValues(notebook: Notebook): [string, string][] {
  const cells = notebook.cells.filter((cell) =>
    isParametersCell(cell) || cell.tags.includes("injected-parameters")
  );
  return [...new Map(cells.flatMap(({ source }) => declared(source)))];
}

/** Seeds that cells give, other than by a parameter's name: `seed = 0`. */
function seedValues(notebook: Notebook): [string, string][] {
  const found = new Map(parameterValues(notebook).filter(([name]) => /seeds?$/i.test(name)));
  for (const { kind, source } of notebook.cells) {
    if (kind !== "code") continue;
    for (
      const [, name = "", value = ""] of source.matchAll(/\b(\w*[sS]eeds?): *(\d+|\[[\d, ]*\])/g)
    ) {
      if (!found.has(name)) found.set(name, value);
    }
  }
  return [...found];
}

function code(values: readonly [string, string][]): string {
  return values.map(([name, value]) => `<code>${escapeHtml(`${name} = ${value}`)}</code>`)
    .join(", ");
}
