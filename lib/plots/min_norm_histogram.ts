/**
 * Figure: how many images have which minimal norm, network by network.
 *
 * @module
 */
import * as Plot from "@observablehq/plot";
import { median } from "../statistics.ts";
import { chart, colors, count, element, type Figure, text } from "./figure.ts";
import { shortened, textWidth } from "./measure.ts";
import {
  type Block,
  byNorm,
  imageCount,
  largestNorm,
  type MinNormRow,
  type NetworkNorms,
  normAxis,
  type NormGroup,
  normTitle,
  outcomes,
  panelFigure,
  written,
} from "./min_norms.ts";

/** Texts of a figure of minimal norms. */
export interface MinNormFigureOptions {
  title?: string;
  /** In place of the words that explain the figure. */
  subtitle?: string;
}

const BINS = 40;
const CHART = 118;
const HEAD = 44;

/**
 * Draws one small histogram for each network, those of one norm above each other with the same bins.
 * Images that are misclassified already or that nothing was found for are counted in words.
 *
 * @throws {RangeError} If there are no rows, a norm is negative or NaN, or an image comes twice.
 */
export function minNormHistogram(
  rows: readonly MinNormRow[],
  options: MinNormFigureOptions = {},
): Figure {
  const { title = "Minimal norms by network" } = options;
  const {
    subtitle = "Each norm is the smallest that was found: an upper bound of the image's " +
      "minimal perturbation. Bars: found, norm above 0. Dashed: the median over all images",
  } = options;
  return panelFigure({ title, subtitle }, byNorm(rows, "a histogram"), panel);
}

function panel(group: NormGroup, width: number): Block {
  const step = binStep(largestNorm(group), group.p);
  const drawn = group.networks.map((one) => ({ ...one, bars: bins(one.minNorms, step, group.p) }));
  const highest = Math.max(...drawn.flatMap(({ bars }) => bars.map((bar) => bar.share)), 1);
  const end = Math.max(...drawn.flatMap(({ bars }) => bars.map((bar) => bar.to)), step);
  const name = normTitle(group.p);
  const node = element(
    "g",
    {},
    text(0, 12, name, { size: 13, weight: 700, anchor: "start" }),
    text(textWidth(name, { size: 13, weight: 700 }) + 12, 12, "↑ share of images (%)", {
      size: 11,
      anchor: "start",
    }),
  );
  drawn.forEach((one, i) => {
    const last = i === drawn.length - 1;
    const part = histogram(one, { p: group.p, width, highest: 1.05 * highest, end, last });
    part.setAttribute("transform", `translate(0,${26 + i * (CHART + HEAD)})`);
    node.appendChild(part);
  });
  return { node, height: 26 + drawn.length * (CHART + HEAD) + 12 };
}

interface Bar {
  from: number;
  to: number;
  /** In percent of all images. */
  share: number;
}

/** Width of a bin: 1, 2 or 5 times a power of ten; for counts of pixels a whole number. */
function binStep(largest: number, p: number): number {
  const rough = largest / BINS;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= rough) ?? rough;
  return p === 0 ? Math.max(1, Math.round(step)) : step;
}

/** Bins up to the largest norm. Those of pixel counts are centred on whole numbers. */
function bins(minNorms: readonly number[], step: number, p: number): Bar[] {
  const shift = p === 0 ? 0.5 : 0;
  const counts = new Map<number, number>();
  for (const norm of minNorms) {
    if (norm === 0 || norm === Infinity) continue;
    const place = Math.floor((norm - shift) / step * (1 + 1e-12));
    counts.set(place, (counts.get(place) ?? 0) + 1);
  }
  return [...counts].sort(([a], [b]) => a - b).map(([place, number]) => ({
    from: place * step + shift,
    to: (place + 1) * step + shift,
    share: 100 * number / minNorms.length,
  }));
}

interface Frame {
  p: number;
  width: number;
  /** Upper ends of the axes. */
  highest: number;
  end: number;
  /** Whether the axis is named below. */
  last: boolean;
}

function histogram(
  { network, color, minNorms, bars }: NetworkNorms & { bars: Bar[] },
  { p, width, highest, end, last }: Frame,
) {
  const middle = median(minNorms);
  const { zeros, missing } = outcomes(minNorms);
  const plot = chart({
    width,
    height: CHART + 12,
    marginLeft: 34,
    marginRight: 14,
    marginTop: 10,
    marginBottom: 36,
    x: {
      label: last ? normAxis(p) : null,
      labelAnchor: "center",
      labelArrow: "none",
      domain: [0, end],
      ticks: 6,
    },
    y: { label: null, domain: [0, highest], ticks: 3, grid: true },
    marks: [
      Plot.rect(bars, {
        x1: "from",
        x2: "to",
        y1: 0,
        y2: "share",
        fill: color,
        insetLeft: 0.5,
        insetRight: 0.5,
      }),
      Plot.ruleY([0], { stroke: colors.ink }),
      ...(middle < Infinity
        ? [
          Plot.ruleX([middle], { stroke: "white", strokeWidth: 3 }), // or dark bars would hide it
          Plot.ruleX([middle], { stroke: colors.ink, strokeWidth: 1.5, strokeDasharray: "4,3" }),
        ]
        : []),
    ],
  });
  const facts = `median ${written(middle, p)} · ${imageCount(minNorms.length)} · ` +
    `${count(zeros)} misclassified · ${count(missing)} not found`;
  const name = shortened(network, width, { size: 13, weight: 700 });
  return element(
    "g",
    {},
    text(0, 11, name, { size: 13, weight: 700, anchor: "start", fill: color }),
    text(0, 27, facts, { size: 11, anchor: "start", fill: colors.muted }),
    element("g", { transform: "translate(0,32)" }, plot),
  );
}
