/**
 * What all figures share: their texts, charts and headings, and how parts become one SVG.
 *
 * @module
 */
import * as Plot from "@observablehq/plot";
import { shortened, textWidth } from "./measure.ts";
import { outlineTexts } from "./outlines.ts";
import { document, element, type SvgNode } from "./svg.ts";
import { stairs } from "./stairs.ts";
import { colors } from "./theme.ts";
import { plain } from "./typeset.ts";

export { overflow, toPng } from "./render.ts";
export { element, type SvgNode } from "./svg.ts";
export { colors } from "./theme.ts";

/** A finished figure: a picture for people, with the words for those who can't see it. */
export interface Figure {
  /** A whole SVG document, the same text for the same rows on every machine. */
  readonly svg: string;
  /** In CSS pixels. */
  readonly width: number;
  /** In CSS pixels. */
  readonly height: number;
  /** What the figure shows, in one sentence. */
  readonly label: string;
}

/** A piece of a figure at its place; pieces are drawn in order. */
export interface Part {
  node: SvgNode;
  x?: number;
  y?: number;
}

/** Text with its baseline at (x, y). What stands between two dollar signs is TeX. */
export function text(
  x: number,
  y: number,
  content: string,
  { size = 12, weight = 400, anchor = "middle", fill = colors.ink as string } = {},
): SvgNode {
  return element("text", {
    x,
    y,
    "font-size": size,
    "font-weight": weight,
    "text-anchor": anchor,
    fill,
  }, content);
}

/** Draws a chart of Observable Plot as a piece of a figure. */
export function chart(options: Plot.PlotOptions): SvgNode {
  const drawn: unknown = Plot.plot({ ...options, document } as unknown as Plot.PlotOptions);
  const plotted = drawn as SvgNode; // by Deno's types Plot returns nothing that it knows
  const group = element("g", { "font-size": 11, "text-anchor": "middle", fill: colors.ink });
  for (const child of [...plotted.children]) {
    if (child.localName !== "style") group.appendChild(child); // its :where() is for browsers only
  }
  return group;
}

/**
 * The heading of a figure: a title and, in grey below it, what the reader must know.
 *
 * @param width What a line may take: longer ones are set smaller and, if need be, cut.
 */
export function heading(x: number, title: string, subtitle = "", width = Infinity): SvgNode {
  return element(
    "g",
    {},
    fitted(x, 22, title, { width, size: 15, weight: 700, fill: colors.ink }),
    fitted(x, 40, subtitle, { width, size: 12, weight: 400, fill: colors.muted }),
  );
}

/** The smallest size of type that a long heading is set in. */
const SMALLEST = 11;

function fitted(
  x: number,
  y: number,
  content: string,
  { width, size, weight, fill }: { width: number; size: number; weight: number; fill: string },
): SvgNode {
  const share = width / textWidth(content, { size, weight });
  const fitting = { size: Math.max(SMALLEST, Math.min(1, share) * size), weight };
  return text(x, y, shortened(content, width, fitting), { ...fitting, anchor: "start", fill });
}

/** Puts the parts together on white. */
export function figure(
  { label, width, height }: Omit<Figure, "svg">,
  parts: readonly Part[],
): Figure {
  const words = plain(label);
  const root = element("svg", {
    xmlns: "http://www.w3.org/2000/svg",
    width,
    height,
    viewBox: `0 0 ${width} ${height}`,
    role: "img",
    // linkedom escapes quotes only in attributes.
    "aria-label": words.replaceAll("&", "&amp;").replaceAll("<", "&lt;"),
    color: colors.ink,
    style: "max-width:100%;height:auto;background:white",
  }, element("rect", { width, height, fill: "white" }));
  for (const { node, x = 0, y = 0 } of parts) {
    root.appendChild(x || y ? element("g", { transform: `translate(${x},${y})` }, node) : node);
  }
  roundNumbers(root);
  outlineTexts(root);
  return { svg: root.outerHTML, width, height, label: words };
}

/** Attributes that hold geometry; text, addresses and colours stay as they are. */
const GEOMETRY = ["d", "transform", "x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "r", "points"]
  .concat(["width", "height", "viewBox"]);

/** Two decimals: finer differences can't be seen, and would make files large and snapshots frail. */
function roundNumbers(root: SvgNode): void {
  for (const node of [root, ...root.querySelectorAll("*")]) {
    for (const name of GEOMETRY) {
      const value = node.getAttribute(name);
      if (!value?.includes(".")) continue;
      const short = value.replace(DECIMAL, rounded);
      node.setAttribute(name, name === "d" ? stairs(short) : short);
    }
  }
}

const DECIMAL = /-?\d*\.\d+(?:e-?\d+)?/g;

function rounded(number: string): string {
  return String(Math.round(Number(number) * 100) / 100 + 0); // + 0 turns -0 into 0
}

/** Writes a confidence between 0 and 1: `99.9%`. Only a certainty is called 100% or 0%. */
export function percent(share: number, digits = 1): string {
  const finest = 10 ** -digits;
  if (share < 1 && 100 * share > 100 - finest / 2) return `>${(100 - finest).toFixed(digits)}%`;
  if (share > 0 && 100 * share < finest / 2) return `<${finest.toFixed(digits)}%`;
  return `${(100 * share).toFixed(digits)}%`;
}

/** Writes the norm's name: `‖r‖₂`, `‖r‖∞`. */
export function normSymbol(p: number): string {
  if (p === Infinity) return "‖r‖∞";
  return `‖r‖${String(p).replace(/\d/g, (digit) => "₀₁₂₃₄₅₆₇₈₉"[Number(digit)] ?? digit)}`;
}

/** Writes a count with thin groups of thousands: `50,000`. */
export function count(value: number): string {
  return value.toLocaleString("en-US");
}
