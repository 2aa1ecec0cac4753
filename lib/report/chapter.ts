/**
 * An executed notebook as a chapter: prose, numbered figures and tables, code folded away.
 *
 * @module
 */

import hljs from "highlight.js/lib/core";
import typescript from "highlight.js/lib/languages/typescript";
import { type Counts, type Exhibit, exhibit } from "./exhibits.ts";
import { type Cell, isParametersCell, type Notebook, titleAndPromise } from "./notebook.ts";
import {
  chapterNumber,
  escapeHtml,
  inlineHtml,
  type Place,
  proseToHtml,
  type Section,
} from "./prose.ts";

/** A chapter of the report. */
export interface Chapter {
  /** The notebook's name, e.g. `03-attacks`. */
  name: string;
  number: number;
  /** The title as HTML, without the number. */
  title: string;
  /** What the chapter promises, as HTML. */
  promise: string;
  sections: readonly Section[];
  /** All below title and promise, as HTML. */
  body: string;
  figures: number;
  tables: number;
}

hljs.registerLanguage("typescript", typescript);

/**
 * Turns an executed notebook into a chapter.
 *
 * @param name The notebook's; its number becomes the chapter's.
 * @param names All notebooks of the report, for links between them.
 */
export function chapterOf(name: string, notebook: Notebook, names: readonly string[]): Chapter {
  const number = chapterNumber(name);
  const { title, promise } = titleAndPromise(notebook);
  const place: Place = { chapter: number, names, sections: [] };
  const counts: Counts = { chapter: number, figures: 0, tables: 0 };
  const first = notebook.cells.find(({ kind }) => kind === "markdown");
  const parts = notebook.cells.map((cell) => {
    if (cell.kind === "markdown") {
      return proseToHtml(cell === first ? withoutPromise(cell.source) : cell.source, place);
    }
    if (cell.kind !== "code" || cell.source.trim() === "") return "";
    const section = place.sections.at(-1);
    return codeCell(cell, section?.title ?? "Before we start", counts, !section);
  });
  return {
    name,
    number,
    title: inlineHtml(title.replace(/^\d+\.\s+/, "")),
    promise: inlineHtml(promise),
    sections: place.sections,
    body: parts.filter(Boolean).join("\n"),
    figures: counts.figures,
    tables: counts.tables,
  };
}

/** The first cell without its first paragraph, which stands below the chapter's title. */
function withoutPromise(source: string): string {
  const [heading = "", , ...rest] = source.trim().split(/\n\s*\n/);
  return [heading, ...rest].join("\n\n");
}

/** @param early Whether the cell stands before the first section: it only makes things ready. */
function codeCell(cell: Cell, heading: string, counts: Counts, early: boolean): string {
  const exhibits = cell.outputs.map((output) => exhibit(output, heading, counts));
  const isAside = ({ html, byTheWay }: Exhibit) => byTheWay || early && !html.startsWith("<figure");
  const aside = exhibits.filter(isAside).map(({ html }) => html).join("\n");
  const shown = exhibits.filter((one) => !isAside(one)).map(({ html }) => html).join("\n");
  const code = hljs.highlight(cell.source, { language: "typescript" }).value;
  return `<details class="code"><summary>${summary(cell)}</summary>
<pre><code>${code}</code></pre>${aside && `\n${aside}`}
</details>${shown && `\n${shown}`}`;
}

function summary(cell: Cell): string {
  if (!isParametersCell(cell)) return "Code";
  const values = declared(cell.source).map(([name, value]) => `${name} = ${value}`).join(", ");
  return `Parameters${values && `: <code>${escapeHtml(values)}</code>`}`;
}

/** Constants that a cell declares in one line each, with their values as written. */
export function declared(source: string): [name: string, value: string][] {
  return [...source.matchAll(/^const (\w+)(?:: [^=\n]+)? = (.+?);(?: *\/\/.*)?$/gm)]
    .map(([, name = "", value = ""]) => [name, value]);
}
