/**
 * Figure: what networks keep of their accuracy, and how robust they are for it.
 *
 * @module
 */
import * as Plot from "@observablehq/plot";
import { type Box, labelDots } from "./dot_labels.ts";
import { chart, colors, type Figure, normSymbol } from "./figure.ts";
import { lookAt, panelFigure } from "./min_norms.ts";

/** A share with its interval. */
export interface Share {
  share: number;
  low: number;
  high: number;
}

/** One network. */
export interface TradeOffRow {
  network: string;
  /** Networks of one kind share a colour. */
  kind: string;
  clean: Share;
  robust: Share;
  /** Whether attacks are suspected to fail for other reasons than robustness. @default false */
  suspected?: boolean;
}

export interface TradeOffOptions {
  p: number;
  epsilon: number;
  title?: string;
  subtitle?: string;
}

const HEIGHT = 380;
const EDGES = { left: 48, right: 20, top: 14, bottom: 44 } as const;

/**
 * Draws a dot for each network, accuracy across and robust accuracy up, each with its interval; hollow
 * where robust accuracy is suspected to be too high.
 *
 * @throws {RangeError} If there are no rows.
 */
export function tradeOff(rows: readonly TradeOffRow[], options: TradeOffOptions): Figure {
  if (rows.length === 0) {
    throw new RangeError("Cannot draw a trade-off as there must be rows: current value is none");
  }
  const { p, epsilon, title = "Accuracy against robust accuracy" } = options;
  const {
    subtitle = "Right and up is better. Bars: 95% Wilson intervals. Robust accuracies are upper " +
      "bounds; hollow: masking is suspected",
  } = options;
  const kinds = [...new Set(rows.map(({ kind }) => kind))];
  const series = kinds.map((name, place) => ({ name, ...lookAt(place), dashes: "" }));
  const shown = kinds.length > 1 ? series : [];
  return panelFigure({ title, subtitle, series: shown }, [""], (_, width) => {
    const [left, right] = domain(rows.map(({ clean }) => clean));
    const [bottom, top] = domain(rows.map(({ robust }) => robust));
    const x = (share: number) =>
      EDGES.left + (share - left) / (right - left) * (width - EDGES.left - EDGES.right);
    const y = (share: number) =>
      HEIGHT - EDGES.bottom -
      (share - bottom) / (top - bottom) * (HEIGHT - EDGES.top - EDGES.bottom);
    const node = chart({
      ...{ width, height: HEIGHT, marginLeft: EDGES.left, marginRight: EDGES.right },
      ...{ marginTop: EDGES.top, marginBottom: EDGES.bottom },
      x: {
        ...{ label: "accuracy (%)", labelAnchor: "center", labelArrow: "none" },
        ...{ domain: [100 * left, 100 * right], grid: true, ticks: 6 },
      },
      y: {
        label: `robust accuracy (%), ${normSymbol(p)} ≤ ${epsilon}`,
        ...{ labelArrow: "none", labelAnchor: "center" },
        ...{ domain: [100 * bottom, 100 * top], grid: true, ticks: 6 },
      },
      marks: marks(rows, kinds),
    });
    const dots = rows.map(({ network, clean, robust }) => (
      { name: network, x: x(clean.share), y: y(robust.share) }
    ));
    const taken = rows.flatMap(({ clean, robust }): Box[] => [
      [x(clean.share) - 5, y(robust.share) - 5, x(clean.share) + 5, y(robust.share) + 5],
      [x(clean.low), y(robust.share) - 1, x(clean.high), y(robust.share) + 1],
      [x(clean.share) - 1, y(robust.high), x(clean.share) + 1, y(robust.low)],
    ]);
    const bounds: Box = [EDGES.left, EDGES.top, width - EDGES.right, HEIGHT - EDGES.bottom];
    for (const label of labelDots(dots, taken, bounds)) node.appendChild(label);
    return { node, height: HEIGHT };
  });
}

/** From a little below the lowest end to a little above the highest, within 0 and 1. */
function domain(shares: readonly Share[]): [number, number] {
  const low = Math.min(...shares.map(({ low }) => low));
  const high = Math.max(...shares.map(({ high }) => high));
  const room = 0.08 * (high - low) || 0.01;
  return [Math.max(0, low - room), Math.min(1, high + room)];
}

function marks(rows: readonly TradeOffRow[], kinds: readonly string[]): Plot.Markish[] {
  const color = ({ kind }: TradeOffRow) => lookAt(kinds.indexOf(kind)).color;
  const of = (side: "clean" | "robust", key: keyof Share) => (row: TradeOffRow) =>
    100 * row[side][key];
  const [x, y] = [of("clean", "share"), of("robust", "share")];
  return [
    Plot.ruleY(rows, {
      ...{ y, x1: of("clean", "low"), x2: of("clean", "high"), stroke: color },
      strokeOpacity: 0.5,
    }),
    Plot.ruleX(rows, {
      ...{ x, y1: of("robust", "low"), y2: of("robust", "high"), stroke: color },
      strokeOpacity: 0.5,
    }),
    Plot.dot(rows.filter(({ suspected }) => !suspected), {
      ...{ x, y, r: 5, fill: color, stroke: colors.ink, strokeWidth: 0.5 },
    }),
    Plot.dot(rows.filter(({ suspected }) => suspected), {
      ...{ x, y, r: 4.5, fill: "white", stroke: color, strokeWidth: 2 },
    }),
  ];
}
