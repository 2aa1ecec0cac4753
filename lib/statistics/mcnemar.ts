/**
 * McNemar's test: two ways to answer the same questions.
 *
 * @module
 */

/** How two ways fare on the same cases. */
export interface McNemar {
  /** Cases that both, only the first, only the second, and neither of them get right. */
  both: number;
  first: number;
  second: number;
  neither: number;
  /**
   * The chance of a difference at least as large if both were equally good: exact, two-sided. Cases
   * that they agree on say nothing of it.
   */
  p: number;
}

/**
 * Compares two ways, case by case.
 *
 * @throws {RangeError} If they are not of the same cases.
 * @see McNemar, "Note on the sampling error of the difference between correlated proportions or
 *   percentages" (1947), https://doi.org/10.1007/BF02295996
 *
 * @example
 * ```ts
 * import { mcnemar } from "$lib/statistics/mcnemar.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const { first, second, p } = mcnemar([true, true, true, false], [true, false, false, false]);
 * assertEquals([first, second, p], [2, 0, 0.5]);
 * ```
 */
export function mcnemar(one: readonly boolean[], other: readonly boolean[]): McNemar {
  if (one.length !== other.length) {
    throw new RangeError(
      `Cannot compare as both must be of the same cases: ` +
        `current value is ${one.length} and ${other.length}`,
    );
  }
  const counts = { both: 0, first: 0, second: 0, neither: 0 };
  one.forEach((right, i) => {
    if (right) counts[other[i] ? "both" : "first"]++;
    else counts[other[i] ? "second" : "neither"]++;
  });
  const { first, second } = counts;
  return { ...counts, p: Math.min(1, 2 * atMost(Math.min(first, second), first + second)) };
}

/** The chance of at most `k` heads among `n` tosses. */
function atMost(k: number, n: number): number {
  // Logarithms, as 2 ** -n is 0 from n = 1075 on.
  let log = -n * Math.LN2;
  let sum = Math.exp(log);
  for (let i = 1; i <= k; i++) {
    log += Math.log((n - i + 1) / i);
    sum += Math.exp(log);
  }
  return sum;
}
