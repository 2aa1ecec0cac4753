/**
 * Panels of lines with one legend: what the figures of rankings and resistances have in common.
 *
 * @module
 */
import * as Plot from "@observablehq/plot";
import { chart, colors, element, type Figure, figure, heading, type Part, text } from "./figure.ts";
import { textWidth, wrapped } from "./measure.ts";
import type { SvgNode } from "./svg.ts";
import { type Look, lookAt } from "./theme.ts";

/** A place on a line. */
export interface LinePoint {
  x: number;
  y: number;
  /** Ends of an interval around y, drawn as a bar. */
  low?: number;
  high?: number;
}

/** A line. Those of one name look alike in all panels. */
export interface Line {
  name: string;
  points: readonly LinePoint[];
  /** How it goes from point to point, or dots joined by a line. @default "line" */
  kind?: "line" | "step" | "dots";
}

/** What an axis says. */
export interface Axis {
  label: string;
  domain?: readonly [number, number];
  /** @default "linear" */
  type?: "linear" | "sqrt";
  ticks?: number | readonly number[];
  /** Whether values are shares, written as percentages. */
  percent?: boolean;
  /** How values are written. @default as they are */
  write?: (value: number) => string;
}

/** A chart among others. */
export interface LinePanel {
  title?: string;
  x: Axis;
  y: Axis;
  lines: readonly Line[];
  /** Lines to compare with, across the whole panel, in grey. */
  rules?: readonly { at: number; across: "x" | "y"; label?: string }[];
  /** Whether to draw x = y in grey. */
  diagonal?: boolean;
}

/** What a figure is made of. */
export interface LineFigure {
  title: string;
  subtitle?: string;
  /** For those who can't see it. */
  label: string;
  panels: readonly LinePanel[];
  /** Panels side by side. @default all */
  columns?: number;
  /** Of one panel, in CSS pixels. */
  size?: { width: number; height: number };
  /** Names in the order of their looks. @default as they come */
  names?: readonly string[];
  /** Whether to explain the looks, where panels do not do it by their titles. @default true */
  legend?: boolean;
}

/** Places on a line that are further apart than this share of the panel: others can't be seen. */
const FINEST = 1 / 400;

/**
 * Thins points out: those stay that are some way from the last one that stays, and the ends.
 *
 * @param scales What the axes do to values. @default nothing
 */
export function thinned<P extends LinePoint>(
  points: readonly P[],
  scales: { x?: (x: number) => number; y?: (y: number) => number } = {},
): P[] {
  const { x = (value) => value, y = (value) => value } = scales;
  const extent = (values: readonly number[]) =>
    values.reduce((a, b) => Math.max(a, b), 0) - values.reduce((a, b) => Math.min(a, b), 0);
  const [xs, ys] = [points.map((point) => x(point.x)), points.map((point) => y(point.y))];
  const [wide, high] = [FINEST * extent(xs), FINEST * extent(ys)];
  let last = -1;
  return points.filter((_, i) => {
    const near = last >= 0 && Math.abs(xs[i]! - xs[last]!) <= wide &&
      Math.abs(ys[i]! - ys[last]!) <= high;
    if (near && i < points.length - 1) return false;
    last = i;
    return true;
  });
}

/** Draws panels in rows below a legend. */
export function lineFigure(options: LineFigure): Figure {
  const { title, subtitle = "", label, panels } = options;
  const { columns = panels.length, size = { width: 300, height: 280 } } = options;
  const { names = namesOf(panels) } = options;
  const looks = new Map(names.map((name, i) => [name, lookAt(i)]));
  const across = Math.min(columns, panels.length);
  const width = Math.max(460, 30 + across * size.width);
  const lines = subtitle ? wrapped(subtitle, width - 40) : [];
  const key = legend(options.legend === false ? new Map() : looks, width - 40);
  const top = 30 + 16 * lines.length + key.height;
  const rows = Math.ceil(panels.length / columns);
  return figure({ label, width, height: top + rows * size.height + 8 }, [
    { node: heading(20, title) },
    ...lines.map((line, i): Part => ({
      node: text(20, 40 + 16 * i, line, { anchor: "start", fill: colors.muted }),
    })),
    { node: key.node, x: 20, y: 30 + 16 * lines.length },
    ...panels.map((panel, i): Part => ({
      node: panelChart(panel, looks, size),
      x: 15 + (i % columns) * size.width,
      y: top + Math.floor(i / columns) * size.height,
    })),
  ]);
}

