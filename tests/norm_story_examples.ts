/**
 * Examples of the figures of notebook 4, from rows of known formulas.
 *
 * @module
 */
import { bisection } from "$lib/plots/bisection.ts";
import { classNorms } from "$lib/plots/class_norms.ts";
import { eightBitCurve } from "$lib/plots/eight_bit.ts";
import { excess } from "$lib/plots/excess.ts";
import type { Figure } from "$lib/plots/figure.ts";
import { foundByBars } from "$lib/plots/found_by.ts";
import { normMatrix } from "$lib/plots/norm_matrix.ts";
import { pairedDifferences } from "$lib/plots/paired_differences.ts";
import { seedDots } from "$lib/plots/seed_dots.ts";
import { comparePairs } from "$lib/statistics/paired.ts";
import { normRows } from "./min_norm_examples.ts";

const rows = [2, Infinity].flatMap((p) => [
  ...normRows("MLP", p, p === 2 ? 0.65 : 0.04, 60),
  ...normRows("CNN", p, p === 2 ? 1.5 : 0.12, 60),
  ...normRows("CNN_d", p, p === 2 ? 1.52 : 0.13, 60).map((row, i) => (
    { ...row, minNorm: row.minNorm * (i % 2 ? 0.98 : 1.03) }
  )),
]);
const finders = ["fmn", "alma", "brendel-bethge"];
const told = rows.map((row, i) => ({
  ...row,
  label: (row.image * 7) % 10,
  adversarialClass: row.minNorm === 0 || row.minNorm === Infinity ? null : (row.image * 3 + 1) % 10,
  foundBy: row.minNorm === 0 || row.minNorm === Infinity ? null : finders[i % 5 % 3]!,
  survives8bit: i % 3 > 0,
  minNorm8bit: row.minNorm * (1 + ((i * 5) % 11 - 1) / (row.p === 2 ? 1000 : 100)),
}));
const cells = Array.from({ length: 100 }, (_, i) => ({ from: Math.floor(i / 10), to: i % 10 }))
  .filter(({ from, to }) => from !== to)
  .map((cell) => ({ ...cell, norm: 0.5 + ((cell.from * 13 + cell.to * 7) % 17) / 8 }));
const tries = [[2, false], [4, true], [3, false], [3.5, true], [3.25, false]] as const;
let [low, high] = [0, Infinity];

/** How each figure is made. */
export const normStoryExamples: Record<string, () => Figure> = {
  "bisection": () => {
    [low, high] = [0, Infinity];
    const drawn = tries.map(([norm, found], i) => {
      const row = { round: i + 1, norm, found, low, high };
      if (found) high = norm;
      else low = norm;
      return row;
    });
    return bisection(drawn, { p: 2, known: { norm: 1.7, name: "found by the portfolio" } });
  },
  "excess": () =>
    excess(
      ["portfolio", "fmn"].flatMap((attack, k) =>
        Array.from({ length: 30 }, (_, i) => ({
          ...{ attack, passes: 4 * 1.2 ** i },
          ...{ median: i < 3 * k ? Infinity : (1 + k) * 1.5 ** -i, worst: 3 * 1.2 ** -i },
        }))
      ),
      { network: "784-16-16-10", p: 2, images: 11 },
    ),
  "paired_differences": () => pairedDifferences(comparePairs(rows, { samples: 200 })),
  "seed_dots": () =>
    seedDots(
      ["MLP", "CNN", "CNN_d"].flatMap((network, i) =>
        [0, 1, 2].flatMap((training) =>
          [2, Infinity].map((p) => ({
            ...{ network, p, training },
            median: (0.5 + 0.3 * i + 0.05 * training) * (p === 2 ? 1 : 0.1),
          }))
        )
      ),
      { images: 200 },
    ),
  "class_norms": () => classNorms(told.filter(({ network }) => network === "CNN")),
  "norm_matrix": () => normMatrix(cells, { p: 2, subtitle: "One image of each class" }),
  "norm_matrix_counts": () =>
    normMatrix(
      cells.filter((_, i) => i % 4 === 0).map((cell) => ({ ...cell, images: 3 * cell.to + 1 })),
      { p: 0, subtitle: "Medians, and how many images" },
    ),
  "found_by": () => foundByBars(told),
  "eight_bit": () => eightBitCurve(told),
};
