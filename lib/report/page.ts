/**
 * The report as one page that needs no other file: title, contents, chapters, glossary.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { createRequire } from "node:module";
import type { Chapter } from "./chapter.ts";
import { externalLoads } from "./checks.ts";
import { glossaryHtml } from "./glossary.ts";
import { escapeHtml } from "./prose.ts";

/** A chapter, and the block that says how it was made. */
export interface Part {
  chapter: Chapter;
  made: string;
}

/** What stands on the title page. HTML. */
export interface TitlePage {
  /** A figure: an SVG document. */
  picture?: string;
  /** When, and from which commit. */
  made: string;
}

const title = "Adversarial digits";
const subtitle = "How small a change makes a network see another digit?";
const abstract = `Classifiers of handwritten digits are built, attacked and compared by the smallest
perturbation that fools them, image by image and in several norms. Each chapter is an executed
notebook: its code is folded away above each result, its end says from what it was made.`;

/**
 * The whole report.
 *
 * @throws {Error} If it would load anything from elsewhere.
 */
export async function reportPage(
  parts: readonly Part[],
  { picture, made }: TitlePage,
): Promise<string> {
  const chapters = parts.map(({ chapter }) => chapter);
  const body = `<header class="title">
<h1>${title}</h1>
<p class="subtitle">${subtitle}</p>
${picture ?? ""}
<p class="abstract">${abstract}</p>
<p class="made-line">${made}</p>
</header>
${contents(chapters)}
${parts.map(chapterHtml).join("\n")}
<section class="chapter" id="glossary">
<h2>Glossary</h2>
${glossaryHtml()}
</section>`;
  return await documentHtml(`${title}: report`, bar(chapters), body);
}

/**
 * One chapter alone.
 *
 * @throws {Error} If it would load anything from elsewhere.
 */
export async function chapterPage(part: Part): Promise<string> {
  return await documentHtml(part.chapter.title, bar([]), chapterHtml(part));
}

function contents(chapters: readonly Chapter[]): string {
  const items = chapters.map(({ number, title, promise, sections }) => {
    const inner = sections.map(({ id, number, title }) =>
      `<li><a href="#${escapeHtml(id)}"><span class="number">${number}</span> ${title}</a></li>`
    );
    return `<li><a href="#chapter-${number}"><span class="number">${number}</span> ${title}</a>
<p>${promise}</p>
<ol>
${inner.join("\n")}
</ol></li>`;
  });
  return `<nav id="contents">
<h2>Contents</h2>
<ol>
${items.join("\n")}
<li><a href="#glossary"><span class="number"></span> Glossary</a>
<p>The words of the school’s report beside ours.</p></li>
</ol>
</nav>`;
}

function chapterHtml({ chapter: { number, title, promise, body }, made }: Part): string {
  return `<section class="chapter" id="chapter-${number}">
<h2><span class="number">${number}</span> ${title}</h2>
<p class="promise">${promise}</p>
${body}
${made}
</section>`;
}

/** Chapters beside the text, and the switch for all code. */
function bar(chapters: readonly Chapter[]): string {
  const items = chapters.map(({ number, title }) =>
    `<li><span class="number">${number}</span><a href="#chapter-${number}">${title}</a></li>`
  );
  const links = chapters.length === 0 ? "" : `<a href="#contents">Contents</a>
<ol>
${items.join("\n")}
<li><span class="number"></span><a href="#glossary">Glossary</a></li>
</ol>`;
  return `<div class="bar">${links}
<button id="all-code" type="button" aria-pressed="false" hidden>Show all code</button></div>`;
}

async function documentHtml(title: string, bar: string, body: string): Promise<string> {
  const read = (name: string) => Deno.readTextFile(new URL(name, import.meta.url));
  const [script, ...styles] = await Promise.all(
    ["page.js", "page.css", "chapter.css", "print.css"].map(read),
  );
  const [load] = externalLoads(styles.join("") + body);
  if (load !== undefined) {
    throw new Error(
      `Cannot make the page ${title} as it must be self-contained: it would load ${load}`,
    );
  }
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(script));
  // The browser itself refuses whatever is not in the file, and every script but this one.
  const policy = [
    ...["default-src 'none'", "img-src data:", "font-src data:", "style-src 'unsafe-inline'"],
    ...[`script-src 'sha256-${Buffer.from(digest).toString("base64")}'`, "base-uri 'none'"],
  ].join("; ");
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<link rel="icon" href="data:,">
<style>
${await fontFaces()}
${styles.join("\n")}
</style>
</head>
<body>
${bar}
<main>
${body}
</main>
<script>${script}</script>
</body>
</html>
`;
}

const require = createRequire(import.meta.url);

const mathFonts = createRequire(require.resolve("mathjax"));

/** Family, weight, style and file of the fonts that pages bring along; the last has ≤ and ∞. */
const fonts = [
  ["CMU Serif", "400 500", "normal", textFont("cmu-serif-500-roman")],
  ["CMU Serif", "400 500", "italic", textFont("cmu-serif-500-italic")],
  ["CMU Serif", "700", "normal", textFont("cmu-serif-700-roman")],
  ["CMU Typewriter Text", "400 700", "normal", textFont("cmu-typewriter-text-500-roman")],
  [
    ...["NewCM Math", "400 700", "normal"] as const,
    mathFonts.resolve("@mathjax/mathjax-newcm-font/chtml/woff2/mjx-ncm-n.woff2"),
  ],
] as const;

function textFont(name: string): string {
  return require.resolve(`computer-modern/fonts/${name}.woff2`);
}

async function fontFaces(): Promise<string> {
  const faces = fonts.map(async ([family, weight, style, file]) => {
    const data = Buffer.from(await Deno.readFile(file)).toString("base64");
    return `@font-face { font-family: "${family}"; font-weight: ${weight}; font-style: ${style}; src: url(data:font/woff2;base64,${data}) format("woff2"); }`;
  });
  return (await Promise.all(faces)).join("\n");
}
