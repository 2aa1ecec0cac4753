/**
 * Executed notebooks as self-contained HTML pages, and the page that leads to them.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { type Notebook, titleAndPromise } from "./notebook.ts";

/** One page of the report. */
export interface Page {
  /** File name without ending, e.g. `03-attacks`. */
  name: string;
  title: string;
  /** The promise as HTML. */
  promise: string;
  /** The first figure as a data URL, if there is one. */
  thumbnail?: string;
}

/** What the index says of a notebook. */
export function describePage(name: string, notebook: Notebook): Page {
  const { title, promise } = titleAndPromise(notebook);
  const thumbnail = firstPicture(notebook);
  return { name, title, promise: inlineMarkdown(promise), ...(thumbnail && { thumbnail }) };
}

/**
 * Wraps what nbconvert's `basic` template makes of a notebook into a page.
 *
 * @param body The fragment. It has neither styles nor scripts, so nothing is there to be fetched.
 */
export function notebookPage(
  page: Page,
  body: string,
  next?: Pick<Page, "name" | "title">,
): string {
  const links = [
    `<a href="index.html">Contents</a>`,
    next ? `<a href="${escapeHtml(next.name)}.html">Next: ${escapeHtml(next.title)}</a>` : "",
  ];
  return document(
    page.title,
    `<nav>${links.join("")}</nav>\n${body}\n<nav>${links.join("")}</nav>`,
  );
}

/**
 * Mends what nbconvert makes of a notebook: pictures get their label as alternative text, and links
 * to other notebooks of the report lead to their pages.
 *
 * @param names The report's notebooks.
 */
export function mendFragment(body: string, notebook: Notebook, names: readonly string[]): string {
  const labels = pictureLabels(notebook);
  return body
    .replaceAll(/<img alt="[^"]*"([^>]*? src="data:[^,"]+,([^"]+)")/g, (tag, rest, data) => {
      const label = labels.get(data.replaceAll(/\s/g, ""));
      return label === undefined ? tag : `<img alt="${escapeHtml(label)}"${rest}`;
    })
    .replaceAll(
      /(<a\b[^>]*? href=")([^"#]+)\.ipynb(?=["#])/g,
      (tag, before, name) => names.includes(name) ? `${before}${name}.html` : tag,
    );
}

/** What the notebook's pictures show, by their bytes in base64. */
function pictureLabels(notebook: Notebook): Map<string, string> {
  const labels = new Map<string, string>();
  for (const output of notebook.cells.flatMap(({ outputs }) => outputs)) {
    if (!("data" in output)) continue;
    const { "text/plain": label, "image/svg+xml": svg, "image/png": png } = output.data;
    if (typeof label !== "string") continue;
    if (typeof svg === "string") labels.set(Buffer.from(svg).toString("base64"), label);
    if (typeof png === "string") labels.set(png.replaceAll(/\s/g, ""), label);
  }
  return labels;
}

/** The report's first page: each notebook with its promise and first figure. */
export function indexPage(pages: readonly Page[], made: string): string {
  const items = pages.map(({ name, title, promise, thumbnail }) => `
<a class="card" href="${escapeHtml(name)}.html">
  ${thumbnail ? `<span class="picture"><img src="${thumbnail}" alt=""></span>` : ""}
  <span class="words"><strong>${escapeHtml(title)}</strong><span>${promise}</span></span>
</a>`);
  return document(
    "MNIST lab: report",
    `<h1>MNIST lab: report</h1>
<p>Classifiers of handwritten digits, and the smallest perturbations that fool them. Each page is
an executed notebook.</p>
<div class="cards">${items.join("")}\n</div>
<p class="made">${escapeHtml(made)}</p>`,
  );
}

/**
 * Finds what a page would load from elsewhere: other files or addresses in anything but links.
 *
 * @returns The offending references; none if the page is self-contained.
 */
