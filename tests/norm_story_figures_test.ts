/**
 * What the figures of notebook 4 draw, read from their SVG, and what they refuse.
 *
 * @module
 */
import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { bisection } from "$lib/plots/bisection.ts";
import { classNorms } from "$lib/plots/class_norms.ts";
import { eightBitCurve } from "$lib/plots/eight_bit.ts";
import { excess } from "$lib/plots/excess.ts";
import { type Figure, overflow } from "$lib/plots/figure.ts";
import { foundByBars } from "$lib/plots/found_by.ts";
import { normMatrix } from "$lib/plots/norm_matrix.ts";
import { pairedDifferences } from "$lib/plots/paired_differences.ts";
import { seedDots } from "$lib/plots/seed_dots.ts";
import { comparePairs } from "$lib/statistics/paired.ts";

/** The numbers of one attribute of all elements with a tag, only those of a colour if one is given. */
function numbers({ svg }: Figure, tag: string, name: string, only = ""): number[] {
  return [...svg.matchAll(new RegExp(`<${tag} [^>]*>`, "g"))].map(([element]) => element)
    .filter((element) => element.includes(only))
    .flatMap((element) => element.match(new RegExp(`\\b${name}="([^"]*)"`))?.[1] ?? [])
    .map(Number);
}

const rowsOf = (network: string, minNorms: number[], p = 2) =>
  minNorms.map((minNorm, image) => ({ network, p, image, minNorm }));

Deno.test("pairedDifferences() fills what Holm's correction leaves, right of 0 if the first is larger", () => {
  const many = Array.from({ length: 20 }, (_, i) => i / 10);
  const compared = comparePairs([
    ...rowsOf("A", many.map((one) => one + 1)),
    ...rowsOf("B", many),
    ...rowsOf("C", many.map((one, i) => one + (i % 2 ? 0.1 : -0.1))),
  ]);
  const figure = pairedDifferences(compared);
  // Marks of one kind stand in a group that has what they share.
  const group = /<g [^>]*fill="white"[^>]*>(?:<circle[^>]*>(?:<\/circle>)?)+/;
  const hollow = figure.svg.match(group)?.[0] ?? "";
  const dots = numbers(figure, "circle", "cx");
  const open = [...hollow.matchAll(/\bcx="([^"]*)"/g)].map(([, x]) => Number(x));
  assertEquals([dots.length, open.length], [3, 1]);
  const wide = dots.filter((x) => !open.includes(x));
  assert(wide.every((x) => x > open[0]! + 50), "A needs 1 more than B and C, which are alike");
  assert(
    !/NaN|Infinity/.test(
      pairedDifferences(comparePairs([
        ...rowsOf("A", [Infinity, Infinity, 1]),
        ...rowsOf("B", [1, 2, 3]),
      ])).svg,
    ),
  );
});

Deno.test("foundByBars() gives each attack its share of the bar", () => {
  const found = ["fmn", "fmn", "alma", null, null].map((foundBy, image) => (
    { network: "CNN", p: 2, image, foundBy, minNorm: [1, 2, 3, 0, Infinity][image]! }
  ));
  const widths = numbers(foundByBars(found), "rect", "width").slice(1)
    .filter((width) => width < 700);
  assertEquals(widths.length, 4);
  widths.forEach((width, i) =>
    assertAlmostEquals((width + 0.5) / (widths[1]! + 0.5), i ? 1 : 2, 0.02)
  );
});

Deno.test("classNorms() leaves misclassified images out of the classes reached", () => {
  const rows = [
    { ...rowsOf("CNN", [0])[0]!, label: 3, adversarialClass: 8 },
    { ...rowsOf("CNN", [0, 2])[1]!, label: 3, adversarialClass: 5 },
  ];
  const ys = numbers(classNorms(rows), "circle", "cy");
  assertEquals(ys.length, 2); // one true class, one class reached
  assert(ys[0]! > ys[1]!, "the median of 0 and 2 lies below 2");
});

Deno.test("normMatrix() draws small norms darkest, and infinite ones without a colour", () => {
  const cells = [[0, 1, 1], [0, 2, 2], [0, 3, Infinity]].map(([from, to, norm]) => (
    { from: from!, to: to!, norm: norm! }
  ));
  const { svg } = normMatrix(cells, { p: 2 });
  const fills = [...svg.matchAll(/<rect [^>]*fill="(rgb[^"]*)"/g)].map(([, fill]) => fill!);
  const sums = fills.map((fill) => fill.match(/\d+/g)!.map(Number).reduce((a, b) => a + b));
  assertEquals(sums.length, 2);
  assert(sums[0]! < sums[1]!);
});

Deno.test("excess() draws what is at the truth or nearer than rounding at its lower end", () => {
  const row = (median: number, worst: number, passes: number) => (
    { attack: "a", passes, median, worst }
  );
  const figure = excess([row(Infinity, Infinity, 3), row(0.1, 1, 10), row(-1e-6, 0, 100)], {
    ...{ network: "small", p: 2, images: 11 },
  });
  const ends = numbers(figure, "circle", "cy");
  assertEquals(ends.length, 2);
  assertEquals(ends[0], ends[1]);
});

Deno.test("seedDots() has a dot for each training with a median", () => {
  const rows = [1, 2, Infinity].map((median, training) => ({
    network: "A",
    p: 2,
    training,
    median,
  }));
  assertEquals(numbers(seedDots(rows, { images: 5 }), "circle", "cx").length, 2);
});

Deno.test("bisection() draws brackets without an upper end, and knows no norm that is infinite", () => {
  const figure = bisection([{ round: 1, norm: 2, found: false, low: 0, high: Infinity }], {
    ...{ p: 2, known: { norm: Infinity, name: "none" } },
  });
  assert(!/NaN|Infinity/.test(figure.svg));
  assertEquals(overflow(figure), 0);
});

Deno.test("eightBitCurve() rises to all images that have both norms", () => {
  const rows = rowsOf("CNN", [1, 1, 1, 0, Infinity]).map((row, i) => (
    { ...row, survives8bit: i === 0, minNorm8bit: [1, 1.1, 1.2, 0, Infinity][i]! }
  ));
  const figure = eightBitCurve(rows);
  const path = figure.svg.match(/stroke-width="2"[^>]*><path [^>]*\bd="([^"]*)"/)![1]!;
  const ys = [...new Set([...path.matchAll(/[,V](\d[\d.]*)/g)].map(([, y]) => Number(y)))];
  const shares = ys.map((y) => Math.round(100 * (182 - y) / (182 - 22)));
  assertEquals(shares.toSorted((a, b) => a - b), [0, 33, 67, 100]);
});

Deno.test("figures of notebook 4 refuse to draw nothing", () => {
  assertThrows(() => pairedDifferences([]), RangeError, "there must be pairs");
  assertThrows(() => foundByBars([]), RangeError, "there must be rows");
  assertThrows(() => classNorms([]), RangeError, "there must be rows");
  assertThrows(() => normMatrix([], { p: 2 }), RangeError, "there must be cells");
  assertThrows(() => bisection([], { p: 2, known: { norm: 1, name: "" } }), RangeError, "rows");
  assertThrows(
    () => excess([], { network: "", p: 2, images: 0 }),
    RangeError,
    "there must be rows",
  );
  assertThrows(() => seedDots([], { images: 0 }), RangeError, "there must be medians");
  assertThrows(() => eightBitCurve([]), RangeError, "there must be norms");
  const cell = { from: 1, to: 2, norm: 1 };
  assertThrows(() => normMatrix([cell, cell], { p: 2 }), RangeError, "current value is 1 to 2");
});
