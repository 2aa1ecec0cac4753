/**
 * Figure: networks compared pair by pair on the same images.
 *
 * @module
 */
import * as Plot from "@observablehq/plot";
import type { Comparison } from "../statistics/paired.ts";
import { chart, colors, type Figure } from "./figure.ts";
import { textWidth } from "./measure.ts";
import { imageCount, normAxis, normTitle, panelFigure } from "./min_norms.ts";
import { titled } from "./titled.ts";

export interface PairedOptions {
  title?: string;
  subtitle?: string;
  /** From which corrected p-value on a difference may be chance. @default 0.05 */
  level?: number;
}

const LINE = 17;

/**
 * Draws the median difference of each pair with its bootstrap interval; those that may be chance,
 * after Holm's correction, are hollow.
 *
 * @throws {RangeError} If there are no comparisons.
 */
export function pairedDifferences(
  comparisons: readonly Comparison[],
  { level = 0.05, ...options }: PairedOptions = {},
): Figure {
  const [first] = comparisons;
  if (!first) {
    throw new RangeError("Cannot draw differences as there must be pairs: current value is none");
  }
  const { title = "Networks compared on the same images" } = options;
  const {
    subtitle = `Minimal norm at the first network less that at the second, image by image: ` +
      `the median over ${imageCount(first.images)} with its 95% bootstrap interval. Right of 0 ` +
      `the first needs more. Filled: not chance, at ${level} after Holm's correction over all ` +
      `${comparisons.length} tests of signs. Norms are upper bounds`,
  } = options;
  const norms = [...new Set(comparisons.map(({ p }) => p))];
  return panelFigure({ title, subtitle }, norms, (p, width) => {
    const own = comparisons.filter((one) => one.p === p);
    const height = 56 + LINE * own.length;
    const plot = plotted(own, { p, width, height, level });
    return titled({ title: normTitle(p), width, height, plot });
  });
}

interface Frame {
  p: number;
  width: number;
  height: number;
  level: number;
}

function plotted(comparisons: readonly Comparison[], { p, width, height, level }: Frame) {
  const rows = comparisons.map((one) => ({
    ...one,
    name: `${one.first} − ${one.second}`,
    low: finite(one.low),
    high: finite(one.high),
    color: one.adjusted >= level
      ? colors.muted
      : one.difference >= 0
      ? colors.clean
      : colors.adversarial,
  }));
  const place = { x: "difference", y: "name" } as const;
  const drawn = rows.filter(({ difference }) => Number.isFinite(difference));
  const sure = (one: typeof rows[number]) => one.adjusted < level;
  return chart({
    width,
    height,
    marginLeft: 14 + Math.max(...rows.map(({ name }) => textWidth(name, { size: 11 }))),
    marginRight: 16,
    marginTop: 8,
    marginBottom: 40,
    x: {
      label: `difference of ${normAxis(p)}`,
      labelAnchor: "center",
      labelArrow: "none",
      ticks: 4,
      nice: true,
      grid: true,
    },
    y: { label: null, domain: rows.map(({ name }) => name), tickSize: 0 },
    marks: [
      Plot.ruleX([0], { stroke: colors.ink }),
      Plot.ruleY(drawn, { y: "name", x1: "low", x2: "high", stroke: "color", strokeWidth: 2 }),
      Plot.dot(drawn.filter(sure), { ...place, r: 4, fill: "color", stroke: "white" }),
      Plot.dot(drawn.filter((one) => !sure(one)), {
        ...place,
        r: 3.5,
        fill: "white",
        stroke: "color",
        strokeWidth: 1.5,
      }),
    ],
  });
}

/** Ends of intervals that can't be drawn are left out by Plot when they are undefined. */
const finite = (value: number): number | undefined => Number.isFinite(value) ? value : undefined;
