/**
 * Figure: the same architecture trained with several seeds, a dot for each training.
 *
 * @module
 */
import * as Plot from "@observablehq/plot";
import { chart, colors, type Figure } from "./figure.ts";
import { textWidth } from "./measure.ts";
import { imageCount, lookAt, normAxis, normTitle, panelFigure } from "./min_norms.ts";
import { titled } from "./titled.ts";

/** One training. */
export interface SeedRow {
  network: string;
  p: number;
  /** Seed of the training. */
  training: number;
  /** Median of the smallest norms found, over the images. */
  median: number;
}

export interface SeedOptions {
  /** Images of each training. */
  images: number;
  title?: string;
  subtitle?: string;
}

const LINE = 30;

/**
 * Draws each training's median, an architecture a line.
 *
 * @throws {RangeError} If there are no rows with a finite median.
 */
export function seedDots(rows: readonly SeedRow[], options: SeedOptions): Figure {
  const drawn = rows.filter(({ median }) => median < Infinity);
  if (drawn.length === 0) {
    throw new RangeError("Cannot draw seeds as there must be medians: current value is none");
  }
  const { images, title = "The same architecture, trained with other seeds" } = options;
  const {
    subtitle = `A dot is one training: its median norm over the same ${imageCount(images)}. ` +
      "To say something of an architecture, trainings are what counts, not images. Norms are " +
      "upper bounds",
  } = options;
  const norms = [...new Set(drawn.map(({ p }) => p))].sort((a, b) => a - b);
  const networks = [...new Set(rows.map(({ network }) => network))];
  const look = new Map(networks.map((network, place) => [network, lookAt(place).color]));
  return panelFigure({ title, subtitle }, norms, (p, width) => {
    const own = drawn.filter((row) => row.p === p);
    const height = 60 + LINE * networks.length;
    const plot = chart({
      width,
      height,
      marginLeft: 14 + Math.max(...networks.map((name) => textWidth(name, { size: 11 }))),
      marginRight: 16,
      marginTop: 8,
      marginBottom: 40,
      x: {
        label: `median of ${normAxis(p)}`,
        labelAnchor: "center",
        labelArrow: "none",
        domain: [0, 1.08 * Math.max(...own.map(({ median }) => median)) || 1],
        ticks: 5,
        grid: true,
      },
      y: { label: null, domain: networks, tickSize: 0 },
      marks: [
        Plot.dot(own, {
          x: "median",
          y: "network",
          r: 5,
          fill: (row: SeedRow) => look.get(row.network) ?? colors.ink,
          fillOpacity: 0.7,
          stroke: colors.ink,
          strokeWidth: 0.5,
        }),
      ],
    });
    return titled({ title: normTitle(p), width, height, plot });
  });
}