export function externalLoads(html: string): string[] {
  // Scripts are the one thing whose loads can't be seen, so any is an offence.
  const found = [...html.matchAll(/<script\b[^>]*>/gi)].map(([tag]) => tag);
  const tags = html.matchAll(
    /<(?!(?:a|script)\b)[a-z][^\s>]*\s[^>]*?\b(?:src|srcset|href|data|poster)=[^>]*>/gi,
  );
  for (const [tag] of tags) {
    const values = tag.matchAll(/\b(?:src|srcset|href|data|poster)=\s*(["']?)([^"'\s>]*)\1/gi);
    for (const [, , value = ""] of values) if (!/^(?:data:|#)/.test(value)) found.push(value);
  }
  const styles = html.matchAll(/url\(\s*["']?(?!data:|#)([^"')]+)|@import\s+["']?([^"';]+)/gi);
  for (const [, url, sheet] of styles) found.push(url ?? sheet ?? "");
  return found;
}

/** Finds TeX in prose: there is no MathJax without a network, so notebooks write `‖r‖₂ ≤ ε`. */
export function texInProse(notebook: Notebook): string | undefined {
  for (const { kind, source } of notebook.cells) {
    if (kind !== "markdown") continue;
    const prose = source.replaceAll(/```[^]*?```|`[^`]*`/g, "");
    const tex = prose.match(/\$\$[^$]+\$\$|\$[^\s$](?:[^$\n]*[^\s$])?\$(?!\d)|\\\(|\\\[/)?.[0];
    if (tex) return tex;
  }
  return undefined;
}

function firstPicture(notebook: Notebook): string | undefined {
  for (const { outputs } of notebook.cells) {
    for (const output of outputs) {
      if (output.output_type !== "display_data" && output.output_type !== "execute_result") {
        continue;
      }
      const png = output.data["image/png"];
      if (typeof png === "string") return `data:image/png;base64,${png.replaceAll(/\s/g, "")}`;
      const svg = output.data["image/svg+xml"];
      if (typeof svg === "string") return `data:image/svg+xml,${encodeURIComponent(svg)}`;
    }
  }
  return undefined;
}

/** Emphasis and code of a one-line promise; links keep only their words, as cards are links. */
function inlineMarkdown(text: string): string {
  return escapeHtml(text)
    .replaceAll(/\[([^\]]+)\]\([^)]*\)/g, "$1")
    .replaceAll(/\*\*(.+?)\*\*/g, "<strong>$1</strong>")
    .replaceAll(/\*(.+?)\*|\b_(.+?)_\b/g, "<em>$1$2</em>")
    .replaceAll(/`(.+?)`/g, "<code>$1</code>");
}

function escapeHtml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}

function document(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<link rel="icon" href="data:,">
<style>${style}</style>
</head>
<body>
<main>
${body}
</main>
</body>
</html>
`;
}

const style = `
:root { color-scheme: light; --ink: #1d2129; --soft: #5d6675; --line: #e3e6eb; --paper: #f7f8fa; --link: #175cd3; }
* { box-sizing: border-box; }
body { margin: 0; background: #fff; color: var(--ink); font: 16px/1.6 system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 1.5rem 1.25rem 4rem; }
h1 { font-size: 2rem; line-height: 1.2; margin: 1.2rem 0 .6rem; }
h2 { font-size: 1.4rem; margin: 2.4rem 0 .5rem; padding-top: .8rem; border-top: 1px solid var(--line); }
h3 { font-size: 1.1rem; margin: 1.6rem 0 .4rem; }
p, ul, ol { max-width: 44rem; margin: .6rem 0; }
a { color: var(--link); }
.anchor-link, .prompt { display: none; }
code { font: .9em ui-monospace, "DejaVu Sans Mono", Menlo, monospace; background: var(--paper); border-radius: 3px; padding: .1em .25em; }
pre { font: .85rem/1.5 ui-monospace, "DejaVu Sans Mono", Menlo, monospace; margin: 0; overflow-x: auto; }
pre code { background: none; padding: 0; font: inherit; }
.rendered_html > pre, .input_area { background: var(--paper); border: 1px solid var(--line); border-radius: 6px; margin: .6rem 0; padding: .6rem .9rem; overflow-x: auto; }
.output_area { margin: .6rem 0; overflow-x: auto; }
.output_stderr pre { color: #93370d; }
.output_area img, .output_area svg { max-width: 100%; height: auto; }
table { border-collapse: collapse; margin: .6rem 0; font-size: .9rem; }
th, td { padding: .3rem .8rem; text-align: left; border-bottom: 1px solid var(--line); }
th { border-bottom: 2px solid #c5cad3; }
td { font-variant-numeric: tabular-nums; }
blockquote { margin: .8rem 0; padding: .1rem 1rem; border-left: 3px solid var(--line); color: var(--soft); }
nav { display: flex; justify-content: space-between; gap: 1rem; margin: .5rem 0; font-size: .9rem; }
.cards { display: grid; gap: 1rem; margin: 1.5rem 0; }
.card { display: flex; gap: 1.2rem; align-items: center; padding: 1rem; border: 1px solid var(--line); border-radius: 10px; color: inherit; text-decoration: none; }
.card:hover { border-color: var(--link); }
.card .picture { flex: 0 0 13rem; height: 8rem; display: flex; align-items: center; justify-content: center; background: #fff; }
.card img { max-width: 100%; max-height: 100%; }
.card .words { display: grid; gap: .3rem; }
.words > strong { font-size: 1.1rem; }
.words > span { color: var(--soft); }
.made { color: var(--soft); font-size: .85rem; }
.highlight { background: none; }
.c, .c1, .cm, .cs { color: #667085; font-style: italic; }
.k, .kd, .kr, .kc, .kt, .kn { color: #7a2e9d; }
.s, .s1, .s2, .sb, .se, .sx { color: #0b6b3a; }
.m, .mi, .mf, .mh, .mb { color: #9a3412; }
.nb, .nc, .nf, .fm { color: #175cd3; }
@media (max-width: 40rem) { .card { flex-direction: column; align-items: flex-start; } }
@media print { nav { display: none; } main { max-width: none; padding: 0; } pre { white-space: pre-wrap; } .output_area { break-inside: avoid; } }
`;
