/**
 * Figure: robust accuracy of many protections, each in its worst case, with intervals and doubts.
 *
 * @module
 */
import * as Plot from "@observablehq/plot";
import { chart, colors, type Figure, normSymbol } from "./figure.ts";
import { textWidth } from "./measure.ts";
import { normTitle, panelFigure } from "./min_norms.ts";
import { titled } from "./titled.ts";

/** A network in one norm. */
export interface WorstCaseRow {
  network: string;
  p: number;
  /** The budget. */
  epsilon: number;
  /** Share of images that no attack deceived within the budget, and its interval. */
  share: number;
  low: number;
  high: number;
  /** Whether attacks are suspected to fail for other reasons than robustness. */
  suspected: boolean;
}

export interface WorstCaseOptions {
  title?: string;
  subtitle?: string;
}

const LINE = 17;

/**
 * Draws each network's robust accuracy in each norm; hollow where it is suspected to be too high.
 * Networks keep the order of their first rows.
 *
 * @throws {RangeError} If there are no rows, or a share is not in [0, 1].
 */
export function worstCases(
  rows: readonly WorstCaseRow[],
  { title = "Robust accuracy in the worst case of all attacks", ...options }: WorstCaseOptions = {},
): Figure {
  const fail = (rule: string, value: unknown) =>
    new RangeError(`Cannot draw worst cases as ${rule}: current value is ${value}`);
  if (rows.length === 0) throw fail("there must be rows", "none");
  const bad = rows.find(({ share }) => !(share >= 0 && share <= 1));
  if (bad) throw fail("shares must be in [0, 1]", bad.share);
  const {
    subtitle = "Share of images right for which no attack found anything within the budget: an " +
      "upper bound. Bars: 95% Wilson intervals. Hollow and orange: masking is suspected, the " +
      "bound may be loose",
  } = options;
  const networks = [...new Set(rows.map(({ network }) => network))];
  const norms = [...new Set(rows.map(({ p }) => p))].sort((a, b) => a - b);
  return panelFigure({ title, subtitle }, norms, (p, width) => {
    const own = rows.filter((row) => row.p === p);
    const height = 52 + LINE * networks.length;
    const plot = panel(own, { p, width, height, networks });
    return titled({ title: normTitle(p), width, height, plot });
  });
}

interface Frame {
  p: number;
  width: number;
  height: number;
  networks: readonly string[];
}

function panel(rows: readonly WorstCaseRow[], { p, width, height, networks }: Frame) {
  const place = { x: (row: WorstCaseRow) => 100 * row.share, y: "network" } as const;
  const colorOf = ({ suspected }: WorstCaseRow) => suspected ? colors.adversarial : colors.clean;
  const budgets = [...new Set(rows.map(({ epsilon }) => epsilon))].join(", ");
  return chart({
    ...{ width, height, marginTop: 8, marginBottom: 40, marginRight: 16 },
    marginLeft: 14 + Math.max(...networks.map((name) => textWidth(name, { size: 11 }))),
    x: {
      label: `robust accuracy (%), ${normSymbol(p)} ≤ ${budgets}`,
      labelAnchor: "center",
      labelArrow: "none",
      domain: [0, 100],
      ticks: 5,
      grid: true,
    },
    y: { label: null, domain: networks, tickSize: 0 },
    marks: [
      Plot.ruleY(rows, {
        y: "network",
        x1: ({ low }: WorstCaseRow) => 100 * low,
        x2: ({ high }: WorstCaseRow) => 100 * high,
        stroke: colorOf,
        strokeWidth: 2,
      }),
      Plot.dot(rows.filter(({ suspected }) => !suspected), {
        ...{ ...place, r: 4, fill: colors.clean, stroke: "white" },
      }),
      Plot.dot(rows.filter(({ suspected }) => suspected), {
        ...{ ...place, r: 3.5, fill: "white", stroke: colors.adversarial, strokeWidth: 1.5 },
      }),
    ],
  });
}
