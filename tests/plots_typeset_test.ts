/**
 * How lines of text and formulas are set.
 *
 * @module
 */
import * as Plot from "@observablehq/plot";
import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { chart, figure, text, toPng } from "$lib/plots/figure.ts";
import { formula } from "$lib/plots/formula.ts";
import { textWidth, wrapped } from "$lib/plots/measure.ts";
import { lettersOf, plain, typeset } from "$lib/plots/typeset.ts";

const drawn = (content: string) =>
  figure({ label: content, width: 300, height: 40 }, [
    { node: text(5, 25, content, { anchor: "start" }) },
  ]);

Deno.test("letters have Computer Modern's widths and kerning", () => {
  // cmr10's widths of i and m are 277.8 and 833.3 thousandths, A and V overlap by 111.1.
  assertAlmostEquals(typeset("im", 400).width, 277.8 + 833.3, 1.5);
  const [a, v, together] = ["A", "V", "AV"].map((word) => typeset(word, 400).width);
  assertAlmostEquals(together!, a! + v! - 111.1, 1.5);
});

Deno.test("a formula has the widths of TeX", () => {
  // cmmi10's r is 451.4 wide and slanted by 27.8; the bars are 500 each.
  assertAlmostEquals(formula("r").width, 451, 1.5);
  assertAlmostEquals(formula("\\lVert r\\rVert").width, 451 + 2 * 398, 110);
});

Deno.test("text around a formula is moved by its width", () => {
  const { width, glyphs } = typeset("a $r$ b", 400);
  const sum = ["a ", "$r$", " b"].reduce((sum, part) => sum + typeset(part, 400).width, 0);
  assertAlmostEquals(width, sum, 1e-9);
  assertEquals(glyphs.length, 3);
});

Deno.test("a formula is bold in bold text", () => {
  assert(typeset("$r$", 700).width > typeset("$r$", 400).width + 20);
});

for (
  const [tex, read] of [
    ["\\lVert r\\rVert_2\\le\\varepsilon", "‖r‖₂ ≤ ε"],
    ["\\lVert r\\rVert_\\infty", "‖r‖∞"],
    ["\\mathrm{Res}_N", "Res_N"],
    ["L_{10}", "L₁₀"],
    ["x + t\\,r", "x + tr"],
    ["10^3", "10³"],
  ] as const
) {
  Deno.test(`$${tex}$ reads ${read}`, () => assertEquals(plain(`$${tex}$`), read));
}

Deno.test("a norm in Unicode is set as its formula", () => {
  const outlines = (content: string) => typeset(content, 400).glyphs.map((glyph) => glyph.outline);
  assertEquals(outlines("‖r‖₂ = 1"), outlines("$\\lVert r\\rVert_{2}$ = 1"));
  assertEquals(outlines("‖r‖∞"), outlines("$\\lVert r\\rVert_{\\infty}$"));
});

Deno.test("a dollar sign alone is a dollar sign", () => {
  assertEquals(plain("5 $ a digit"), "5 $ a digit");
  assertEquals(typeset("5 $ a digit", 400).glyphs.length, 8);
});

Deno.test("an unknown command is an error that names the formula", () => {
  assertThrows(() => typeset("$\\nosuch$", 400), SyntaxError, "current value is \\nosuch");
});

Deno.test("lines are never broken or cut within a formula", () => {
  assertEquals(lettersOf("a$b c$d"), ["a", "$b c$", "d"]);
  const content = "one $x + t\\,r$ two";
  assertEquals(wrapped(content, textWidth("$x + t\\,r$") + 1), ["one", "$x + t\\,r$", "two"]);
});

Deno.test("letters that the font lacks are set by MathJax, and as boxes if it lacks them too", () => {
  for (const content of ["∞", "ℓ", "₂", "中"]) {
    const { glyphs, width } = typeset(content, 400);
    assert(glyphs.length === 1 && width > 100, content);
  }
});

Deno.test("an SVG shows its letters without any font, and keeps the words", () => {
  const { svg, label } = drawn("error $\\varepsilon$ & co");
  assertEquals(label, "error ε & co");
  assert(svg.includes('aria-label="error ε &amp; co"'));
  const visible = svg.replaceAll(/<text[^>]*>[^<]*<\/text>/g, "");
  assertEquals(toPng({ svg: visible }), toPng({ svg }));
  assert(svg.includes(">error ε &amp; co</text>"));
  assert(toPng({ svg }).length > toPng(drawn(" ")).length + 500, "the letters left no mark");
});

Deno.test("a mark with two lines of text is refused, not drawn over itself", () => {
  const marks = [Plot.text(["one\ntwo"], { x: 0, y: 0 })];
  const make = () =>
    figure({ label: "", width: 100, height: 100 }, [{ node: chart({ marks, width: 100 }) }]);
  assertThrows(make, TypeError, "must be one line: current value is onetwo");
});

Deno.test("text ends and is centred where its anchor says", () => {
  const place = (anchor: string) => {
    const { svg } = figure({ label: "", width: 300, height: 40 }, [
      { node: text(150, 25, "im", { anchor }) },
    ]);
    return Number(/translate\(([\d.]+),25\)/.exec(svg)![1]);
  };
  const width = textWidth("im");
  assertAlmostEquals(place("start"), 150, 0.01);
  assertAlmostEquals(place("middle"), 150 - width / 2, 0.01);
  assertAlmostEquals(place("end"), 150 - width, 0.01);
});
