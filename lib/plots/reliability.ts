/**
 * Figure: probabilities promised, and what came of them.
 *
 * @module
 */
import { wilson } from "../statistics.ts";
import type { Figure } from "./figure.ts";
import { lineFigure } from "./line_panels.ts";

/** Cases of like probability. */
export interface ReliabilityRow {
  /** Whose probabilities. */
  name: string;
  count: number;
  /** Mean probability promised, in [0, 1]. */
  promised: number;
  /** Share that came true, in [0, 1]. */
  kept: number;
}

/** Draws what came true against what was promised: on the grey line promises are kept. */
export function reliabilityFigure(
  rows: readonly ReliabilityRow[],
  { title = "Are probabilities kept?", subtitle = "", what = "wrong" } = {},
): Figure {
  const names = [...new Set(rows.map(({ name }) => name))];
  const ticks = [0, 0.01, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1];
  const axis = { type: "sqrt" as const, domain: [0, 1] as const, percent: true, ticks };
  return lineFigure({
    title,
    subtitle,
    label: `${title}: ${names.join(", ")}`,
    legend: false,
    columns: 2,
    size: { width: 350, height: 310 },
    names,
    panels: names.map((name) => ({
      title: name,
      x: { label: `promised: ${what}`, ...axis, ticks: [0, 0.05, 0.2, 0.5, 1] },
      y: { label: `came true: ${what}`, ...axis },
      diagonal: true,
      lines: [{
        name,
        kind: "dots" as const,
        points: rows.filter((row) => row.name === name).map(({ promised, kept, count }) => {
          const [low, high] = wilson(Math.round(kept * count), count);
          return { x: promised, y: kept, low, high };
        }),
      }],
    })),
  });
}
