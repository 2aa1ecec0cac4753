/**
 * The last figures in numbers with intervals, and which of what `test` showed `val` confirms.
 *
 * @module
 */
import type { AccuracyRow, FinalResistance } from "../final.ts";
import type { FinalNorm } from "./norms.ts";
import { quantile, wilson } from "../statistics.ts";
import { bootstrapMedians, resamples } from "../statistics/paired.ts";
import { delong } from "../statistics/ranking.ts";

/** A figure of a network, and where that of all such images may lie: a 95 % interval. */
export interface Estimated {
  network: string;
  /** The images that it was measured on. */
  set: string;
  value: number;
  low: number;
  high: number;
  /** How many images. */
  images: number;
}

/** Accuracies with Wilson's interval, in [0, 1]. */
export function shares(rows: readonly AccuracyRow[]): Estimated[] {
  return rows.map(({ network, set, right, images }) => {
    const [low, high] = wilson(right, images);
    return { network, set, value: right / images, low, high, images };
  });
}

/** Settings of a bootstrap. */
export interface Bootstrap {
  /** @default 2000 */
  samples?: number;
  /** @default 0 */
  seed?: number;
}

/** Medians of minimal norms, by network, norm and set, with their bootstrap intervals. */
export function medians(
  norms: readonly FinalNorm[],
  { samples = 2000, seed = 0 }: Bootstrap = {},
): (Estimated & { p: number })[] {
  const groups = Map.groupBy(
    norms,
    ({ network, p, set }) => JSON.stringify([network, `${p}`, set]),
  );
  return [...groups.values()].map((group) => {
    const { network, p, set } = group[0]!;
    const values = group.map(({ minNorm }) => minNorm);
    const drawn = bootstrapMedians(values, resamples(values.length, samples, seed));
    const [low, high] = [quantile(drawn, 0.025), quantile(drawn, 0.975)];
    return { network, p, set, value: quantile(values, 0.5), low, high, images: values.length };
  });
}

/**
 * How well small resistances find mistakes: the areas under ROC curves with DeLong's interval, by
 * network and set. Sets with fewer than two images right or wrong are left out.
 */
export function areas(resistances: readonly FinalResistance[]): Estimated[] {
  return groups(resistances).flatMap(({ network, set, wrong, right }) => {
    if (wrong.length < 2 || right.length < 2) return [];
    const all = [...wrong, ...right];
    const scores = all.map((resN) => -resN);
    const { value, low, high } = delong(scores, all.map((_, i) => i < wrong.length));
    return [{
      network,
      set,
      value,
      low: Math.max(0, low),
      high: Math.min(1, high),
      images: all.length,
    }];
  });
}

/** A threshold that was set on `test`, and what it does on `val`. */
export interface Transfer {
  network: string;
  /** Resistance below which the share of `alarms` of the right images of `test` lies. */
  threshold: number;
  /** Share of the right images of `val` below it, and its interval. */
  falseAlarms: number;
  low: number;
  high: number;
  /** Of the mistakes on `val`, how many are below it. */
  found: number;
  mistakes: number;
}

/**
 * Sets a threshold on `test` so that a share of the right images would be called suspect, and counts
 * what it does on `val`. Networks without resistances on `test` are left out.
 *
 * @param alarms In (0, 1).
 */
export function transfers(resistances: readonly FinalResistance[], alarms: number): Transfer[] {
  const all = groups(resistances);
  return all.filter(({ set }) => set === "val").flatMap(({ network, wrong, right }) => {
    const test = all.find((one) => one.network === network && one.set === "test");
    if (!test || test.right.length === 0 || right.length === 0) return [];
    const threshold = quantile(test.right, alarms);
    const below = (values: readonly number[]) => values.filter((one) => one < threshold).length;
    const [low, high] = wilson(below(right), right.length);
    return [{
      network,
      threshold,
      falseAlarms: below(right) / right.length,
      low,
      high,
      found: below(wrong),
      mistakes: wrong.length,
    }];
  });
}

/** Resistances by network and set. */
function groups(resistances: readonly FinalResistance[]) {
  const groups = Map.groupBy(resistances, ({ network, set }) => JSON.stringify([network, set]));
  return [...groups.values()].map((group) => {
    const of = (kind: boolean) =>
      group.filter(({ wrong }) => wrong === kind).map(({ resN }) => resN);
    const { network, set } = group[0]!;
    return { network, set, wrong: of(true), right: of(false) };
  });
}

/** What became of what one set of images said of pairs of networks. */
export interface Replication {
  /** Pairs that the first set tells apart: their intervals do not overlap. */
  pairs: number;
  /** Of these on the second set: told apart in the same order, not told apart, or reversed. */
  confirmed: number;
  open: number;
  reversed: number;
}

/**
 * Asks of each two networks that one set tells apart whether another set agrees. Intervals that
 * overlap may still hide a difference, so that "open" is no "no".
 *
 * @param rows Of one measure; one row for each network and set.
 */
export function replication(
  rows: readonly Estimated[],
  first: string,
  second: string,
): Replication {
  const on = (set: string) => rows.filter((row) => row.set === set);
  const result: Replication = { pairs: 0, confirmed: 0, open: 0, reversed: 0 };
  const ours = on(first);
  for (const [i, a] of ours.entries()) {
    for (const b of ours.slice(i + 1)) {
      const [c, d] = [a, b].map(({ network }) => on(second).find((row) => row.network === network));
      const order = orderOf(a, b);
      if (order === 0 || !c || !d) continue;
      result.pairs++;
      const again = orderOf(c, d);
      result[again === 0 ? "open" : again === order ? "confirmed" : "reversed"]++;
    }
  }
  return result;
}

/** 1 or -1 where intervals lie apart, else 0. */
function orderOf(a: Estimated, b: Estimated): number {
  return a.low > b.high ? 1 : a.high < b.low ? -1 : 0;
}
