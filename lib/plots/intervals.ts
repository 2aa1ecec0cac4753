/**
 * Figure: values with their intervals, a line for each network, several series beside each other.
 *
 * @module
 */
import * as Plot from "@observablehq/plot";
import { chart, type Figure } from "./figure.ts";
import { shortened, textWidth } from "./measure.ts";
import { lookAt, panelFigure } from "./min_norms.ts";
import { titled } from "./titled.ts";

/** A value, and from where to where the true one may lie. */
export interface IntervalRow {
  /** The part of the figure that it stands in. */
  panel: string;
  network: string;
  /** What its colour tells. */
  series: string;
  /** May be infinite, as may the ends: what is can't be drawn, and is left out. */
  value: number;
  low: number;
  high: number;
}

export interface IntervalOptions {
  title: string;
  subtitle: string;
  /** The axis of a panel: a text for all, or one for each. */
  axis: string | ((panel: string) => string);
  /** Whether axes begin at 0. @default true */
  zero?: boolean;
}

/** Height of a network's place, for each series in it and between networks. */
const LINE = { series: 8, gap: 8 };

/**
 * Draws each value as a dot on its interval. Panels, networks and series keep the order of their
 * first rows; in each network's place the first series is on top.
 *
 * @throws {RangeError} If no row has a finite value.
 */
export function intervals(rows: readonly IntervalRow[], options: IntervalOptions): Figure {
  if (!rows.some(({ value }) => Number.isFinite(value))) {
    throw new RangeError("Cannot draw intervals as a value must be finite: current value is none");
  }
  const distinct = (
    key: "panel" | "network" | "series",
  ) => [...new Set(rows.map((row) => row[key]))];
  const [panels, networks, series] = [distinct("panel"), distinct("network"), distinct("series")];
  const head = {
    title: options.title,
    subtitle: options.subtitle,
    series: series.map((name, place) => ({ name, ...lookAt(place) })),
  };
  return panelFigure(head, panels, (panel, width) => {
    const own = rows.filter((row) => row.panel === panel);
    const height = 56 + networks.length * (series.length * LINE.series + LINE.gap);
    const plot = drawn(own, { panel, width, height, networks, series, options });
    return panels.length === 1
      ? { node: plot, height }
      : titled({ title: panel, width, height, plot });
  });
}

interface Frame {
  panel: string;
  width: number;
  height: number;
  networks: readonly string[];
  series: readonly string[];
  options: IntervalOptions;
}

function drawn(rows: readonly IntervalRow[], frame: Frame) {
  const { panel, width, height, networks, series, options } = frame;
  const { axis, zero = true } = options;
  const size = series.length * LINE.series + LINE.gap;
  const points = rows.filter(({ value }) => Number.isFinite(value)).map((row) => {
    const place = series.indexOf(row.series);
    return {
      ...row,
      low: Number.isFinite(row.low) ? row.low : row.value,
      high: Number.isFinite(row.high) ? row.high : row.value,
      // In lines of a network's place, from its middle.
      y: networks.indexOf(row.network) + (place - (series.length - 1) / 2) * LINE.series / size,
      ...lookAt(place),
    };
  });
  const names = networks.map((name) => shortened(name, 130, { size: 11 }));
  const last = networks.length - 0.5;
  return chart({
    width,
    height,
    marginLeft: 14 + Math.max(...names.map((name) => textWidth(name, { size: 11 }))),
    marginRight: 16,
    marginTop: 8,
    marginBottom: 40,
    x: {
      label: typeof axis === "string" ? axis : axis(panel),
      labelAnchor: "center",
      labelArrow: "none",
      grid: true,
      nice: true,
      ticks: 5,
      zero,
    },
    y: {
      label: null,
      domain: [-0.5, last],
      range: [8, height - 40],
      ticks: networks.map((_, i) => i),
      tickFormat: (i: number) => names[i] ?? "",
      tickSize: 0,
    },
    marks: [
      // One for each series, as dashes are no channel.
      ...series.map((name, place) =>
        Plot.ruleY(points.filter((row) => row.series === name), {
          y: "y",
          x1: "low",
          x2: "high",
          stroke: "color",
          strokeWidth: 2,
          strokeDasharray: lookAt(place).dashes || "none",
        })
      ),
      Plot.dot(points, { x: "value", y: "y", r: 3.5, fill: "color" }),
    ],
  });
}
