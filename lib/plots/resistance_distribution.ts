/**
 * Figure: how resistances are distributed, of images classified rightly and wrongly.
 *
 * @module
 */
import { count, type Figure } from "./figure.ts";
import { lineFigure, type LinePoint, thinned } from "./line_panels.ts";

/** The resistances of one image; infinite where the attack failed. */
export interface ResistanceDistributionRow {
  resN: number;
  resMax: number;
  resMin: number;
  wrong: boolean;
}

const panels = [
  { key: "resN", title: "$\\mathrm{Res}_N$", unit: "norm at the end" },
  { key: "resMax", title: "$\\mathrm{Res}_{\\max}$", unit: "largest norm" },
  { key: "resMin", title: "$\\mathrm{Res}_{\\min}$", unit: "steps until $c \\leq 0.2$" },
] as const;

/**
 * Draws for each resistance the share of images with at most that, of either kind. Infinite ones keep
 * the curve below 100 %: they are counted, not placed.
 *
 * @throws {RangeError} If there are no images of either kind.
 */
export function resistanceDistribution(
  rows: readonly ResistanceDistributionRow[],
  { title = "Resistances", subtitle = "" } = {},
): Figure {
  const groups = [
    { name: "wrongly classified", own: rows.filter(({ wrong }) => wrong) },
    { name: "rightly classified", own: rows.filter(({ wrong }) => !wrong) },
  ];
  for (const { name, own } of groups) {
    if (own.length > 0) continue;
    throw new RangeError(
      `Cannot draw resistances as there must be images of both kinds: none is ${name}`,
    );
  }
  const counted = groups.map(({ name, own }) => {
    const infinite = own.filter(({ resN }) => resN === Infinity).length;
    return `${count(own.length)} ${name}, ${count(infinite)} of them infinite`;
  }).join("; ");
  const words = [subtitle, counted, "axes stretched near 0"].filter(Boolean).join("; ");
  return lineFigure({
    title,
    subtitle: words,
    label: `${title}. ${words}`,
    panels: panels.map(({ key, title, unit }) => {
      const most = Math.max(...rows.map((row) => row[key]).filter(Number.isFinite), 0);
      return {
        title,
        x: { label: unit, domain: [0, most || 1] as const, type: "sqrt" as const },
        y: { label: "share with at most that", domain: [0, 1] as const, percent: true },
        lines: groups.map(({ name, own }) => (
          { name, points: cumulative(own.map((row) => row[key]), most), kind: "step" as const }
        )),
      };
    }),
  });
}

/** The share of values up to each. */
function cumulative(values: readonly number[], most: number): LinePoint[] {
  const sorted = values.filter(Number.isFinite).sort((a, b) => a - b);
  const places = sorted.map((x, i) => ({ x, y: (i + 1) / values.length }));
  const all = [{ x: 0, y: 0 }, ...places, { x: most, y: sorted.length / values.length }];
  return thinned(all, { x: Math.sqrt });
}
