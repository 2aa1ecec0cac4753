/**
 * Figure: what it costs that an adversarial image has 256 levels of grey only.
 *
 * @module
 */
import * as Plot from "@observablehq/plot";
import { quantile } from "../statistics.ts";
import { chart, colors, type Figure, percent } from "./figure.ts";
import { type Look, lookAt, type MinNormRow, normTitle, panelFigure } from "./min_norms.ts";
import { apart } from "./stairs.ts";
import { titled } from "./titled.ts";

/** The smallest perturbation found for one image, with and without rounding. */
export interface EightBitRow extends MinNormRow {
  survives8bit: boolean | null;
  /** The smallest norm found over images of 256 levels. */
  minNorm8bit: number | null;
}

const HEIGHT = 220;

/**
 * Draws, for each network, the share of images whose smallest norm in 256 levels is larger than that
 * without rounding by at most x percent.
 *
 * @throws {RangeError} If no row has both norms, finite and above 0.
 */
export function eightBitCurve(
  rows: readonly EightBitRow[],
  options: { title?: string; subtitle?: string } = {},
): Figure {
  const drawn = rows.flatMap(({ minNorm8bit, minNorm, ...row }) =>
    minNorm > 0 && minNorm < Infinity && minNorm8bit !== null && minNorm8bit < Infinity
      ? [{ ...row, cost: 100 * (minNorm8bit / minNorm - 1) }]
      : []
  );
  if (drawn.length === 0) {
    throw new RangeError("Cannot draw what rounding costs as there must be norms: none");
  }
  const { title = "What 256 levels of grey cost" } = options;
  const {
    subtitle = "Share of images whose smallest norm found among images of 8 bits is at most x " +
      "percent above the smallest norm found. Left of 0, the search among 8-bit images found " +
      "the smaller one. The ends, 2% of the images on either side, are cut off",
  } = options;
  const networks = [...new Set(rows.map(({ network }) => network))];
  const series = networks.map((name, place) => ({ name, ...lookAt(place) }));
  const norms = [...new Set(drawn.map(({ p }) => p))].sort((a, b) => a - b);
  return panelFigure({ title, subtitle, series }, norms, (p, width) => {
    const own = drawn.filter((row) => row.p === p);
    const all = rows.filter((row) => row.p === p && row.minNorm > 0 && row.minNorm < Infinity);
    const survive = all.filter(({ survives8bit }) => survives8bit).length / all.length;
    return titled({
      title: normTitle(p),
      words: `${percent(survive, 0)} stay adversarial when they are simply rounded`,
      width,
      height: HEIGHT,
      plot: plotted(own, series, width),
    });
  });
}

interface Cost {
  network: string;
  cost: number;
}

function plotted(
  rows: readonly Cost[],
  series: readonly (Look & { name: string })[],
  width: number,
) {
  const costs = rows.map(({ cost }) => cost);
  const [low, high] = [Math.min(0, quantile(costs, 0.02)), Math.max(0, quantile(costs, 0.98))];
  const room = 0.05 * (high - low) || 1;
  const domain = [low - room, high + room] as const;
  return chart({
    width,
    height: HEIGHT,
    marginLeft: 34,
    marginRight: 14,
    marginTop: 22,
    marginBottom: 38,
    x: {
      label: "larger by (%)",
      labelAnchor: "center",
      labelArrow: "none",
      domain,
      ticks: 6,
    },
    y: { label: "share of images (%)", domain: [0, 100], ticks: 5, grid: true },
    marks: [
      Plot.ruleX([0], { stroke: colors.muted }),
      ...series.map(({ name, color, dashes }) =>
        Plot.lineY(shares(rows.filter((row) => row.network === name), domain), {
          ...{ x: "at", y: "share", curve: "step-after", stroke: color, strokeWidth: 2 },
          strokeDasharray: dashes || "none",
        })
      ),
    ],
  });
}

/** Finer steps than this share of the axis can't be seen, and would make files large. */
const FINEST = 1 / 800;

/** The share at or below each cost, from one end of the axis to the other. */
function shares(rows: readonly Cost[], [low, high]: readonly [number, number]) {
  const sorted = rows.map(({ cost }) => cost).sort((a, b) => a - b);
  const below = (at: number) => 100 * sorted.filter((cost) => cost <= at).length / sorted.length;
  const inside = sorted.filter((cost) => cost > low && cost < high);
  const places = [low, ...apart(inside, FINEST * (high - low)), high];
  return sorted.length === 0 ? [] : places.map((at) => ({ at, share: below(at) }));
}
