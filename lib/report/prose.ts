/**
 * A notebook's prose as HTML: numbered sections, and links that lead within the report.
 *
 * @module
 */

import { Marked, type Tokens } from "marked";
import { smartypantsu } from "smartypants";

/** A numbered section of a chapter. */
export interface Section {
  /** What links lead to. */
  id: string;
  /** `3.1`. */
  number: string;
  /** The heading as HTML. */
  title: string;
}

/** Where a piece of prose stands. */
export interface Place {
  /** The chapter's number. */
  chapter: number;
  /** Names of the notebooks in the report, e.g. `03-attacks`. */
  names: readonly string[];
  /** The sections up to here; those of the prose are added. */
  sections: Section[];
}

/** What readers of a notebook must know and readers of a report need not. */
const ABOUT_NOTEBOOKS = /Shift\+Enter|^\*\*Parameters\.\*\*|names the parameter\.$/;

/** The chapter's number, by which its notebook's name begins. */
export function chapterNumber(name: string): number {
  return Number.parseInt(name, 10);
}

/**
 * Turns one cell's Markdown into HTML.
 *
 * A heading of the first level is left out, as it is the chapter's own; so are paragraphs about the
 * handling of a notebook.
 */
export function proseToHtml(source: string, place: Place): string {
  const marked = new Marked({
    renderer: {
      heading({ depth, tokens }) {
        const title = this.parser.parseInline(tokens);
        return depth === 2
          ? sectionHeading(title, place)
          : `<h${depth + 1}>${title}</h${depth + 1}>\n`;
      },
      link({ href, tokens }) {
        const words = this.parser.parseInline(tokens);
        const target = linkTarget(href, place.names);
        return target === undefined ? words : `<a href="${escapeHtml(target)}">${words}</a>`;
      },
    },
  });
  const tokens = marked.lexer(source).filter((token) =>
    !(token.type === "heading" && (token as Tokens.Heading).depth === 1) &&
    !(token.type === "paragraph" && ABOUT_NOTEBOOKS.test(token.raw))
  );
  // A table of its own is as wide as it is; the page is not.
  return curly(marked.parser(tokens)).replaceAll(
    /<table>[^]*?<\/table>/g,
    '<div class="scroll">$&</div>',
  );
}

/** One line of Markdown as HTML without links: they would lie inside others. */
export function inlineHtml(source: string): string {
  const marked = new Marked({
    renderer: {
      link({ tokens }) {
        return this.parser.parseInline(tokens);
      },
    },
  });
  return curly(String(marked.parseInline(source, { async: false })));
}

/**
 * Quotation marks, apostrophes, lowered letters and the report's `Res_N` as books have them; HTML
 * in, HTML out, code left alone. The font has no lowered digits: they become small ones.
 */
export function curly(html: string): string {
  const characters: Record<string, string> = { "&#39;": "'", "&quot;": '"' };
  const text = html.replaceAll(
    /<code\b[^]*?<\/code>|<[^>]*>|&#39;|&quot;|[₀-₉ₚᵢ]+|(?<=‖)∞|\b(Res|Pert|Conf2?)_(\w+)/g,
    (found, quantity?: string, index?: string) =>
      quantity
        ? `<i>${quantity}</i><sub>${index}</sub>`
        : characters[found] ?? (/^</.test(found) ? found : `<sub>${found.normalize("NFKC")}</sub>`),
  );
  return smartypantsu(text, "q");
}

function sectionHeading(title: string, { chapter, sections }: Place): string {
  const number = `${chapter}.${sections.length + 1}`;
  const plain = sectionId(chapter, textOf(title));
  // A heading may come twice in a chapter; an id may not.
  const id = sections.some((section) => section.id === plain) ? `${plain}-${number}` : plain;
  sections.push({ id, number, title: curly(title) });
  return `<h3 id="${escapeHtml(id)}"><span class="number">${number}</span> ${title}</h3>\n`;
}

/** An id that Jupyter's anchor of the same heading can be turned into. */
function sectionId(chapter: number, heading: string): string {
  return `chapter-${chapter}-${heading.trim().replaceAll(/\s+/g, "-")}`;
}

/** The words of a heading, as Jupyter makes its anchor of them. */
function textOf(html: string): string {
  return html.replaceAll(/<[^>]*>/g, "").replaceAll("&lt;", "<").replaceAll("&gt;", ">")
    .replaceAll("&quot;", '"').replaceAll("&#39;", "'").replaceAll("&amp;", "&");
}

/** Where a link of a notebook leads in the report; undefined if nowhere. */
function linkTarget(href: string, names: readonly string[]): string | undefined {
  if (/^(?:https?|mailto):/.test(href)) return href;
  const [, name = "", heading] = href.match(/^(?:\.\/)?([\w-]+)\.ipynb(?:#(.*))?$/) ?? [];
  if (!names.includes(name)) return undefined;
  const chapter = chapterNumber(name);
  return heading ? `#${sectionId(chapter, decodeURIComponent(heading))}` : `#chapter-${chapter}`;
}

/** Text for HTML, also inside quoted attributes. */
export function escapeHtml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}
