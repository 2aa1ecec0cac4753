/**
 * Figure: how many decisions are wrong, threshold by threshold.
 *
 * @module
 */
import { count, type Figure } from "./figure.ts";
import { lineFigure, thinned } from "./line_panels.ts";

/** What a threshold leads to, in images. */
export interface ThresholdErrorRow {
  /** Images with at most this resistance are called misclassified. */
  threshold: number;
  /** Mistakes of the network that are not called so. */
  missed: number;
  /** Right answers that are called mistakes. */
  falseAlarms: number;
}

/** Where none stands on an axis of powers of ten. */
const NONE = -0.3;

/** Counts as the axis has them; Plot's own logarithmic one writes ticks in its own way. */
const placed = (images: number): number => images > 0 ? Math.max(NONE, Math.log10(images)) : NONE;

/** Draws missed mistakes, false alarms and their sum against the threshold, on a scale of powers. */
export function thresholdErrors(
  rows: readonly ThresholdErrorRow[],
  { title = "Wrong decisions, by threshold", subtitle = "", name = "$\\mathrm{Res}_N$" } = {},
): Figure {
  const finite = rows.filter(({ threshold }) => Number.isFinite(threshold));
  const always = Math.max(1, ...rows.map(({ missed }) => missed));
  const most = Math.max(always, ...finite.map(({ missed, falseAlarms }) => missed + falseAlarms));
  const powers = Array.from({ length: Math.ceil(placed(most)) + 1 }, (_, i) => i);
  const line = (name: string, value: (row: ThresholdErrorRow) => number) => ({
    name,
    points: thinned(
      finite.map((row) => ({ x: row.threshold, y: placed(value(row)) })),
      { x: Math.sqrt },
    ),
  });
  return lineFigure({
    title,
    subtitle,
    label: `${title}: against ${always} wrong ones of “always right”`,
    size: { width: 640, height: 340 },
    panels: [{
      x: {
        label: `threshold on ${name}`,
        type: "sqrt",
        domain: [0, finite.at(-1)?.threshold ?? 1],
      },
      y: {
        label: "images, each line ten times the last",
        domain: [NONE, powers.at(-1)!],
        ticks: [NONE, ...powers],
        write: (value) => value === NONE ? "none" : count(10 ** value),
      },
      rules: [{ at: placed(always), across: "y", label: `“always right”: ${always}` }],
      lines: [
        line("all wrong decisions", ({ missed, falseAlarms }) => missed + falseAlarms),
        line("mistakes missed", ({ missed }) => missed),
        line("false alarms", ({ falseAlarms }) => falseAlarms),
      ],
    }],
  });
}
