/**
 * Formulas: TeX becomes outlines at their places, by MathJax.
 *
 * @module
 */
import { createRequire } from "node:module";

/** A shape within a line, in thousandths of the size of type; y grows upward. */
export interface Glyph {
  /** An SVG path. */
  outline: string;
  /** What it reads as. */
  char: string;
  x: number;
  y: number;
  scale: number;
}

/** A piece of a line of text. */
export interface Piece {
  glyphs: Glyph[];
  width: number;
  /** The same in Unicode, for those who search or can't see it. */
  plain: string;
}

/** What is used of MathJax, which comes without types. */
interface MathJax {
  tex2svg(tex: string, options: { display: boolean }): unknown;
  startup: { adaptor: Adaptor; output: { font: MathFont } };
}

interface Adaptor {
  childNodes(node: unknown): unknown[];
  kind(node: unknown): string;
  getAttribute(node: unknown, name: string): string | null;
}

interface MathFont {
  constructor: { dynamicFiles: Record<string, unknown> };
  loadDynamicFile(file: unknown): Promise<void>;
}

const require = createRequire(import.meta.url);

const { tex2svg, startup: { adaptor, output: { font } } }: MathJax = await require("mathjax").init({
  loader: { load: ["input/tex", "output/svg", "[tex]/boldsymbol"] },
  tex: { packages: { "[+]": ["boldsymbol"], "[-]": ["noundefined", "noerrors"] } },
  svg: { fontCache: "none", linebreaks: { inline: false } },
});
// Letters beyond the usual ones, which MathJax would load while a formula waits.
for (const name of ["calligraphic", "double-struck", "script", "math", "symbols", "arrows"]) {
  await font.loadDynamicFile(font.constructor.dynamicFiles[name]);
}

const known = new Map<string, Piece>();

/**
 * Typesets a formula.
 *
 * @throws {SyntaxError} If MathJax doesn't know a command or a letter.
 */
export function formula(tex: string, bold = false): Piece {
  const key = bold ? `\\boldsymbol{${tex}}` : tex;
  const made = known.get(key) ?? convert(key);
  known.set(key, made);
  return made;
}

function convert(tex: string): Piece {
  const [svg] = adaptor.childNodes(tex2svg(tex, { display: false }));
  const [, , width] = (adaptor.getAttribute(svg, "viewBox") ?? "").split(" ").map(Number);
  const glyphs: Glyph[] = [];
  const walk = (node: unknown, place: Place): void => {
    const kind = adaptor.kind(node);
    const own = moved(place, adaptor.getAttribute(node, "transform") ?? "");
    if (adaptor.getAttribute(node, "data-mml-node") === "merror" || !PARTS.has(kind)) {
      throw new SyntaxError(
        `Cannot typeset a formula as MathJax must know it: current value is ${tex}`,
      );
    }
    if (kind === "path" || kind === "rect") glyphs.push({ ...own, ...shape(node, kind) });
    else for (const child of adaptor.childNodes(node)) walk(child, own);
  };
  // The outermost group turns y upward, as outlines are here.
  for (const child of adaptor.childNodes(svg)) {
    for (const node of adaptor.childNodes(child)) walk(node, { x: 0, y: 0, scale: 1 });
  }
  return { glyphs, width: width ?? 0, plain: plainly(glyphs) };
}

const PARTS = new Set(["g", "path", "rect"]);

type Place = Pick<Glyph, "x" | "y" | "scale">;

function moved(place: Place, transform: string): Place {
  let { x, y, scale } = place;
  for (const [, what, values = ""] of transform.matchAll(/(\w+)\(([^)]*)\)/g)) {
    const [first = 0, second = 0] = values.split(/[ ,]+/).map(Number);
    if (what === "translate") [x, y] = [x + scale * first, y + scale * second];
    else scale *= first;
  }
  return { x, y, scale };
}

function shape(node: unknown, kind: string): Pick<Glyph, "outline" | "char"> {
  const of = (name: string) => adaptor.getAttribute(node, name) ?? "0";
  if (kind === "rect") {
    const outline = `M${of("x")} ${of("y")}h${of("width")}v${of("height")}h-${of("width")}Z`;
    return { outline, char: "" };
  }
  return { outline: of("d"), char: String.fromCodePoint(parseInt(of("data-c"), 16)) };
}

/** Reads a formula's letters in order: `‖r‖₂ ≤ ε`, `Res_N`. */
function plainly(glyphs: readonly Glyph[]): string {
  let [read, level] = ["", ""];
  for (const { char, y, scale } of glyphs) {
    const letter = char.normalize("NFKC");
    const shift = scale === 1 || y === 0 ? "" : y < 0 ? "_" : "^";
    const small = (shift === "_" ? "₀₁₂₃₄₅₆₇₈₉" : "⁰¹²³⁴⁵⁶⁷⁸⁹")[Number(letter)];
    if (shift && small) read += small;
    else read += (shift && shift !== level && letter !== "∞" ? shift : "") + letter;
    level = shift;
  }
  return read.replace(/[=<>≤≥≈≠∈→+±×]/g, " $& ").replaceAll("  ", " ").trim();
}
