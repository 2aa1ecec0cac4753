/**
 * Figure: how small a perturbation leads from each class to each other one.
 *
 * @module
 */
import { band } from "./confusion_matrix.ts";
import * as Plot from "@observablehq/plot";
import { chart, colors, count, type Figure, figure, heading, type Part } from "./figure.ts";
import { wrapped } from "./measure.ts";
import { normTitle, note, written } from "./min_norms.ts";

/** From a class to another one. */
export interface NormCell {
  from: number;
  to: number;
  /** A median, or one image's; infinite norms are drawn as such. */
  norm: number;
  /** How many images it is of; not written if left out. */
  images?: number;
}

export interface NormMatrixOptions {
  p: number;
  title?: string;
  subtitle?: string;
}

const SIZE = 600;

/**
 * Draws a matrix of norms, small ones dark: true class down, class reached across.
 *
 * @throws {RangeError} If there are no cells, or two for the same classes.
 */
export function normMatrix(cells: readonly NormCell[], options: NormMatrixOptions): Figure {
  const fail = (rule: string, value: unknown) =>
    new RangeError(`Cannot draw a matrix of norms as ${rule}: current value is ${value}`);
  if (cells.length === 0) throw fail("there must be cells", "none");
  const names = cells.map(({ from, to }) => `${from} to ${to}`);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw fail("two classes must have one cell", twice);
  const { p, title = `From class to class: ${normTitle(p)}`, subtitle = "" } = options;
  const finite = cells.map(({ norm }) => norm).filter(Number.isFinite);
  const [low, high] = [Math.min(...finite, Infinity), Math.max(...finite, -Infinity)];
  const place = { x: "to", y: "from" } as const;
  const counted = cells.some(({ images }) => images !== undefined);
  const node = chart({
    ...{ width: SIZE, height: 560, marginLeft: 56, marginRight: 20, marginTop: 44 },
    marginBottom: 16,
    x: { ...band, label: "class reached", axis: "top" },
    y: { ...band, label: "true class" },
    color: {
      type: "linear",
      domain: low < high ? [low, high] : [0, 1],
      range: ["#f2a46f", "#fffaf5"],
    },
    marks: [
      Plot.cell(band.domain.map((digit) => ({ from: digit, to: digit })), {
        ...{ ...place, inset: 0.5 },
        fill: colors.ground,
      }),
      Plot.cell(cells.filter(({ norm }) => norm < Infinity), {
        ...place,
        inset: 0.5,
        fill: "norm",
      }),
      Plot.text(cells, {
        ...place,
        dy: counted ? -6 : 0,
        text: (cell: NormCell) => written(cell.norm, p),
        fontSize: 12,
        fill: colors.ink,
      }),
      Plot.text(cells.filter(({ images }) => images !== undefined), {
        ...place,
        dy: 10,
        text: (cell: NormCell) => count(cell.images ?? 0),
        fontSize: 10,
        fill: colors.muted,
      }),
    ],
  });
  const titles = wrapped(title, SIZE - 40, { size: 15, weight: 700 });
  const parts: Part[] = titles.map((line, i) => ({ node: heading(20, line), y: 20 * i }));
  const below = note(subtitle, 0.84 * (SIZE - 40));
  const top = 40 + 20 * (titles.length - 1);
  parts.push({ node: below.node, x: 20, y: top }, { node, y: top + below.height });
  const label = `${title}. ${subtitle}`;
  return figure({ label, width: SIZE, height: top + below.height + 560 }, parts);
}
