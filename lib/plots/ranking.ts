/**
 * Figures: how well scores rank what is to be found.
 *
 * @module
 */
import type { Figure } from "./figure.ts";
import { type Line, lineFigure, type LinePoint, thinned } from "./line_panels.ts";

/** What figures call a score: resistances by their formulas, all else by name. */
export const scoreTitles: Readonly<Record<string, string>> = {
  resN: "$\\mathrm{Res}_N$",
  resMax: "$\\mathrm{Res}_{\\max}$",
  resMin: "$\\mathrm{Res}_{\\min}$",
  minNorm: "smallest norm found",
  margin: "margin",
  entropy: "entropy",
};

/** A score's curves; all values are shares in [0, 1]. */
export interface RankingCurves {
  name: string;
  roc: readonly { falseAlarms: number; found: number }[];
  precision?: readonly { recall: number; precision: number }[];
  risk?: readonly { coverage: number; risk: number }[];
}

export interface RankingOptions {
  title?: string;
  subtitle?: string;
  /** The largest share of false alarms to draw. @default 1 */
  most?: number;
}

/** A score's curve in one of several panels. */
export interface GroupedRoc extends Pick<RankingCurves, "name" | "roc"> {
  /** The panel's title. */
  group: string;
}

/** Draws the share found against the share of false alarms, in a panel for each group. */
export function rocPanels(curves: readonly GroupedRoc[], options: RankingOptions = {}): Figure {
  const { title = "What is found, at the price of false alarms", subtitle = "" } = options;
  const groups = [...new Set(curves.map(({ group }) => group))];
  return lineFigure({
    title,
    subtitle,
    label: `${title}: ${curves.map(({ group, name }) => `${name} in ${group}`).join(", ")}`,
    columns: 4,
    size: { width: groups.length > 2 ? 235 : 340, height: 270 },
    panels: groups.map((group) => ({
      title: group,
      ...rocPanel(curves.filter((one) => one.group === group), options),
    })),
  });
}

/** Draws ROC, precision against recall, and risk against coverage, side by side. */
export function rankingFigure(
  curves: readonly RankingCurves[],
  options: RankingOptions = {},
): Figure {
  const { title = "Three ways to judge a ranking", subtitle = "" } = options;
  const lines = (points: (one: RankingCurves) => LinePoint[]): Line[] =>
    curves.map((one) => ({ name: one.name, points: thinned(points(one)) }));
  const risks = curves.flatMap(({ risk = [] }) => risk.map(({ risk }) => risk));
  return lineFigure({
    title,
    subtitle,
    label: `${title}: ${curves.map(({ name }) => name).join(", ")}`,
    panels: [
      { title: "ROC", ...rocPanel(curves, options) },
      {
        title: "Precision and recall",
        x: { label: "share of the mistakes found", domain: [0, 1], percent: true },
        y: { label: "share of alarms that are right", domain: [0, 1], percent: true },
        lines: lines(({ precision = [] }) =>
          precision.map(({ recall, precision }) => ({ x: recall, y: precision }))
        ),
      },
      {
        title: "Risk and coverage",
        x: { label: "share of images answered", domain: [0.5, 1], percent: true },
        y: {
          label: "share of answers wrong",
          domain: [0, Math.max(...risks, 1e-3)],
          percent: true,
        },
        lines: lines(({ risk = [] }) =>
          risk.filter(({ coverage }) => coverage >= 0.5)
            .map(({ coverage, risk }) => ({ x: coverage, y: risk }))
        ),
      },
    ],
  });
}

function rocPanel(
  curves: readonly Pick<RankingCurves, "name" | "roc">[],
  { most = 1 }: RankingOptions,
) {
  return {
    x: { label: "share of false alarms", domain: [0, most] as const, percent: true },
    y: { label: "share found", domain: [0, 1] as const, percent: true },
    diagonal: most === 1,
    lines: curves.map(({ name, roc }) => ({
      name,
      points: thinned(
        roc.filter(({ falseAlarms }) => falseAlarms <= most)
          .map(({ falseAlarms, found }) => ({ x: falseAlarms, y: found })),
      ),
    })),
  };
}
