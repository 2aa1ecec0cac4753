/**
 * Figure: how soon attacks find small perturbations.
 *
 * @module
 */
import * as Plot from "@observablehq/plot";
import { chart, count, element, type Figure, type SvgNode, text } from "./figure.ts";
import {
  type Block,
  imageCount,
  type Look,
  lookAt,
  normAxis,
  normTitle,
  note,
  panelFigure,
} from "./min_norms.ts";

/** Where one attack stood after some passes. */
export interface AnytimeRow {
  attack: string;
  /** Forward plus backward passes of each image, above 0. */
  passes: number;
  /** Median over all images of the smallest norm so far; `Infinity` until half of them have one. */
  median: number;
  /** Mean over all images; `Infinity` until all have one. */
  mean?: number;
}

/** What the attacks worked on. */
export interface AnytimeOptions {
  network: string;
  /** The norm that was made small. */
  p: number;
  /** How many images. */
  images: number;
  title?: string;
  subtitle?: string;
}

interface Point {
  passes: number;
  norm: number;
}

interface Curve extends Look {
  attack: string;
  points: Point[];
}

interface Group {
  name: "median" | "mean";
  /** Ends of the axis of norms. */
  from: number;
  to: number;
  curves: Curve[];
  /** Attacks that have no curve. */
  beyond: string[];
}

const CHART = 250;

/** Larger norms, as multiples of the smallest of all, are not drawn: the ends are what matters. */
const WORST = 1.5;

/**
 * Draws the median best norm of each attack against the passes that it took, and the mean beside it
 * where rows have one, for norms of at most 1.5 times the smallest of all.
 *
 * @throws {RangeError} If there are no rows, passes are not above 0, or a norm is negative or NaN.
 */
export function anytime(rows: readonly AnytimeRow[], options: AnytimeOptions): Figure {
  check(rows);
  const { network, p, images } = options;
  const { title = `How soon attacks find small perturbations: ${network}, ${normTitle(p)}` } =
    options;
  const {
    subtitle = `Over ${imageCount(images)}, of the smallest norms found so far, which are ` +
      "upper bounds of the minimal perturbations. One gradient is two passes. Curves begin where " +
      `they are finite and at most ${WORST} times the smallest of all. Dots: where attacks end`,
  } = options;
  const attacks = [...new Set(rows.map((row) => row.attack))];
  const series = attacks.map((name, place) => ({ name, ...lookAt(place) }));
  const groups = (["median", "mean"] as const).filter((name) =>
    rows.some((row) => row[name] !== undefined)
  ).map((name) => grouped(rows, attacks, name));
  const passes = passesDrawn(groups.flatMap(({ curves }) => curves));
  return panelFigure(
    { title, subtitle, series },
    groups,
    (group, width) => panel(group, { width, passes, p }),
  );
}

function check(rows: readonly AnytimeRow[]): void {
  const fail = (rule: string, value: unknown) =>
    new RangeError(`Cannot draw an anytime curve as ${rule}: current value is ${value}`);
  if (rows.length === 0) throw fail("there must be rows", "none");
  for (const { passes, median, mean = median } of rows) {
    if (!(passes > 0 && passes < Infinity)) throw fail("passes must be above 0", passes);
    if (!(median >= 0)) throw fail("medians must be >= 0", median);
    if (!(mean >= 0)) throw fail("means must be >= 0", mean);
  }
}

function grouped(
  rows: readonly AnytimeRow[],
  attacks: readonly string[],
  name: Group["name"],
): Group {
  const norms = rows.map((row) => row[name] ?? Infinity).filter(Number.isFinite);
  const smallest = Math.min(...norms, Infinity);
  const largest = smallest > 0 ? WORST * smallest : Math.max(...norms);
  const all = attacks.map((attack, place): Curve => {
    const points = rows.filter((row) => row.attack === attack)
      .map((row) => ({ passes: row.passes, norm: row[name] ?? Infinity }))
      .filter(({ norm }) => norm <= largest && norm < Infinity)
      .sort((a, b) => a.passes - b.passes);
    return { attack, ...lookAt(place), points: corners(points) };
  });
  const drawn = all.flatMap(({ points }) => points.map(({ norm }) => norm));
  const [from, to] = [Math.min(...drawn, Infinity), Math.max(...drawn, -Infinity)];
  const room = 0.06 * (to - from) || 0.1 * to || 0.1;
  return {
    name,
    from: Math.max(0, from - room),
    to: to + room,
    curves: all.filter(({ points }) => points.length > 0),
    beyond: all.filter(({ points }) => points.length === 0).map(({ attack }) => attack),
  };
}

/** The points where the value changes, and the last one. */
function corners(points: readonly Point[]): Point[] {
  return points.filter(({ norm }, i) => norm !== points[i - 1]?.norm || i === points.length - 1);
}

interface Frame {
  width: number;
  /** Ends of the axis of passes. */
  passes: readonly [first: number, last: number];
  p: number;
}

function panel(group: Group, { width, passes, p }: Frame): Block {
  const { name, curves, beyond } = group;
  const node = element(
    "g",
    {},
    text(0, 12, `${name === "mean" ? "Mean" : "Median"} ${normTitle(p)}, ${normAxis(p)}`, {
      size: 13,
      weight: 700,
      anchor: "start",
    }),
  );
  let height = 20;
  if (beyond.length > 0) {
    const missing = note(`Without a curve: ${beyond.join(", ")}`, width);
    node.appendChild(element("g", { transform: "translate(0,28)" }, missing.node));
    height += missing.height;
  }
  if (curves.length > 0) {
    const plot = plotted(group, width, passes);
    node.appendChild(element("g", { transform: `translate(0,${height})` }, plot));
    height += CHART;
  }
  return { node, height };
}

function plotted(
  { from, to, curves }: Group,
  width: number,
  [first, last]: Frame["passes"],
): SvgNode {
  return chart({
    width,
    height: CHART,
    marginLeft: 44,
    marginRight: 14,
    marginTop: 12,
    marginBottom: 40,
    // A logarithmic axis, by hand: that of d3 leaves labels out.
    x: {
      label: "passes per image",
      labelAnchor: "center",
      labelArrow: "none",
      domain: [Math.log10(first), Math.log10(last)],
      ticks: roundWithin(first, last).map(Math.log10),
      tickFormat: (power: number) => count(Math.round(10 ** power)),
    },
    y: { label: null, domain: [from, to], grid: true, ticks: 6 },
    marks: curves.flatMap(({ points, color, dashes }) => {
      const place = { x: (point: Point) => Math.log10(point.passes), y: "norm" };
      return [
        Plot.lineY(points, {
          ...place,
          curve: "step-after",
          stroke: color,
          strokeWidth: 2,
          strokeDasharray: dashes || "none",
        }),
        Plot.dot(points.slice(-1), { ...place, fill: color, stroke: "white", r: 4 }),
      ];
    }),
  });
}

/** Ends of the axis of passes. */
function passesDrawn(curves: readonly Curve[]): [number, number] {
  const passes = curves.flatMap(({ points }) => points.map((point) => point.passes));
  const [first, last] = [Math.min(...passes), Math.max(...passes)];
  return first < last ? [first, last] : [first / 2, 2 * first];
}

/** Round numbers from `first` to `last`; the ends themselves if there are too few. */
function roundWithin(first: number, last: number): number[] {
  const powers = Array.from({ length: 12 }, (_, i) => 10 ** i);
  const round = powers.flatMap((power) => [power, 2 * power, 5 * power])
    .filter((number) => number >= first && number <= last);
  return round.length > 1 ? round : [Math.ceil(first), Math.floor(last)];
}
