/**
 * Figures: the same attack asked for several norms, as curves and as pictures.
 *
 * @module
 */
import * as Plot from "@observablehq/plot";
import {
  chart,
  colors,
  element,
  type Figure,
  figure,
  heading,
  type Part,
  percent,
  text,
} from "./figure.ts";
import { digit, type Pixels } from "./pixels.ts";

/** One attack on one image at one norm. */
export interface SweepRow {
  /** Which curve the row belongs to, such as "p = 2": one small chart for each. */
  series: string;
  image: number;
  /** The norm asked for. */
  norm: number;
  found: boolean;
  /** Confidence in the clean image's class after the attack, in [0, 1]. */
  confidence: number;
}

export interface SweepOptions {
  title?: string;
  subtitle?: string;
  /** Charts or pictures side by side. @default 3 */
  columns?: number;
}

const CHART = { width: 250, height: 210 };

/** Draws, for each series, the confidence that is left in the right class against the norm. */
export function sweep(rows: readonly SweepRow[], options: SweepOptions = {}): Figure {
  const { title = "How much perturbation it takes", columns = 3 } = options;
  const { subtitle = "Filled dots: the attack succeeded. Each line is one image" } = options;
  const groups = bySeries(rows);
  const lines = Math.ceil(groups.size / columns);
  const parts = [...groups].map(([series, own], i): Part => ({
    x: 10 + (i % columns) * CHART.width,
    y: 60 + Math.floor(i / columns) * CHART.height,
    node: curve(series, own),
  }));
  const width = 20 + CHART.width * Math.min(columns, Math.max(2, groups.size));
  return figure({
    label: `${title}: ${[...groups.keys()].join(", ")}`,
    width,
    height: 66 + lines * CHART.height,
  }, [{ node: heading(20, title, subtitle, width - 40) }, ...parts]);
}

function curve(series: string, rows: readonly SweepRow[]) {
  const points = [...rows].sort((a, b) => a.norm - b.norm);
  const value = (row: SweepRow) => 100 * row.confidence;
  const g = chart({
    ...CHART,
    marginLeft: 40,
    marginRight: 18,
    marginTop: 50,
    marginBottom: 40,
    x: { label: "norm asked for", labelAnchor: "center", labelArrow: "none", ticks: 4, zero: true },
    y: { label: null, domain: [0, 100], grid: true, ticks: 3 },
    marks: [
      Plot.lineY(points, { x: "norm", y: value, z: "image", stroke: colors.muted }),
      Plot.dot(points.filter((row) => !row.found), {
        x: "norm",
        y: value,
        r: 3.2,
        fill: "white",
        stroke: colors.clean,
        strokeWidth: 1.5,
      }),
      Plot.dot(points.filter((row) => row.found), {
        x: "norm",
        y: value,
        r: 3.9,
        fill: colors.adversarial,
      }),
    ],
  });
  g.appendChild(text(10, 14, seriesName(series), { size: 13, weight: 700, anchor: "start" }));
  g.appendChild(text(10, 31, "↑ confidence (%)", { size: 11, anchor: "start" }));
  return g;
}

/** A row with the image that the attack ended at. */
export interface SweepPictureRow extends SweepRow {
  /** 784 values in [0, 1]. */
  pixels: Pixels;
  /** Class predicted for `pixels`. */
  prediction: number;
  /** Confidence in `prediction`, in [0, 1]. */
  predictionConfidence: number;
}

/** Draws the images that the attacks ended at: a line for each series, norms growing rightward. */
export function sweepPictures(
  rows: readonly SweepPictureRow[],
  options: Omit<SweepOptions, "columns"> = {},
): Figure {
  const { title = "What the attack makes of the digit" } = options;
  const { subtitle = "Framed: adversarial. Above each digit the norm asked for" } = options;
  const groups = bySeries(rows);
  const [size, cell] = [84, { width: 98, height: 134 }];
  const most = Math.max(1, ...[...groups.values()].map((own) => own.length));
  const parts = [...groups].flatMap(([series, own], line): Part[] => {
    const y = 60 + line * cell.height;
    const name = text(20, y + 16 + size / 2, seriesName(series), {
      size: 13,
      weight: 700,
      anchor: "start",
    });
    const digits = [...own].sort((a, b) => a.norm - b.norm).map((row, i): Part => ({
      x: 96 + i * cell.width,
      y,
      node: judged(row, size),
    }));
    return [{ node: name }, ...digits];
  });
  const width = Math.max(420, 96 + most * cell.width + 10);
  return figure({
    label: `${title}: ${[...groups.keys()].join(", ")}`,
    width,
    height: 60 + groups.size * cell.height + 4,
  }, [{ node: heading(20, title, subtitle, width - 40) }, ...parts]);
}

function judged(row: SweepPictureRow, size: number) {
  const fill = row.found ? colors.adversarial : colors.ink;
  const g = element(
    "g",
    {},
    text(size / 2, 10, String(Number(row.norm.toPrecision(3))), { size: 11, fill: colors.muted }),
    digit(row.pixels, 0, 16, size),
    text(
      size / 2,
      size + 31,
      `${row.prediction} (${percent(row.predictionConfidence, 0)})`,
      { size: 12, fill, weight: row.found ? 700 : 400 },
    ),
  );
  if (row.found) {
    g.appendChild(element("rect", {
      x: -1.5,
      y: 14.5,
      width: size + 3,
      height: size + 3,
      fill: "none",
      stroke: colors.adversarial,
      "stroke-width": 2.5,
    }));
  }
  return g;
}

/** A series of one norm, `p = 2`, is named by a formula. */
function seriesName(series: string): string {
  return series.startsWith("p = ") ? `$${series}$` : series;
}

function bySeries<T extends SweepRow>(rows: readonly T[]): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const row of rows) groups.set(row.series, [...groups.get(row.series) ?? [], row]);
  return groups;
}