const namesOf = (panels: readonly LinePanel[]): string[] => [
  ...new Set(panels.flatMap(({ lines }) => lines.map(({ name }) => name))),
];

/** Lines with their names, as many in a row as fit. */
function legend(
  looks: ReadonlyMap<string, Look>,
  width: number,
): { node: SvgNode; height: number } {
  const node = element("g");
  if (looks.size < 2) return { node, height: 8 };
  let [x, y] = [0, 12];
  for (const [name, { color, dashes }] of looks) {
    const wide = 34 + textWidth(name) + 18;
    if (x > 0 && x + wide > width) [x, y] = [0, y + 18];
    node.appendChild(element("line", {
      ...{ x1: x, x2: x + 27, y1: y, y2: y, stroke: color, "stroke-width": 2.25 },
      ...(dashes && { "stroke-dasharray": dashes }),
    }));
    node.appendChild(text(x + 34, y + 4, name, { anchor: "start" }));
    x += wide;
  }
  return { node, height: y + 16 };
}

function panelChart(
  panel: LinePanel,
  looks: ReadonlyMap<string, Look>,
  { width, height }: { width: number; height: number },
): SvgNode {
  const { title, x, y, lines, rules = [], diagonal = false } = panel;
  const grey = { stroke: colors.muted, strokeDasharray: "3,3" };
  const [left, right] = x.domain ?? [0, 1];
  const node = chart({
    ...{ width, height, marginLeft: 52, marginRight: 20, marginBottom: 42 },
    marginTop: title === undefined ? 30 : 50,
    x: { ...axisOf(x), labelAnchor: "center" },
    y: { ...axisOf(y), label: null, grid: true },
    marks: [
      ...(diagonal ? [Plot.line([[left, left], [right, right]], grey)] : []),
      ...rules.flatMap(({ at, across, label }) => [
        across === "y" ? Plot.ruleY([at], grey) : Plot.ruleX([at], grey),
        ...(label === undefined ? [] : [ruleName(at, across, label)]),
      ]),
      ...lines.flatMap((line) => marksOf(line, looks.get(line.name) ?? lookAt(0))),
    ],
  });
  if (title !== undefined) {
    node.appendChild(text(14, 14, title, { size: 13, weight: 700, anchor: "start" }));
  }
  const above = title === undefined ? 14 : 33;
  node.appendChild(text(14, above, `↑ ${y.label}`, { size: 11, anchor: "start" }));
  return node;
}

function ruleName(at: number, across: "x" | "y", label: string) {
  const words = { text: () => label, fill: colors.muted };
  return across === "y"
    ? Plot.text([at], { y: (d) => d, ...words, frameAnchor: "right", dy: -9, textAnchor: "end" })
    : Plot.text([at], {
      x: (d) => d,
      ...words,
      frameAnchor: "top",
      dx: 5,
      dy: 8,
      textAnchor: "start",
    });
}

function axisOf({ label, domain, type = "linear", ticks = 5, percent = false, write }: Axis) {
  const share = (value: number) => `${Number((100 * value).toPrecision(3))}%`;
  const written = write ?? (percent ? share : undefined);
  return {
    label,
    labelArrow: "none" as const,
    type,
    clamp: true,
    ...(domain && { domain: [...domain] }),
    ticks: typeof ticks === "number" ? ticks : [...ticks],
    ...(written && { tickFormat: written }),
  };
}

function marksOf({ points, kind = "line" }: Line, { color, dashes }: Look): Plot.Markish[] {
  const at = { x: "x", y: "y", stroke: color };
  const way = kind === "step" ? { curve: "step-after" as const } : {};
  const line = Plot.line(points, {
    ...{ ...at, ...way, strokeWidth: 2 },
    ...(dashes && { strokeDasharray: dashes }),
  });
  const bars = points.filter(({ low, high }) => low !== undefined && high !== undefined);
  return [
    Plot.ruleX(bars, { x: "x", y1: "low", y2: "high", stroke: color, strokeOpacity: 0.6 }),
    line,
    ...(kind === "dots" ? [Plot.dot(points, { x: "x", y: "y", r: 3.4, fill: color })] : []),
  ];
}
