/**
 * Figure: the smallest norms so far against time, and where other attacks end.
 *
 * @module
 */
import * as Plot from "@observablehq/plot";
import { chart, colors, count, element, type Figure, type SvgNode, text } from "./figure.ts";
import { type Box, labelDots } from "./dot_labels.ts";
import {
  type Block,
  imageCount,
  normAxis,
  normTitle,
  note,
  panelFigure,
  written,
} from "./min_norms.ts";

/** Where a run stood at some moment. */
export interface AnytimeMoment {
  seconds: number;
  /** Forward plus backward passes, the mean of the images. */
  passes: number;
  /** Over all images; `Infinity` until each has a norm. */
  mean: number;
  /** `Infinity` until half of them have one. */
  median: number;
}

/** What another attack reached when it ended. */
export interface AnytimePeer {
  name: string;
  seconds: number;
  mean: number;
  median: number;
}

/** A run in one norm, and its peers. */
export interface AnytimeRun {
  p: number;
  moments: readonly AnytimeMoment[];
  peers: readonly AnytimePeer[];
}

/** What was attacked, and how time is told. */
export interface AnytimePeersOptions {
  network: string;
  /** How many images. */
  images: number;
  /** Peers are drawn against seconds only: how many passes they took is not known. */
  against: "seconds" | "passes";
}

/** A dot or a corner of a curve. */
interface Point {
  at: number;
  norm: number;
  name: string;
}

interface Group {
  p: number;
  of: "mean" | "median";
  curve: Point[];
  dots: Point[];
  /** Peers above the chart, with their norms. */
  beyond: Point[];
  /** Ends of the axes. */
  across: readonly [number, number];
  up: readonly [number, number];
}

const HEIGHT = 250;
const MARGIN = { left: 48, right: 14, top: 12, bottom: 40 } as const;

/** Larger norms, as multiples of the smallest of a chart, are not drawn: the ends are what matters. */
const WORST = 1.3;

/**
 * Draws the mean and the median of the smallest norms so far, in each norm a chart of both, with the
 * peers as dots where they end.
 *
 * @throws {RangeError} If there are no runs or one has no moments, a time is not above 0, or a norm
 *   is negative or NaN.
 */
export function anytimePeers(
  runs: readonly AnytimeRun[],
  { network, images, against }: AnytimePeersOptions,
): Figure {
  check(runs);
  const groups = runs.flatMap((run) =>
    (["mean", "median"] as const).map((of) => grouped(run, of, against))
  );
  const hasPeers = against === "seconds" && runs.some(({ peers }) => peers.length > 0);
  return panelFigure(
    {
      title: `Smallest norms so far against ${against}: ${network}`,
      subtitle: `Over ${imageCount(images)}; upper bounds of the minimal perturbations, the best ` +
        "points of runs under way not yet judged alone. The line is the portfolio, pale where it " +
        `has ended${hasPeers ? "; dots are other attacks, where each ends" : ""}. ` +
        (against === "seconds" ? "Seconds are those of all images together. " : "") +
        `Norms above ${WORST} times the smallest are not drawn`,
    },
    groups,
    (group, width) => panel(group, width, against),
  );
}

function check(runs: readonly AnytimeRun[]): void {
  const fail = (rule: string, value: unknown) =>
    new RangeError(`Cannot draw norms against time as ${rule}: current value is ${value}`);
  if (runs.length === 0) throw fail("there must be runs", "none");
  for (const { moments, peers } of runs) {
    if (moments.length === 0) throw fail("a run must have moments", "none");
    const times = [...moments.flatMap(({ seconds, passes }) => [seconds, passes])]
      .concat(peers.map(({ seconds }) => seconds));
    const time = times.find((time) => !(time > 0 && time < Infinity));
    if (time !== undefined) throw fail("times must be above 0", time);
    const norm = [...moments, ...peers].flatMap(({ mean, median }) => [mean, median])
      .find((norm) => !(norm >= 0));
    if (norm !== undefined) throw fail("norms must be >= 0", norm);
  }
}

function grouped(
  { p, moments, peers }: AnytimeRun,
  of: Group["of"],
  against: AnytimePeersOptions["against"],
): Group {
  const points = moments.map((one) => ({ at: one[against], norm: one[of], name: "portfolio" }));
  const others = against === "passes"
    ? []
    : peers.map((one) => ({ at: one.seconds, norm: one[of], name: one.name }));
  const smallest = Math.min(...[...points, ...others].map(({ norm }) => norm));
  const drawn = ({ norm }: Point) => norm < Infinity && norm <= WORST * smallest;
  const curve = points.filter(drawn);
  const [dots, beyond] = [others.filter(drawn), others.filter((one) => !drawn(one))];
  const all = [...curve, ...dots];
  const norms = all.map(({ norm }) => norm);
  const [from, to] = [Math.min(...norms, Infinity), Math.max(...norms, -Infinity)];
  const room = 0.08 * (to - from) || 0.1 * to || 0.1;
  const times = all.map(({ at }) => at);
  const [first, last] = [Math.min(...times), Math.max(...times)];
  return {
    ...{ p, of, curve, dots, beyond },
    across: first < last ? [first / 1.15, last * 1.15] : [first / 2, 2 * first],
    up: [Math.max(0, from - room), to + room],
  };
}

