/**
 * Figure: how far above the true minimal norms attacks still are, against the passes they took.
 *
 * @module
 */
import * as Plot from "@observablehq/plot";
import { chart, count, type Figure } from "./figure.ts";
import { imageCount, type Look, lookAt, normTitle, panelFigure } from "./min_norms.ts";
import { titled } from "./titled.ts";

/** Where an attack stood after some passes: how far above the truth, as a share of it. */
export interface ExcessRow {
  attack: string;
  /** Forward plus backward passes of each image. */
  passes: number;
  /** Median over the images, and the worst of them; `Infinity` where none was found. */
  median: number;
  worst: number;
}

export interface ExcessOptions {
  network: string;
  p: number;
  /** How many, all with a true norm above 0. */
  images: number;
  title?: string;
  subtitle?: string;
}

const HEIGHT = 270;

/** Nearer than this is as good as there: attacks keep a margin to the border of this order. */
const FLOOR = 1e-5;

/**
 * Draws the median image and the worst image of each attack, both axes logarithmic.
 *
 * @throws {RangeError} If there are no rows, or none is finite.
 */
export function excess(rows: readonly ExcessRow[], options: ExcessOptions): Figure {
  const { network, p, images } = options;
  const finite = rows.filter(({ median, passes }) => median < Infinity && passes > 0);
  if (finite.length === 0) {
    throw new RangeError("Cannot draw an excess as there must be rows: current value is none");
  }
  const { title = `How far above the truth: ${network}, ${normTitle(p)}` } = options;
  const {
    subtitle = `${imageCount(images)} whose minimal norm is known exactly. How much larger the ` +
      "smallest norm found so far is, in percent of the true one; 0.001% and less are drawn as " +
      "0.001%. One gradient is two passes",
  } = options;
  const attacks = [...new Set(rows.map((row) => row.attack))];
  const series = attacks.map((name, place) => ({ name, ...lookAt(place) }));
  const passes = finite.map((row) => row.passes);
  const ends = [Math.min(...passes), Math.max(...passes)] as const;
  const tops = rows.flatMap(({ median, worst }) => [median, worst]).filter(Number.isFinite);
  const top = Math.max(10 * FLOOR, ...tops);
  return panelFigure(
    { title, subtitle, series },
    ["median", "worst"] as const,
    (kind, width) =>
      titled({
        title: kind === "median" ? "The image in the middle" : "The worst image",
        width,
        height: HEIGHT,
        plot: plotted(rows, series, { kind, width, ends, top }),
      }),
  );
}

interface Frame {
  kind: "median" | "worst";
  width: number;
  ends: readonly [first: number, last: number];
  top: number;
}

function plotted(
  rows: readonly ExcessRow[],
  series: readonly (Look & { name: string })[],
  { kind, width, ends, top }: Frame,
) {
  const powers = [-5, -4, -3, -2, -1, 0, 1, 2].filter((power) => 10 ** power <= top);
  return chart({
    width,
    height: HEIGHT,
    marginLeft: 50,
    marginRight: 14,
    marginTop: 12,
    marginBottom: 40,
    // Logarithmic axes, by hand: those of d3 leave labels out.
    x: {
      label: "passes per image",
      labelAnchor: "center",
      labelArrow: "none",
      domain: [Math.log10(ends[0]), Math.log10(ends[1]) + 0.02],
      ticks: [3, 10, 30, 100, 300, 1000, 3000, 10000].filter((one) =>
        one >= ends[0] && one <= ends[1]
      ).map(Math.log10),
      tickFormat: (power: number) => count(Math.round(10 ** power)),
    },
    y: {
      label: null,
      domain: [Math.log10(FLOOR) - 0.1, Math.log10(top) + 0.1],
      ticks: powers,
      tickFormat: (power: number) => `${Number((100 * 10 ** power).toPrecision(1))}%`,
      grid: true,
    },
    marks: series.flatMap(({ name, color, dashes }) => {
      const own = rows.filter((row) => row.attack === name && row[kind] < Infinity)
        .map((row) => ({
          x: Math.log10(row.passes),
          y: Math.log10(Math.max(FLOOR, row[kind])),
        }))
        .sort((a, b) => a.x - b.x);
      const place = { x: "x", y: "y" };
      return [
        Plot.lineY(own, {
          ...place,
          curve: "step-after",
          stroke: color,
          strokeWidth: 2,
          strokeDasharray: dashes || "none",
        }),
        Plot.dot(own.slice(-1), { ...place, fill: color, stroke: "white", r: 4 }),
      ];
    }),
  });
}
