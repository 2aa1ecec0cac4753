/**
 * Figure: an attack within a fixed norm, tried at norms that close in on the smallest.
 *
 * @module
 */
import * as Plot from "@observablehq/plot";
import { chart, colors, type Figure } from "./figure.ts";
import { normAxis, normTitle, panelFigure, written } from "./min_norms.ts";
import { titled } from "./titled.ts";

/** One try. */
export interface BisectionRow {
  /** From 1 on. */
  round: number;
  /** The norm tried. */
  norm: number;
  found: boolean;
  /** What was known before: the largest norm that failed, and the smallest that succeeded, which is
   * infinite at first. */
  low: number;
  high: number;
}

export interface BisectionOptions {
  p: number;
  /** The smallest norm that is known from elsewhere, and what found it. */
  known: { norm: number; name: string };
  title?: string;
  subtitle?: string;
}

const HEIGHT = 280;

/**
 * Draws each try at its norm, filled where the attack succeeded, on the bracket that it halves.
 *
 * @throws {RangeError} If there are no rows.
 */
export function bisection(rows: readonly BisectionRow[], options: BisectionOptions): Figure {
  if (rows.length === 0) {
    throw new RangeError("Cannot draw a bisection as there must be rows: current value is none");
  }
  const { p, known, title = `Closing in on the smallest norm: ${normTitle(p)}` } = options;
  const {
    subtitle = "Grey: from the largest norm at which the attack has failed to the smallest at " +
      "which it has succeeded. Each try halves it. A failure proves nothing: it is the attack's",
  } = options;
  const series = [
    { name: "success", color: colors.adversarial, dashes: "" },
    { name: "failure (hollow)", color: colors.clean, dashes: "" },
    { name: `${known.name}: ${written(known.norm, p)}`, color: colors.third, dashes: "5,2" },
  ];
  const ends = rows.flatMap(({ norm, high }) => [norm, high]).filter(Number.isFinite);
  const top = 1.08 * Math.max(known.norm < Infinity ? known.norm : 0, ...ends);
  const drawn = rows.map((row) => ({ ...row, high: Math.min(row.high, top) }));
  return panelFigure({ title, subtitle, series }, [drawn], (all, width) =>
    titled({
      title: normAxis(p),
      width,
      height: HEIGHT,
      plot: chart({
        width,
        height: HEIGHT,
        marginLeft: 44,
        marginRight: 14,
        marginBottom: 40,
        x: { label: "try", labelAnchor: "center", labelArrow: "none", ticks: all.length },
        y: {
          label: null,
          domain: [0, top],
          grid: true,
          ticks: 6,
        },
        marks: marks(all, known.norm),
      }),
    }));
}

function marks(rows: readonly BisectionRow[], known: number): Plot.Markish[] {
  const place = { x: "round", y: "norm", r: 5, strokeWidth: 2 };
  return [
    Plot.ruleX(rows, { x: "round", y1: "low", y2: "high", stroke: colors.faint, strokeWidth: 12 }),
    Plot.ruleY([known].filter(Number.isFinite), {
      stroke: colors.third,
      strokeWidth: 2,
      strokeDasharray: "5,2",
    }),
    Plot.dot(rows.filter(({ found }) => !found), {
      ...place,
      fill: "white",
      stroke: colors.clean,
    }),
    Plot.dot(rows.filter(({ found }) => found), {
      ...place,
      fill: colors.adversarial,
      stroke: colors.adversarial,
    }),
    // Without a mark on them, the ends of the axis would lie on the dots.
    Plot.ruleX([0.4, rows.length + 0.6], { stroke: "none" }),
  ];
}
