/**
 * Figure: which attack of the portfolio found the smallest perturbation.
 *
 * @module
 */
import * as Plot from "@observablehq/plot";
import { chart, colors, type Figure } from "./figure.ts";
import { lookAt, type MinNormRow, normTitle, panelFigure } from "./min_norms.ts";
import { titled } from "./titled.ts";

/** The smallest perturbation found for one image, and what found it. */
export interface FoundByRow extends MinNormRow {
  /** `null` where none was found, or none was needed. */
  foundBy: string | null;
}

const LINE = 24;
const ALREADY = "misclassified already";
const NOTHING = "none found";

/**
 * Draws for each norm and network how many images' smallest perturbation each attack found.
 *
 * @throws {RangeError} If there are no rows.
 */
export function foundByBars(
  rows: readonly FoundByRow[],
  options: { title?: string; subtitle?: string } = {},
): Figure {
  if (rows.length === 0) {
    throw new RangeError("Cannot draw shares as there must be rows: current value is none");
  }
  const { title = "Which attack found the smallest perturbation" } = options;
  const {
    subtitle = "Share of all images. Later attacks begin where earlier ones ended, so the last " +
      "to improve a norm has its name, not the one that did most",
  } = options;
  const networks = [...new Set(rows.map(({ network }) => network))];
  const norms = [...new Set(rows.map(({ p }) => p))].sort((a, b) => a - b);
  const found = [...new Set(rows.flatMap(({ foundBy }) => foundBy ?? []))];
  const series = [
    ...found.map((name, place) => ({ name, color: lookAt(place).color })),
    ...[{ name: ALREADY, color: colors.faint }, { name: NOTHING, color: colors.ink }]
      .filter(({ name }) => rows.some((row) => finder(row) === name)),
  ].map((one) => ({ ...one, dashes: "" })); // bars have none
  return panelFigure({ title, subtitle, series }, norms, (p, width) => {
    const own = rows.filter((row) => row.p === p);
    const height = 50 + LINE * networks.length;
    const plot = plotted(sharesOf(own, networks, series), { networks, width, height });
    return titled({ title: normTitle(p), width, height, plot });
  });
}

const finder = ({ minNorm, foundBy }: FoundByRow): string =>
  minNorm === 0 ? ALREADY : foundBy ?? NOTHING;

interface Share {
  network: string;
  color: string;
  /** Ends of the bar, in percent of the network's images. */
  from: number;
  to: number;
}

function sharesOf(
  rows: readonly FoundByRow[],
  networks: readonly string[],
  series: readonly { name: string; color: string }[],
): Share[] {
  return networks.flatMap((network) => {
    const own = rows.filter((row) => row.network === network);
    let to = 0;
    return series.map(({ name, color }) => {
      const from = to;
      to += 100 * own.filter((row) => finder(row) === name).length / Math.max(1, own.length);
      return { network, color, from, to };
    }).filter((share) => share.to > share.from);
  });
}

function plotted(
  shares: readonly Share[],
  { networks, width, height }: { networks: readonly string[]; width: number; height: number },
) {
  return chart({
    width,
    height,
    marginLeft: 76,
    marginRight: 16,
    marginTop: 6,
    marginBottom: 38,
    x: {
      label: "share of images (%)",
      labelAnchor: "center",
      labelArrow: "none",
      domain: [0, 100],
      ticks: 5,
    },
    y: { label: null, domain: networks, tickSize: 0 },
    marks: [
      Plot.barX(shares, {
        ...{ y: "network", x1: "from", x2: "to", fill: "color" },
        ...{ insetTop: 3, insetBottom: 3, insetRight: 0.5 },
      }),
    ],
  });
}
