/**
 * Figures: the share of images within a norm, and the share that withstands it, against the norm.
 *
 * @module
 */
import * as Plot from "@observablehq/plot";
import { median, robustAccuracy, wilson } from "../statistics.ts";
import { chart, element, type Figure, text } from "./figure.ts";
import type { MinNormFigureOptions } from "./min_norm_histogram.ts";
import {
  type Block,
  byNorm,
  groupNote,
  largestNorm,
  type MinNormRow,
  type NetworkNorms,
  normAxis,
  type NormGroup,
  normTitle,
  note,
  panelFigure,
} from "./min_norms.ts";
import { apart } from "./stairs.ts";

/** A place on a curve; shares in percent. */
interface Point {
  at: number;
  /** Share of images with a larger norm. */
  above: number;
  /** 95% interval around it. */
  low: number;
  high: number;
}

interface Curve extends NetworkNorms {
  points: Point[];
}

/**
 * Draws, for each network, the share of images whose minimal norm is at most x.
 *
 * @throws {RangeError} If there are no rows, a norm is negative or NaN, or an image comes twice.
 */
export function minNormCurve(
  rows: readonly MinNormRow[],
  options: MinNormFigureOptions = {},
): Figure {
  const { title = "Share of images with a perturbation of norm $x$ or less" } = options;
  const {
    subtitle = "Each norm found is an upper bound of the image's minimal perturbation, so " +
      "the true curves lie at or above these. They begin at the misclassified images and end at " +
      "those found. Dots: medians",
  } = options;
  return curves(rows, { title, subtitle }, {
    y: "share of images (%)",
    x: (p) => `$x$ = ${normAxis(p)}`,
    marks: (curve) => [
      line(curve, (point) => 100 - point.above),
      Plot.dot([median(curve.minNorms)].filter(Number.isFinite), {
        x: (norm: number) => norm,
        y: 50,
        r: 4,
        fill: curve.color,
        stroke: "white",
      }),
    ],
  });
}

/**
 * Draws, for each network, the share of images whose minimal norm is above epsilon, with a 95%
 * Wilson band.
 *
 * @throws {RangeError} If there are no rows, a norm is negative or NaN, or an image comes twice.
 */
export function robustAccuracyCurve(
  rows: readonly MinNormRow[],
  options: MinNormFigureOptions = {},
): Figure {
  const { title = "Robust accuracy against $\\varepsilon$" } = options;
  const {
    subtitle = "Share of all images with no perturbation found of norm $\\varepsilon$ or less. " +
      "Norms found are upper bounds, so the true curves lie at or below these. Bands: 95% Wilson " +
      "intervals for images drawn at random",
  } = options;
  return curves(rows, { title, subtitle }, {
    y: "robust accuracy (%)",
    x: (p) => `$\\varepsilon$, largest ${normAxis(p)}`,
    behind: (curve, networks) =>
      Plot.areaY(curve.points, {
        x: "at",
        y1: "low",
        y2: "high",
        curve: "step-after",
        fill: curve.color,
        fillOpacity: Math.min(0.15, 0.6 / networks), // many bands lie over each other
      }),
    marks: (curve) => [line(curve, (point) => point.above)],
  });
}

interface Kind {
  y: string;
  x: (p: number) => string;
  /** What is drawn below all curves. */
  behind?: (curve: Curve, networks: number) => Plot.Markish;
  marks: (curve: Curve) => Plot.Markish[];
}

function line({ points, color, dashes }: Curve, value: (point: Point) => number) {
  return Plot.lineY(points, {
    x: "at",
    y: value,
    curve: "step-after",
    stroke: color,
    strokeWidth: 2,
    strokeDasharray: dashes || "none",
  });
}

function curves(
  rows: readonly MinNormRow[],
  { title, subtitle }: { title: string; subtitle: string },
  kind: Kind,
): Figure {
  const groups = byNorm(rows, "curves");
  const series = new Map(
    groups.flatMap(({ networks }) =>
      networks.map((one) => [one.network, { ...one, name: one.network }] as const)
    ),
  );
  const head = { title, subtitle, series: [...series.values()] };
  return panelFigure(head, groups, (group, width) => {
    const top = Math.max(...groups.map((one) => note(groupNote(one), width).height));
    return panel(group, { width, top }, kind);
  });
}

function panel(
  group: NormGroup,
  { width, top }: { width: number; top: number },
  kind: Kind,
): Block {
  const end = largestNorm(group) * 1.02;
  const drawn = group.networks.map((one) => ({ ...one, points: steps(one.minNorms, end) }));
  const facts = note(groupNote(group), width);
  const plot = chart({
    width,
    height: 260,
    marginLeft: 34,
    marginRight: 10,
    marginTop: 28,
    marginBottom: 40,
    x: {
      label: kind.x(group.p),
      labelAnchor: "center",
      labelArrow: "none",
      domain: [0, end],
      ticks: 6,
    },
    y: { label: kind.y, domain: [0, 100], grid: true, ticks: 5 },
    marks: [
      ...drawn.map((curve) => kind.behind?.(curve, drawn.length) ?? null),
      ...drawn.flatMap(kind.marks),
    ],
  });
  const node = element(
    "g",
    {},
    text(0, 12, normTitle(group.p), { size: 13, weight: 700, anchor: "start" }),
    element("g", { transform: "translate(0,28)" }, facts.node),
    element("g", { transform: `translate(0,${top + 22})` }, plot),
  );
  return { node, height: top + 22 + 260 };
}

/** Finer steps than this share of the axis can't be seen, and would make files large. */
const FINEST = 1 / 800;

/** The curve as a step function from 0 to `end`: its value right of each norm. */
function steps(minNorms: readonly number[], end: number): Point[] {
  const sorted = minNorms.filter((norm) => norm > 0 && norm < Infinity).sort((a, b) => a - b);
  return [0, ...apart(sorted, FINEST * end), end].map((at) => {
    const share = robustAccuracy(minNorms, at);
    const [low, high] = wilson(Math.round(share * minNorms.length), minNorms.length);
    return { at, above: 100 * share, low: 100 * low, high: 100 * high };
  });
}
