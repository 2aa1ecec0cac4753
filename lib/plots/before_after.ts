/**
 * Figure: the smallest norm of each image before and after something was done to the network.
 *
 * @module
 */
import { median } from "../statistics.ts";
import { chart, colors, element, type Figure, percent, type SvgNode } from "./figure.ts";
import { imageCount, normAxis, normTitle, panelFigure, written } from "./min_norms.ts";
import { titled } from "./titled.ts";

/** One image in one norm, at both networks. */
export interface BeforeAfterRow {
  p: number;
  image: number;
  /** 0 where misclassified already, `Infinity` where none was found. */
  before: number;
  after: number;
}

export interface BeforeAfterOptions {
  /** What the two networks are called. */
  before: string;
  after: string;
  title?: string;
  subtitle?: string;
}

const MARGINS = { left: 58, right: 12, top: 10, bottom: 42 } as const;
const HEIGHT = 300;
const DOT = 3;

/**
 * Draws a dot for each image: above the diagonal it needs the larger norm afterwards.
 *
 * @throws {RangeError} If there are no rows, or a norm is negative or NaN.
 */
export function beforeAfter(
  rows: readonly BeforeAfterRow[],
  options: BeforeAfterOptions,
): Figure {
  check(rows);
  const { before, after, title = `Smallest norms, image by image: ${after} against ${before}` } =
    options;
  const {
    subtitle = `A dot is one image. Above the diagonal, ${after} needs the larger norm. Where ` +
      "none was found, the dot lies on the upper or right edge; misclassified images lie on the " +
      "axes. Crosses: medians. Norms found are upper bounds",
  } = options;
  const norms = [...new Set(rows.map(({ p }) => p))].sort((a, b) => a - b);
  return panelFigure({ title, subtitle }, norms, (p, width) => {
    const own = rows.filter((row) => row.p === p);
    const plot = panel(own, { p, width, before, after });
    return titled({ title: normTitle(p), words: words(own, p), width, height: HEIGHT, plot });
  });
}

function check(rows: readonly BeforeAfterRow[]): void {
  const fail = (rule: string, value: unknown) =>
    new RangeError(`Cannot draw norms before and after as ${rule}: current value is ${value}`);
  if (rows.length === 0) throw fail("there must be rows", "none");
  const bad = rows.flatMap(({ before, after }) => [before, after]).find((norm) => !(norm >= 0));
  if (bad !== undefined) throw fail("norms must be >= 0", bad);
}

/** What the dots come to. */
function words(rows: readonly BeforeAfterRow[], p: number): string {
  const share = (keep: (row: BeforeAfterRow) => boolean) =>
    percent(rows.filter(keep).length / rows.length);
  const middle = (key: "before" | "after") => written(median(rows.map((row) => row[key])), p);
  return `${imageCount(rows.length)}: ${share(({ before, after }) => after > before)} need more ` +
    `after, ${share(({ before, after }) => after < before)} less; ` +
    `medians ${middle("before")} and ${middle("after")}`;
}

interface Frame {
  p: number;
  width: number;
  before: string;
  after: string;
}

function panel(
  rows: readonly BeforeAfterRow[],
  { p, width, before, after }: Frame,
): SvgNode {
  const finite = rows.flatMap((row) => [row.before, row.after]).filter((norm) => norm < Infinity);
  const end = 1.04 * Math.max(...finite, 0) || 1;
  const axis = { domain: [0, end], ticks: 5, labelArrow: "none" as const };
  const node = chart({
    ...{ width, height: HEIGHT, marginLeft: MARGINS.left, marginRight: MARGINS.right },
    ...{ marginTop: MARGINS.top, marginBottom: MARGINS.bottom },
    x: { ...axis, label: `${normAxis(p)} of ${before}`, labelAnchor: "center" },
    y: { ...axis, label: `of ${after}`, labelAnchor: "center", grid: true },
  });
  const across = (norm: number) =>
    MARGINS.left + Math.min(1, norm / end) * (width - MARGINS.left - MARGINS.right);
  const up = (norm: number) =>
    HEIGHT - MARGINS.bottom - Math.min(1, norm / end) * (HEIGHT - MARGINS.top - MARGINS.bottom);
  const [x, y] = [median(rows.map((row) => row.before)), median(rows.map((row) => row.after))];
  node.appendChild(element("path", {
    ...{ d: `M${across(0)},${up(0)}L${across(end)},${up(end)}`, stroke: colors.muted },
    ...{ "stroke-dasharray": "3,3", fill: "none" },
  }));
  node.appendChild(dots(rows.map(({ before, after }) => [across(before), up(after)])));
  node.appendChild(element("path", {
    d: `M${across(x) - 6},${up(y)}h12M${across(x)},${up(y) - 6}v12`,
    ...{ stroke: colors.adversarial, "stroke-width": 2.5, fill: "none" },
  }));
  return node;
}

/** All dots as one path of the shortest lines with round ends: a fifth of as many circles. */
function dots(places: readonly (readonly [x: number, y: number])[]): SvgNode {
  const near = (value: number) => Math.round(2 * value) / 2;
  const marks = places.map(([x, y]) => `M${near(x)},${near(y)}h.01`);
  return element("path", {
    d: [...new Set(marks)].join(""), // those in one place look as one
    ...{ stroke: colors.clean, "stroke-width": DOT, "stroke-linecap": "round" },
    ...{ "stroke-opacity": 0.55, fill: "none" },
  });
}
