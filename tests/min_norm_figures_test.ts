/**
 * What the figures of minimal norms say and draw, read from their SVG.
 *
 * @module
 */
import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { anytime } from "$lib/plots/anytime.ts";
import { type Figure, overflow } from "$lib/plots/figure.ts";
import { minNormCurve, robustAccuracyCurve } from "$lib/plots/min_norm_curves.ts";
import { minNormHistogram } from "$lib/plots/min_norm_histogram.ts";
import type { MinNormRow } from "$lib/plots/min_norms.ts";
import { resistanceGallery } from "$lib/plots/resistance_gallery.ts";
import { robustAccuracy, wilson } from "$lib/statistics.ts";
import { normRows } from "./min_norm_examples.ts";

const rowsOf = (minNorms: number[], p = 2, network = "CNN"): MinNormRow[] =>
  minNorms.map((minNorm, image) => ({ network, p, image, minNorm }));

/** All numbers of the attribute `name` in the elements `tag`. */
const attributes = ({ svg }: Figure, tag: string, name: string) =>
  [...withoutLetters(svg).matchAll(new RegExp(`<${tag} [^>]*\\b${name}="([^"]*)"`, "g"))]
    .map(([, value]) => value!);

/** The outlines of letters are paths, too. */
const withoutLetters = (svg: string) => svg.replace(/<defs>.*?<\/defs>/, "");

/** What a reader reads. */
const words = ({ svg }: Figure) =>
  [...svg.matchAll(/<(?:text|tspan)[^>]*>([^<]+)/g)].map(([, content]) => content).join("\n");

Deno.test("a histogram counts every norm found above 0 once, pixel counts at whole numbers", () => {
  const figure = minNormHistogram(rowsOf([0, 1, 2, 2, 3, 3, 3, Infinity], 0));
  const of = (name: string) => attributes(figure, "rect", name).slice(-3).map(Number);
  const [places, widths, sizes] = [of("x"), of("width"), of("height")];
  const bars = places.map((x, i) => [x, widths[i]!, sizes[i]!] as const);
  assertEquals(attributes(figure, "rect", "x").length, 3); // the ground has none
  const heights = bars.map(([, , height]) => height / bars[0]![2]);
  heights.forEach((height, i) => assertAlmostEquals(height, i + 1, 0.01));
  const middles = bars.map(([x, width]) => x + width / 2);
  const unit = (720 - 34 - 14) / 3.5; // the axis between its margins ends at 3.5
  middles.forEach((middle, i) => assertAlmostEquals(middle, 34 + (i + 1) * unit, 0.6));
});

Deno.test("a histogram says the median over all images and how many have no norm to draw", () => {
  const said = words(minNormHistogram(rowsOf([0, 0, 1.25, 2, 3, Infinity, Infinity])));
  assert(said.includes("median 2.00 · 7 images · 2 misclassified · 2 not found"), said);
  assert(words(minNormHistogram(rowsOf([1, Infinity]))).includes("median ∞ · 2 images"));
});

/** The share in percent that each step of the line drawn is at, read by the axis. */
function stairs(figure: Figure): number[] {
  const path = attributes(figure, "path", "d").findLast((d) => d.startsWith("M34,"))!;
  const ys = [...path.matchAll(/[,V]([\d.]+)/g)].map(([, y]) => Number(y));
  return [...new Set(ys)].map((y) => 100 * (220 - y) / (220 - 28));
}

Deno.test("a cumulative curve begins at the misclassified images and ends at those found", () => {
  const shares = stairs(minNormCurve(rowsOf([0, 1, 1, 2, 3, 4, 5, Infinity])));
  assertEquals(shares.map(Math.round), [13, 38, 50, 63, 75, 88]);
});

Deno.test("a curve of robust accuracy falls from the accuracy to the share not found", () => {
  const minNorms = [0, 1, 1, 2, 3, 4, 5, Infinity];
  const shares = stairs(robustAccuracyCurve(rowsOf(minNorms)));
  const expected = [0, 1, 2, 3, 4, 5].map((at) => 100 * robustAccuracy(minNorms, at));
  shares.forEach((share, i) => assertAlmostEquals(share, expected[i]!, 0.01));
  assertEquals(shares.length, expected.length);
});

Deno.test("the band around robust accuracy is Wilson's interval", () => {
  const figure = robustAccuracyCurve(rowsOf([Infinity, Infinity, Infinity, Infinity]));
  const low = 100 * wilson(4, 4)[0];
  const ys = [
    ...attributes(figure, "path", "d").find((d) => d.endsWith("Z"))!.matchAll(/[,V]([\d.]+)/g),
  ]
    .map(([, y]) => 100 * (220 - Number(y)) / (220 - 28));
  assertAlmostEquals(Math.min(...ys), low, 0.01);
  assertAlmostEquals(Math.max(...ys), 100, 0.01);
});

