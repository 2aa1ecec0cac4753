/**
 * A cell's outputs as HTML: numbered figures and tables with captions, and plain text.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { joined } from "../flowed.ts";
import type { Output } from "./notebook.ts";
import { curly, escapeHtml } from "./prose.ts";

/** Counts a chapter's exhibits; those of an output are added. */
export interface Counts {
  chapter: number;
  figures: number;
  tables: number;
}

/** An output as HTML, and whether it belongs to the result or to the work. */
export interface Exhibit {
  html: string;
  /** True for what only says that work went on: progress bars, printed lines. */
  byTheWay: boolean;
}

/** What `barText` of `lib/notebook.ts` draws. */
const PROGRESS_BAR = /[█░]{30}/;

/**
 * Turns an output into HTML.
 *
 * @param heading The section's as HTML, for what has no caption of its own.
 */
export function exhibit(output: Output, heading: string, counts: Counts): Exhibit {
  if (output.output_type === "stream") return { html: said(output.text), byTheWay: true };
  if (output.output_type === "error") {
    return { html: said(`${output.ename}: ${output.evalue}`), byTheWay: false };
  }
  const { "image/svg+xml": svg, "image/png": png, "text/html": html, "text/plain": plain } =
    output.data;
  const label = typeof plain === "string" ? plain : "";
  const words = caption(label, heading);
  if (typeof svg === "string") return figure(svgPicture(svg, label), words, counts);
  if (typeof png === "string") {
    const { width } = (output.metadata["image/png"] ?? {}) as { width?: number }; // as show() says
    const data = `data:image/png;base64,${png.replaceAll(/\s/g, "")}`;
    return figure(framed(`<img src="${data}" alt="${escapeHtml(label)}">`, width), words, counts);
  }
  if (typeof html === "string") return table(html, heading, counts);
  return { html: said(label), byTheWay: PROGRESS_BAR.test(label) };
}

function figure(picture: string, words: string, counts: Counts): Exhibit {
  const number = `${counts.chapter}.${++counts.figures}`;
  const html = `<figure id="figure-${number}">
<div class="scroll">${picture}</div>
${captionHtml("figure", number, words)}
</figure>`;
  return { html, byTheWay: false };
}

function table(html: string, heading: string, counts: Counts): Exhibit {
  if (!html.includes("<table")) return { html, byTheWay: false };
  const number = `${counts.chapter}.${++counts.tables}`;
  const own = html.match(/<caption>([^]*?)<\/caption>/)?.[1];
  return {
    html: `<figure class="table" id="table-${number}">
${captionHtml("table", number, own ?? heading)}
<div class="scroll">${curly(html.replace(/<caption>[^]*?<\/caption>/, ""))}</div>
</figure>`,
    byTheWay: false,
  };
}

function captionHtml(kind: "figure" | "table", number: string, words: string): string {
  const name = `${kind === "figure" ? "Figure" : "Table"} ${number}.`;
  return `<figcaption><a href="#${kind}-${number}">${name}</a> ${curly(words)}</figcaption>`;
}

/**
 * A figure's label as a caption, as HTML: a long list at its end is for those who can't see the
 * figure. Where no more than a word is left, the section's heading says more.
 */
function caption(label: string, heading: string): string {
  const [, words, list = ""] = label.match(/^(.*?): ([^;:]*)$/s) ?? [];
  const enumerates = list.split(", ").length >= 8 && !list.includes(". ");
  const short = escapeHtml(words !== undefined && enumerates ? words : label);
  const telling = short.includes(" ") ? short : heading;
  return /[.?!]$/.test(telling) ? telling : `${telling}.`;
}

/**
 * Inside the page an SVG takes the page's fonts, and its words can be searched and copied. One with
 * ids or styles of its own could meddle with the page, so it becomes a picture.
 */
function svgPicture(svg: string, label: string): string {
  const [tag] = svg.match(/^<svg(?:\s+[\w:-]+="[^"]*")*/) ?? [""]; // labels may hold a ">"
  const width = Number(tag.match(/\swidth="([\d.]+)"/)?.[1]) || undefined;
  if (/<(?:style|script|foreignObject)\b|\sid=/i.test(svg)) {
    const data = `data:image/svg+xml;base64,${Buffer.from(svg).toString("base64")}`;
    return framed(`<img src="${data}" alt="${escapeHtml(label)}">`, width);
  }
  const labelled = /\saria-label=/.test(tag)
    ? svg
    : svg.replace(/^<svg\b/, `<svg role="img" aria-label="${escapeHtml(label)}"`);
  return framed(labelled, width);
}

/** On a narrow screen a picture shrinks to this share of its width, so that it can be read. */
const NARROWEST = 0.85;

function framed(picture: string, width?: number): string {
  const style = width === undefined
    ? ""
    : ` style="width:${width}px;min-width:${Math.round(NARROWEST * width)}px"`;
  return `<div class="picture"${style}>${picture}</div>`;
}

/** Sentences are set as text, what is aligned by spaces or drawn with letters as it is. */
function said(text: string): string {
  const lines = escapeHtml(joined(text.trimEnd())).split("\n");
  return lines.length > 5 || /\S {2,}\S|[─█░]/.test(text)
    ? `<pre class="said">${lines.join("\n")}</pre>`
    : `<p class="said">${curly(lines.join("<br>"))}</p>`;
}
