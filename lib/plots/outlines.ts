/**
 * The text of a finished figure becomes outlines, so that it looks the same everywhere.
 *
 * @module
 */
import { crc32 } from "node:zlib";
import { element, type SvgNode } from "./svg.ts";
import type { Weight } from "./theme.ts";
import { realSize, typeset, weightOf } from "./typeset.ts";

/** How text is set, as elements hand it on to those within. */
interface Style {
  size: number;
  weight: Weight;
  anchor: string;
}

/** Attributes that say how text is set; outlines don't need them. */
const OF_TYPE = ["font-family", "font-size", "font-weight", "font-variant", "text-anchor"];

/** Attributes that say where text stands. */
const OF_PLACE = ["x", "y", "dx", "dy"];

/**
 * Replaces each text by its outlines, which stand once in the figure and are used by each letter.
 *
 * The words stay behind them, unseen, for searching and copying.
 *
 * @throws {TypeError} If a text has several lines.
 */
export function outlineTexts(root: SvgNode): void {
  // Without pictures, whose bytes differ between machines.
  const id = `t${crc32(root.outerHTML.replaceAll(/base64,[^"]*/g, "")).toString(36)}`;
  const ids = new Map<string, string>();
  const idOf = (outline: string) => {
    const own = ids.get(outline) ?? `${id}-${ids.size.toString(36)}`;
    ids.set(outline, own);
    return own;
  };
  const visit = (node: SvgNode, outer: Style): void => {
    const style = styleOf(node, outer);
    if (node.localName === "text") node.replaceWith(outlined(node, style, idOf));
    else {
      for (const child of [...node.children]) visit(child, style);
      for (const name of OF_TYPE) node.removeAttribute(name);
    }
  };
  visit(root, { size: 12, weight: 400, anchor: "start" });
  const shapes = [...ids].map(([d, id]) => element("path", { id, d }));
  if (shapes.length > 0) root.prepend(element("defs", {}, ...shapes));
  root.setAttribute("font-family", "serif");
  root.setAttribute("font-size", "1000"); // of the words unseen, in the units of outlines
}

function styleOf(node: SvgNode, outer: Style): Style {
  const { size, weight, anchor } = outer;
  return {
    size: Number(node.getAttribute("font-size") ?? size),
    weight: weightOf(node.getAttribute("font-weight") ?? weight),
    anchor: node.getAttribute("text-anchor") ?? anchor,
  };
}

/** A part of a text that is set in one way. */
interface Run {
  content: string;
  style: Style;
  /** "" for that of the whole text. */
  fill: string;
}

function runsOf(text: SvgNode, style: Style): Run[] {
  return [...text.childNodes].map((child) => {
    const span = child.localName === "tspan";
    if (span && child.getAttribute("x") !== null) {
      const { textContent } = text;
      throw new TypeError(
        `Cannot set a text as it must be one line: current value is ${textContent}`,
      );
    }
    return {
      content: child.textContent,
      style: span ? styleOf(child, style) : style,
      fill: span ? child.getAttribute("fill") ?? "" : "",
    };
  });
}

function outlined(text: SvgNode, style: Style, idOf: (outline: string) => string): SvgNode {
  const runs = runsOf(text, style).map((run) => ({
    ...run,
    ...typeset(run.content, run.style.weight),
    scale: realSize(run.style.size, run.style.weight) / 1000,
  }));
  const width = runs.reduce((sum, run) => sum + run.width * run.scale, 0);
  const [x, y] = [place(text, "x", style), place(text, "y", style)];
  let at = x - (style.anchor === "middle" ? width / 2 : style.anchor === "end" ? width : 0);
  const group = element("g");
  for (const name of text.getAttributeNames()) {
    if (OF_TYPE.includes(name) || OF_PLACE.includes(name)) continue;
    group.setAttribute(name, text.getAttribute(name) ?? "");
  }
  for (const { glyphs, width, plain, scale, fill } of runs) {
    const run = element("g", {
      transform: `translate(${round(at, 2)},${round(y, 2)})scale(${round(scale, 5)})`,
      ...(fill ? { fill } : {}),
    });
    const upward = element("g", { transform: "scale(1,-1)" });
    for (const glyph of glyphs) {
      const { outline, x, y, scale } = glyph;
      const whole = scale === 1 && y === 0;
      const moved = `translate(${round(x, 0)},${round(y, 0)})scale(${round(scale, 3)})`;
      const where = whole ? { x: round(x, 0) } : { transform: moved };
      upward.appendChild(element("use", { href: `#${idOf(outline)}`, ...where }));
    }
    run.appendChild(upward);
    const unseen = { "fill-opacity": 0, textLength: round(width, 0) };
    if (plain.trim()) run.appendChild(element("text", unseen, plain));
    group.appendChild(run);
    at += width * scale;
  }
  return group;
}

/** A place in CSS pixels, which may be told in the text's size: `0.32em`. */
function place(text: SvgNode, axis: "x" | "y", { size, weight }: Style): number {
  const pixels = (name: string) => {
    const value = text.getAttribute(name) ?? "0";
    return parseFloat(value) * (value.endsWith("em") ? realSize(size, weight) : 1);
  };
  return pixels(axis) + pixels(`d${axis}`);
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits)) + 0; // + 0 turns -0 into 0
}