function panel(group: Group, width: number, against: string): Block {
  const { p, of, beyond, curve, dots } = group;
  const title = `${of === "mean" ? "Mean" : "Median"} ${normTitle(p)}, ${normAxis(p)}`;
  const node = element("g", {}, text(0, 12, title, { size: 13, weight: 700, anchor: "start" }));
  let height = 20;
  if (beyond.length > 0) {
    const list = beyond.map(({ name, norm }) => `${name}: ${written(norm, p)}`).join(", ");
    const missing = note(`Above: ${list}`, width);
    node.appendChild(element("g", { transform: "translate(0,28)" }, missing.node));
    height += missing.height;
  }
  if (curve.length + dots.length > 0) {
    const plot = element(
      "g",
      { transform: `translate(0,${height})` },
      plotted(group, width, against),
    );
    for (const label of labels(group, width)) plot.appendChild(label);
    node.appendChild(plot);
    height += HEIGHT;
  }
  return { node, height };
}

function plotted({ curve, dots, across, up }: Group, width: number, against: string): SvgNode {
  const [first, last] = across;
  const place = { x: (point: Point) => Math.log10(point.at), y: "norm" };
  const end = curve.at(-1);
  const stroke = { curve: "step-after", stroke: colors.clean } as const;
  return chart({
    width,
    height: HEIGHT,
    marginLeft: MARGIN.left,
    marginRight: MARGIN.right,
    marginTop: MARGIN.top,
    marginBottom: MARGIN.bottom,
    // A logarithmic axis, by hand: that of d3 leaves labels out.
    x: {
      label: against === "seconds" ? "seconds" : "passes per image",
      labelAnchor: "center",
      labelArrow: "none",
      domain: [Math.log10(first), Math.log10(last)],
      ticks: roundWithin(first, last).map(Math.log10),
      tickFormat: (power: number) => count(Number((10 ** power).toPrecision(3))),
    },
    y: { label: null, domain: [...up], grid: true, ticks: 6 },
    marks: [
      ...(end
        ? [
          Plot.lineY([end, { ...end, at: last }], { ...place, ...stroke, strokeOpacity: 0.3 }),
          Plot.lineY(curve, { ...place, ...stroke, strokeWidth: 2 }),
          Plot.dot([end], { ...place, fill: colors.clean, stroke: "white", r: 4 }),
        ]
        : []),
      Plot.dot(dots, { ...place, fill: colors.adversarial, stroke: "white", r: 4 }),
    ],
  });
}

/** Round numbers from `first` to `last`. */
function roundWithin(first: number, last: number): number[] {
  const powers = Array.from({ length: 12 }, (_, i) => i - 3);
  // Built from text, as powers of ten below 1 are not exact.
  const round = powers.flatMap((power) => [1, 2, 5].map((digit) => Number(`${digit}e${power}`)));
  return round.filter((number) => number >= first && number <= last);
}

/** The peers' names, each beside its dot where there is room. */
function labels({ dots, curve, across, up }: Group, width: number): SvgNode[] {
  const [first, last] = across.map(Math.log10) as [number, number];
  const [bottom, top] = up;
  const inner = {
    width: width - MARGIN.left - MARGIN.right,
    height: HEIGHT - MARGIN.top - MARGIN.bottom,
  };
  const spot = ({ at, norm }: Point) => ({
    x: MARGIN.left + inner.width * (Math.log10(at) - first) / (last - first),
    y: MARGIN.top + inner.height * (top - norm) / (top - bottom),
  });
  const boxAround = (point: Point, reach: number): Box => {
    const { x, y } = spot(point);
    return [x - reach, y - reach, x + reach, y + reach];
  };
  const steps = curve.slice(1).flatMap((point, i): Box[] => {
    const [from, to] = [spot(curve[i]!), spot(point)];
    const [above, below] = from.y < to.y ? [from.y, to.y] : [to.y, from.y];
    return [[from.x, from.y - 2, to.x, from.y + 2], [to.x - 2, above, to.x + 2, below]];
  });
  const taken = [...dots, ...curve.slice(-1)].map((point) => boxAround(point, 4)).concat(steps);
  const bounds: Box = [MARGIN.left, 0, width, HEIGHT - MARGIN.bottom];
  const named = dots.map((dot) => ({ ...spot(dot), name: dot.name }));
  return labelDots(named, taken, bounds);
}
