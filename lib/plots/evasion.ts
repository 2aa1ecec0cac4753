/**
 * Figure: what it costs to evade a detector.
 *
 * @module
 */
import { wilson } from "../statistics.ts";
import type { Figure } from "./figure.ts";
import { lineFigure } from "./line_panels.ts";

/** Examples made with one budget, against one detector. */
export interface EvasionRow {
  /** Which detector, such as "5% false alarms". */
  name: string;
  /** The norm as a multiple of the smallest one. */
  factor: number;
  /** Images attacked, and examples that deceive the network and the detector. */
  count: number;
  evading: number;
}

/** Draws the share of examples that deceive both against the norm that they take. */
export function evasionFigure(
  rows: readonly EvasionRow[],
  { title = "The price of evading", subtitle = "" } = {},
): Figure {
  const names = [...new Set(rows.map(({ name }) => name))];
  const most = Math.max(2, ...rows.map(({ factor }) => factor));
  return lineFigure({
    title,
    subtitle,
    label: `${title}: ${names.join(", ")}`,
    size: { width: 560, height: 340 },
    names,
    panels: [{
      x: { label: "norm, as a multiple of the smallest that was found", domain: [1, most] },
      y: { label: "share that deceives network and detector", domain: [0, 1], percent: true },
      lines: names.map((name) => ({
        name,
        kind: "dots" as const,
        points: rows.filter((row) => row.name === name).map(({ factor, evading, count }) => {
          const [low, high] = wilson(evading, count);
          return { x: factor, y: evading / count, low, high };
        }),
      })),
    }],
  });
}
