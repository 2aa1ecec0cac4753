/**
 * What all figures share: the document that they are drawn in, colours, type, and their two forms,
 * SVG and PNG.
 *
 * @module
 */
import * as Plot from "@observablehq/plot";
import { Resvg } from "@resvg/resvg-js";
import { parseHTML } from "linkedom";
import { createRequire } from "node:module";

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

/** What figures use of an SVG element; Deno has no declarations of the browser's. */
export interface SvgNode {
  readonly localName: string;
  readonly children: Iterable<SvgNode>;
  readonly outerHTML: string;
  getAttribute(name: string): string | null;
  setAttribute(name: string, value: string): void;
  appendChild(child: SvgNode): void;
  querySelectorAll(selector: string): Iterable<SvgNode>;
}

/** A piece of a figure at its place; pieces are drawn in order. */
export interface Part {
  node: SvgNode;
  x?: number;
  y?: number;
}

/**
 * Arimo comes with the lab, for PNGs on machines without any font. It has the widths of Arial,
 * Helvetica and Liberation Sans, so what fits in the PNG fits in the SVG of any browser.
 */
const FONT = "Arimo, 'Liberation Sans', Arial, Helvetica, sans-serif";

/** Colours that differ for colour-blind eyes too (Okabe and Ito, 2008), by what they stand for. */
export const colors = {
  ink: "#1f2328",
  muted: "#656d76",
  faint: "#d0d7de",
  ground: "#f3f4f6",
  /** The clean image, its class, and the training set. */
  clean: "#0072b2",
  /** The adversarial image, its class, and the test set. */
  adversarial: "#d55e00",
  third: "#009e73",
} as const;

/** linkedom declares its document by the browser's types, which Deno lacks. */
const { document } = parseHTML("<!doctype html><html><body></body></html>") as unknown as {
  document: {
    createElementNS(namespace: string, name: string): SvgNode;
    createTextNode(content: string): SvgNode;
  };
};

/** Makes an SVG element; numbers are rounded when the figure is finished. */
export function element(
  name: string,
  attributes: Record<string, string | number> = {},
  ...children: (SvgNode | string)[]
): SvgNode {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  for (const child of children) {
    made.appendChild(typeof child === "string" ? document.createTextNode(child) : child);
  }
  return made;
}

/** Text with its baseline at (x, y). */
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
  const drawn: unknown = Plot.plot({ ...options, document } as Plot.PlotOptions);
  const plotted = drawn as SvgNode; // by Deno's types Plot returns nothing that it knows
  const group = element("g", { "font-size": 11, "text-anchor": "middle", fill: colors.ink });
  for (const child of [...plotted.children]) {
    if (child.localName !== "style") group.appendChild(child); // its :where() is for browsers only
  }
  return group;
}

/** The heading of a figure: a title and, in grey below it, what the reader must know. */
export function heading(x: number, title: string, subtitle = ""): SvgNode {
  return element(
    "g",
    {},
    text(x, 22, title, { size: 15, weight: 700, anchor: "start" }),
    text(x, 40, subtitle, { size: 12, anchor: "start", fill: colors.muted }),
  );
}

/** Puts the parts together on white. */
export function figure(
  { label, width, height }: Omit<Figure, "svg">,
  parts: readonly Part[],
): Figure {
  const root = element("svg", {
    xmlns: "http://www.w3.org/2000/svg",
    width,
    height,
    viewBox: `0 0 ${width} ${height}`,
    role: "img",
    "aria-label": label,
    "font-family": FONT,
    "font-size": 12,
    color: colors.ink,
    style: "max-width:100%;height:auto;background:white",
  }, element("rect", { width, height, fill: "white" }));
  for (const { node, x = 0, y = 0 } of parts) {
    root.appendChild(x || y ? element("g", { transform: `translate(${x},${y})` }, node) : node);
  }
  roundNumbers(root);
  return { svg: root.outerHTML, width, height, label };
}

/** Attributes that hold geometry; text, addresses and colours stay as they are. */
const GEOMETRY = ["d", "transform", "x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "r", "points"]
  .concat(["width", "height", "viewBox"]);

/** Two decimals: finer differences can't be seen, and would make files large and snapshots frail. */
function roundNumbers(root: SvgNode): void {
  for (const node of [root, ...root.querySelectorAll("*")]) {
    for (const name of GEOMETRY) {
      const value = node.getAttribute(name);
      if (value?.includes(".")) node.setAttribute(name, value.replace(DECIMAL, rounded));
    }
  }
}

const DECIMAL = /-?\d*\.\d+(?:e-?\d+)?/g;

function rounded(number: string): string {
  return String(Math.round(Number(number) * 100) / 100 + 0); // + 0 turns -0 into 0
}

const require = createRequire(import.meta.url);
const fontFiles = ["400Regular/Arimo_400Regular.ttf", "700Bold/Arimo_700Bold.ttf"];

/** The renderer, with the lab's own fonts only, so that a PNG is the same on every machine. */
export function renderer(figure: Figure, scale: number): Resvg {
  return new Resvg(figure.svg, {
    font: {
      loadSystemFonts: false,
      fontFiles: fontFiles.map((file) => require.resolve(`@expo-google-fonts/arimo/${file}`)),
      defaultFontFamily: "Arimo",
    },
    imageRendering: 1, // pixels as squares: resvg does not know "pixelated"
    fitTo: { mode: "zoom", value: scale },
  });
}

/**
 * Draws the figure as PNG.
 *
 * @param scale Pixels of the PNG for one CSS pixel.
 */
export function toPng(figure: Figure, scale = 2): Uint8Array<ArrayBuffer> {
  return new Uint8Array(renderer(figure, scale).render().asPng());
}

/**
 * Says by how many CSS pixels, at most, something drawn goes beyond the figure's edge.
 *
 * @returns 0 if nothing is clipped.
 */
export function overflow(figure: Figure): number {
  const box = renderer(figure, 1).getBBox();
  if (!box) return 0;
  const beyond = Math.max(
    -box.x,
    -box.y,
    box.x + box.width - figure.width,
    box.y + box.height - figure.height,
  );
  return Math.max(0, beyond);
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
