/**
 * Figures of smoothed classifiers: what is proven of them, and what attacks leave.
 *
 * @module
 */
import type { Figure } from "./figure.ts";
import { type Line, lineFigure } from "./line_panels.ts";

/** A smoothed classifier. */
export interface CertifiedRow {
  name: string;
  /** Each image's certified radius; -1 where the answer is wrong or withheld. */
  radii: readonly number[];
  /** Norms at which attacks deceived it: 0 where it is wrong as it is, `Infinity` where none did. */
  attacked?: readonly number[];
}

/** Norms of a classifier to compare with, of which nothing is proven. */
export interface Unproven {
  name: string;
  norms: readonly number[];
}

export interface CertifiedOptions {
  title?: string;
  subtitle?: string;
  unproven?: Unproven;
}

const names = ["proven, a lower bound", "attacked, an upper bound"] as const;
/** Places of the curves on their axis. */
const PLACES = 120;

/**
 * Draws certified accuracy against the L2 radius, a curve for each classifier, and the robust accuracy
 * that attacks leave of another one.
 *
 * @throws {RangeError} If there are no classifiers, or one has no images.
 */
export function certifiedCurves(
  rows: readonly CertifiedRow[],
  { title = "Certified accuracy of smoothed classifiers", subtitle = "", unproven }:
    CertifiedOptions = {},
): Figure {
  const end = endOf(rows);
  const lines = rows.map(({ name, radii }) => proven(name, radii, end));
  if (unproven) lines.push(left(unproven.name, unproven.norms, end));
  return lineFigure({
    ...{ title, subtitle, label: `${title}. ${subtitle}` },
    size: { width: 730, height: 340 },
    panels: [{ ...axes(end), lines }],
  });
}

/**
 * Draws for each classifier what is proven of it and what attacks leave: the truth lies between.
 *
 * @throws {RangeError} If there are no classifiers, or one has no images.
 */
export function proofAndAttack(
  rows: readonly CertifiedRow[],
  { title = "Between proof and attack", subtitle = "" }: Omit<CertifiedOptions, "unproven"> = {},
): Figure {
  const end = endOf(rows);
  const columns = rows.length % 3 === 1 ? 2 : 3;
  return lineFigure({
    ...{ title, subtitle, label: `${title}. ${subtitle}`, names },
    size: { width: 738 / columns, height: 270 },
    columns,
    panels: rows.map(({ name, radii, attacked = [] }) => ({
      title: name,
      ...axes(end),
      lines: [
        proven(names[0], radii, end),
        ...attacked.length > 0 ? [left(names[1], attacked, end)] : [],
      ],
    })),
  });
}

/** The end of the axis: a little more than the largest finite value. */
function endOf(rows: readonly CertifiedRow[]): number {
  const fail = (rule: string, value: unknown) =>
    new RangeError(`Cannot draw certified accuracy as ${rule}: current value is ${value}`);
  if (rows.length === 0) throw fail("there must be classifiers", "none");
  const empty = rows.find(({ radii }) => radii.length === 0);
  if (empty) throw fail("each must have images", empty.name);
  const finite = rows.flatMap(({ radii, attacked = [] }) => [...radii, ...attacked])
    .filter((value) => value < Infinity);
  return 1.05 * Math.max(...finite, 0) || 1;
}

const axes = (end: number) => ({
  x: { label: "$L_2$ radius", domain: [0, end] as const },
  y: { label: "share of images", domain: [0, 1] as const, percent: true },
});

const proven = (name: string, radii: readonly number[], end: number): Line =>
  curve(name, end, (x) => radii.filter((radius) => radius >= x).length / radii.length);

const left = (name: string, norms: readonly number[], end: number): Line =>
  curve(name, end, (x) => norms.filter((norm) => norm > x).length / norms.length);

function curve(name: string, end: number, share: (x: number) => number): Line {
  const places = Array.from({ length: PLACES + 1 }, (_, i) => end * i / PLACES);
  return { name, kind: "step", points: places.map((x) => ({ x, y: share(x) })) };
}
