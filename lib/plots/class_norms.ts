/**
 * Figure: minimal norms by the digit that an image shows and by the digit that it becomes.
 *
 * @module
 */
import * as Plot from "@observablehq/plot";
import { median, quantile } from "../statistics.ts";
import { chart, colors, type Figure } from "./figure.ts";
import { imageCount, type MinNormRow, normAxis, normTitle, panelFigure } from "./min_norms.ts";
import { titled } from "./titled.ts";

/** The smallest perturbation found for one image, with the classes that it leads from and to. */
export interface ClassRow extends MinNormRow {
  label: number;
  /** `null` if none was found. */
  adversarialClass: number | null;
}

const HEIGHT = 200;

/**
 * Draws for each norm, side by side, the quartiles of each true class and of each class reached.
 * Misclassified images have no class that was reached, and count among the true ones only.
 *
 * @throws {RangeError} If there are no rows.
 */
export function classNorms(
  rows: readonly ClassRow[],
  options: { title?: string; subtitle?: string } = {},
): Figure {
  if (rows.length === 0) {
    throw new RangeError("Cannot draw classes as there must be rows: current value is none");
  }
  const { title = "Minimal norms by class" } = options;
  const {
    subtitle =
      "Dots: medians. Bars: from the first to the third quartile. Small numbers: images. " +
      "The class reached is the one that the smallest perturbation found leads to; misclassified " +
      "images reach none. Norms are upper bounds",
  } = options;
  const norms = [...new Set(rows.map(({ p }) => p))].sort((a, b) => a - b);
  const panels = norms.flatMap((p) => [{ p, reached: false }, { p, reached: true }]);
  return panelFigure({ title, subtitle }, panels, ({ p, reached }, width) => {
    const own = rows.filter((row) => row.p === p);
    const top = 1.15 * highest(own) || 1;
    return titled({
      title: `${normTitle(p)} by ${reached ? "class reached" : "true class"}`,
      words: imageCount(own.filter((row) => !reached || changed(row)).length),
      width,
      height: HEIGHT,
      plot: plotted(boxes(own, reached), { p, width, top, reached }),
    });
  });
}

interface Box {
  class: number;
  images: number;
  q1: number;
  middle: number;
  q3: number;
}

const changed = ({ minNorm, adversarialClass }: ClassRow): boolean =>
  minNorm > 0 && adversarialClass !== null;

function boxes(rows: readonly ClassRow[], reached: boolean): Box[] {
  return Array.from({ length: 10 }, (_, digit) => {
    const own = rows.filter((row) =>
      reached ? changed(row) && row.adversarialClass === digit : row.label === digit
    ).map(({ minNorm }) => minNorm);
    if (own.length === 0) return { class: digit, images: 0, q1: NaN, middle: NaN, q3: NaN };
    const [q1, q3] = [quantile(own, 0.25), quantile(own, 0.75)];
    return { class: digit, images: own.length, q1, middle: median(own), q3 };
  });
}

/** The largest finite end of a bar, in both of a norm's panels, so that they have one axis. */
function highest(rows: readonly ClassRow[]): number {
  const ends = [false, true].flatMap((reached) => boxes(rows, reached))
    .flatMap(({ q1, middle, q3 }) => [q1, middle, q3]);
  return Math.max(0, ...ends.filter(Number.isFinite));
}

interface Frame {
  p: number;
  width: number;
  top: number;
  reached: boolean;
}

function plotted(all: readonly Box[], { p, width, top, reached }: Frame) {
  const there = all.filter(({ q1 }) => q1 < Infinity).map((box) => (
    { ...box, q3: Math.min(box.q3, top) }
  ));
  const color = reached ? colors.adversarial : colors.clean;
  return chart({
    width,
    height: HEIGHT,
    marginLeft: 46,
    marginRight: 8,
    marginTop: 24,
    marginBottom: 46,
    x: {
      type: "band",
      domain: all.map((box) => box.class),
      label: null,
      tickSize: 0,
      tickPadding: 4,
    },
    y: { label: normAxis(p), domain: [0, top], ticks: 5, grid: true },
    marks: [
      Plot.barY(there, {
        ...{ insetLeft: 4, insetRight: 4 },
        x: "class",
        y1: "q1",
        y2: "q3",
        fill: color,
        fillOpacity: 0.3,
      }),
      Plot.dot(there.filter(({ middle }) => middle < Infinity), {
        ...{ x: "class", y: "middle", r: 4 },
        fill: color,
        stroke: "white",
      }),
      Plot.text(all, {
        x: "class",
        frameAnchor: "bottom",
        dy: 32,
        text: (box: Box) => String(box.images),
        fontSize: 10,
        fill: colors.muted,
      }),
      Plot.ruleY([0], { stroke: colors.ink }),
    ],
  });
}
