/**
 * An exact test for few units, such as the seeds that an architecture was trained with.
 *
 * @module
 */

/** Splits that are counted through at most. */
const MOST = 1e6;

/**
 * The exact permutation test on ranks (Wilcoxon, Mann and Whitney): of all ways to split the values
 * into two groups of these sizes, the share whose rank sums are as uneven as these or more.
 *
 * @param first One value for each unit; may be infinite. Ties share their ranks.
 * @returns The two-sided p-value; it can't be below {@linkcode leastPValue}.
 * @throws {RangeError} If a group is empty, a value is NaN, or there are over a million splits.
 * @see Mann and Whitney, "On a test of whether one of two random variables is stochastically larger
 *   than the other" (1947), https://doi.org/10.1214/aoms/1177730491
 *
 * @example
 * ```ts
 * import { rankTest } from "$lib/statistics/permutation.ts";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(rankTest([1, 2, 3], [4, 5, 6]), 2 / 20);
 * ```
 */
export function rankTest(first: readonly number[], second: readonly number[]): number {
  const all = [...first, ...second];
  const fail = (rule: string, value: unknown) =>
    new RangeError(`Cannot compare groups as ${rule}: current value is ${value}`);
  if (first.length === 0 || second.length === 0) throw fail("each must have values", "none");
  if (all.some(Number.isNaN)) throw fail("values must be numbers", NaN);
  const splits = splitsOf(first.length, second.length);
  if (splits > MOST) throw fail(`they must have at most ${MOST} splits`, splits);
  const ranks = ranksOf(all);
  const middle = first.length * (all.length + 1) / 2;
  const uneven = (sum: number) => Math.abs(sum - middle);
  const own = uneven(ranks.slice(0, first.length).reduce((a, b) => a + b));
  const sums = [...rankSums(ranks, first.length)];
  // Half ranks are exact in binary, so equal sums are equal.
  return sums.filter((sum) => uneven(sum) >= own).length / sums.length;
}

/** The smallest p-value that groups of these sizes can give: 2 of all splits are the most uneven. */
export function leastPValue(first: number, second: number): number {
  return Math.min(1, 2 / splitsOf(first, second));
}

/** In how many ways so many units can be split into two groups of these sizes. */
function splitsOf(first: number, second: number): number {
  let splits = 1;
  for (let i = 1; i <= first; i++) splits = splits * (second + i) / i;
  return Math.round(splits);
}

/** Ranks from 1 on; those of equal values are their mean. */
function ranksOf(values: readonly number[]): number[] {
  return values.map((value) => {
    const below = values.filter((other) => other < value).length;
    const equal = values.filter((other) => other === value).length;
    return below + (equal + 1) / 2;
  });
}

/** Sums of each choice of `count` ranks. */
function* rankSums(ranks: readonly number[], count: number, from = 0): Generator<number> {
  if (count === 0) return yield 0;
  for (let i = from; i <= ranks.length - count; i++) {
    for (const rest of rankSums(ranks, count - 1, i + 1)) yield ranks[i]! + rest;
  }
}
