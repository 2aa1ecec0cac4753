/**
 * Text as outlines: Computer Modern's letters with their kerning, and formulas between dollar signs.
 *
 * @module
 */
import { createRequire } from "node:module";
import { formula, type Glyph, type Piece } from "./formula.ts";
import { sizeAdjust, typefaces, type Weight } from "./theme.ts";

/** What is used of fontkit, which comes without types. */
interface Font {
  hasGlyphForCodePoint(code: number): boolean;
  layout(content: string): { glyphs: FontGlyph[]; positions: { xAdvance: number }[] };
}

interface FontGlyph {
  id: number;
  path: { commands: { command: string; args: number[] }[] };
}

const require = createRequire(import.meta.url);
const fonts = new Map<Weight, Font>();

function fontOf(weight: Weight): Font {
  const font: Font = fonts.get(weight) ??
    require("fontkit").openSync(require.resolve(typefaces[weight]));
  fonts.set(weight, font);
  return font;
}

/** The weight that a number or a word of CSS means. */
export function weightOf(value: string | number): Weight {
  return value === "bold" || Number(value) >= 600 ? 700 : 400;
}

/** CSS pixels of Computer Modern for a size of type as figures tell it. */
export function realSize(size: number, weight: Weight): number {
  return size * sizeAdjust[weight];
}

/** A formula, or letters up to the next one. A dollar sign that has no other is itself. */
const PIECES = /\$([^$]+)\$|‖r‖([₀₁₂₃₄₅₆₇₈₉]*∞?)|(?:(?!‖r‖)[^$])+|\$/g;

/** Cuts a line into letters and TeX; a norm in Unicode, `‖r‖₂`, is a formula, too. */
function cut(content: string): { letters: string; tex?: string }[] {
  return [...content.matchAll(PIECES)].map(([letters, tex, below]) => {
    if (tex !== undefined) return { letters, tex };
    if (below === undefined) return { letters };
    const order = below.replace(/./gu, (char) => SUBSCRIPTS[char] ?? "\\infty ");
    return { letters, tex: `\\lVert r\\rVert_{${order}}` };
  });
}

const SUBSCRIPTS: Record<string, string> = Object.fromEntries(
  [..."₀₁₂₃₄₅₆₇₈₉"].map((char, digit) => [char, String(digit)]),
);

/**
 * Typesets a line. What stands between two dollar signs is TeX.
 *
 * @throws {SyntaxError} If MathJax doesn't know a command.
 */
export function typeset(content: string, weight: Weight): Piece {
  const line: Piece = { glyphs: [], width: 0, plain: "" };
  for (const { letters, tex } of cut(content)) {
    const pieces = tex === undefined ? written(letters, weight) : [formula(tex, weight === 700)];
    for (const piece of pieces) {
      line.glyphs.push(...piece.glyphs.map((glyph) => ({ ...glyph, x: line.width + glyph.x })));
      line.width += piece.width;
      line.plain += piece.plain;
    }
  }
  return line;
}

/** Text with its formulas in Unicode, for alternative texts. */
export function plain(content: string): string {
  return cut(content).map(({ letters, tex }) => tex === undefined ? letters : formula(tex).plain)
    .join("");
}

/** Cuts text into letters; a formula is one. */
export function lettersOf(content: string): string[] {
  return cut(content).flatMap(({ letters, tex }) => tex === undefined ? [...letters] : [letters]);
}

/** Letters by the font, and what it lacks by MathJax. */
function written(letters: string, weight: Weight): Piece[] {
  const font = fontOf(weight);
  const has = (letter: string) => font.hasGlyphForCodePoint(letter.codePointAt(0) ?? 0);
  const runs: string[] = [];
  let before: boolean | undefined;
  for (const letter of letters) {
    const there = has(letter);
    if (there && before) runs[runs.length - 1] += letter;
    else runs.push(letter);
    before = there;
  }
  return runs.map((run) => has(run) ? laidOut(font, run) : symbol(run, font));
}

/** A letter that only MathJax has. One that nobody has is a box. */
function symbol(letter: string, font: Font): Piece {
  try {
    const digit = SUBSCRIPTS[letter];
    return { ...formula(digit === undefined ? letter : `{}_${digit}`), plain: letter };
  } catch {
    return laidOut(font, letter);
  }
}

function laidOut(font: Font, run: string): Piece {
  const { glyphs, positions } = font.layout(run.replaceAll("'", "’"));
  let x = 0;
  const placed = glyphs.map((glyph, i): Glyph => {
    const at = x;
    x += positions[i]?.xAdvance ?? 0;
    return { outline: outlineOf(glyph, font), char: "", x: at, y: 0, scale: 1 };
  });
  return { glyphs: placed.filter(({ outline }) => outline !== ""), width: x, plain: run };
}

const outlines = new Map<Font, Map<number, string>>();

function outlineOf({ id, path }: FontGlyph, font: Font): string {
  const own = outlines.get(font) ?? new Map<number, string>();
  outlines.set(font, own);
  const outline = own.get(id) ?? compact(path.commands);
  own.set(id, outline);
  return outline;
}

const LETTERS: Record<string, string> = {
  moveTo: "m",
  lineTo: "l",
  quadraticCurveTo: "q",
  bezierCurveTo: "c",
  closePath: "z",
};

/** Writes a path with whole numbers from point to point, which takes the fewest characters. */
function compact(commands: FontGlyph["path"]["commands"]): string {
  let [x, y, startX, startY] = [0, 0, 0, 0];
  return commands.map(({ command, args }) => {
    const rounded = args.map(Math.round);
    const steps = rounded.map((value, i) => value - (i % 2 === 0 ? x : y));
    if (rounded.length > 0) [x, y] = rounded.slice(-2) as [number, number];
    if (command === "moveTo") [startX, startY] = [x, y];
    if (command === "closePath") [x, y] = [startX, startY];
    return LETTERS[command] + steps.join(" ").replaceAll(" -", "-");
  }).join("");
}