Deno.test("curves of 10,000 images stay small, and what is left out can't be seen", () => {
  const rows = normRows("CNN", 2, 1, 10_000);
  assert(robustAccuracyCurve(rows).svg.length < 90_000);
  const shares = stairs(minNormCurve(rows));
  assert(shares.every((share, i) => i === 0 || share >= shares[i - 1]!));
  const found = rows.filter((row) => row.minNorm < Infinity).length;
  assertAlmostEquals(shares.at(-1)!, 100 * found / rows.length, 0.01);
});

Deno.test("an anytime curve leaves out what is infinite or far above the best", () => {
  const far = [{ attack: "far", passes: 10, median: 2 }, {
    attack: "none",
    passes: 9,
    median: 1 / 0,
  }];
  const near = [3, 30, 300].map((passes, i) => ({
    attack: "near",
    passes,
    median: [9, 1.2, 1][i]!,
  }));
  const figure = anytime([...far, ...near], { network: "CNN", p: 2, images: 10 });
  assert(words(figure).includes("Without a curve: far, none"));
  assertEquals(attributes(figure, "circle", "cx").length, 1);
  assert(!words(figure).includes("Mean"));
});

const pixels = new Float32Array(784).fill(0.5);
const resistant = (minNorms: number[]) =>
  rowsOf(minNorms).map((row) => ({
    ...row,
    ...{ label: 3, adversarialClass: 8, pixels, adversarial: pixels.map((v) => v + row.minNorm) },
  }));

Deno.test("a gallery shows the smallest norms, then the largest, each image once", () => {
  const rows = resistant([0.3, 0, 0.1, Infinity, 0.4, 0.2]);
  const shown = (digits: number) =>
    [...words(resistanceGallery(rows, { digits })).matchAll(/^image (\d)$/gm)].map(([, id]) => id);
  assertEquals(shown(3), ["2", "5", "4", "0"]);
  assertEquals(shown(1), ["2", "4"]);
  const said = resistanceGallery(rows).label;
  assert(said.includes("1 misclassified (norm 0), 1 not"), said);
});

Deno.test("a gallery of images that keep no picture shows none, and says so", () => {
  const rows = resistant([0.1, 0.2]).map((row) => ({ ...row, adversarial: null }));
  const { svg, label } = resistanceGallery(rows);
  assert(label.includes("2 not kept as pictures"), label);
  assert(!svg.includes("<image"));
});

const kinds = { minNormHistogram, minNormCurve, robustAccuracyCurve };

for (const [name, draw] of Object.entries(kinds)) {
  Deno.test(`${name}() draws a single row, also one that is 0 or not found`, () => {
    for (const norm of [1e-7, 1, 784, 0, Infinity]) {
      for (const p of norm < 1 && norm > 0 ? [1, Infinity] : [0, 1, Infinity]) {
        const figure = draw(rowsOf([norm], p));
        assertEquals(overflow(figure), 0);
        assert(!/NaN|Infinity|undefined/.test(figure.svg), `${norm} in norm ${p}`);
      }
    }
  });

  Deno.test(`${name}() refuses no rows, norms that are none, and an image that comes twice`, () => {
    assertThrows(() => draw([]), RangeError, "there must be rows: current value is none");
    assertThrows(() => draw(rowsOf([1, NaN])), RangeError, ">= 0: current value is NaN");
    assertThrows(() => draw(rowsOf([-1])), RangeError, ">= 0: current value is -1");
    const twice = [...rowsOf([1, 2]), ...rowsOf([3])];
    assertThrows(() => draw(twice), RangeError, "image 0 of CNN in L2");
  });
}

Deno.test("a gallery refuses rows of several networks or norms", () => {
  const rows = [...resistant([1]), { ...resistant([1])[0]!, p: Infinity }];
  assertThrows(() => resistanceGallery(rows), RangeError, "value is CNN in L2, CNN in L∞");
  assertThrows(() => resistanceGallery([]), RangeError, "there must be rows");
});

Deno.test("anytime() refuses no rows, passes that are none and norms that are none", () => {
  const options = { network: "CNN", p: 2, images: 1 };
  const draw = (passes: number, median: number) => () =>
    anytime([{ attack: "a", passes, median }], options);
  assertThrows(() => anytime([], options), RangeError, "there must be rows");
  assertThrows(draw(0, 1), RangeError, "passes must be above 0: current value is 0");
  assertThrows(draw(1, NaN), RangeError, "medians must be >= 0: current value is NaN");
  assert(!/NaN|Infinity/.test(draw(1, 0)().svg + draw(1, Infinity)().svg));
});
