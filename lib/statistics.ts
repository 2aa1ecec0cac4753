/**
 * Statistics of minimal norms, in which infinity stands for "none was found".
 *
 * @module
 */

/**
 * Finds a quantile by method R-7 (linear between neighbours), as NumPy and d3 do.
 *
 * @param values In any order; infinities count as the largest values.
 * @param share Which quantile, in [0, 1]: 0.5 is the median.
 * @returns `Infinity` if the quantile, or a neighbour that it leans on, is infinite.
 * @throws {RangeError} If there are no values, one is NaN, or `share` is not in [0, 1].
 * @see Hyndman and Fan, "Sample quantiles in statistical packages" (1996),
 *   https://doi.org/10.1080/00031305.1996.10473566
 *
 * @example
 * ```ts
 * import { quantile } from "$lib/statistics.ts";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(quantile([4, 1, 3, 2], 0.5), 2.5);
 * assertEquals(quantile([1, 2, Infinity], 0.5), 2);
 * ```
 */
export function quantile(values: ArrayLike<number>, share: number): number {
  if (!(share >= 0 && share <= 1)) {
    throw new RangeError(
      `Cannot take a quantile as its share must be in [0, 1]: current value is ${share}`,
    );
  }
  const sorted = checked(values, "take a quantile").sort();
  const place = (sorted.length - 1) * share;
  const [below, above] = [sorted[Math.floor(place)]!, sorted[Math.ceil(place)]!];
  // Infinity less infinity is not a number, so equal neighbours are not subtracted.
  return below === above ? below : below + (place - Math.floor(place)) * (above - below);
}

/** The median: half of the values lie on either side; see {@linkcode quantile}. */
export const median = (values: ArrayLike<number>): number => quantile(values, 0.5);

/**
 * The mean.
 *
 * @returns `Infinity` if any value is.
 * @throws {RangeError} If there are no values or one is NaN.
 */
export function mean(values: ArrayLike<number>): number {
  const all = checked(values, "take a mean");
  return all.reduce((sum, value) => sum + value, 0) / all.length;
}

/**
 * The share of images that no perturbation of norm at most `epsilon` was found for.
 *
 * @param minNorms One for each image: 0 where it is misclassified, infinity where none was found.
 * @param epsilon At least 0; at 0 this is the accuracy.
 * @throws {RangeError} If there are no norms, one is negative or NaN, or `epsilon` is.
 */
export function robustAccuracy(minNorms: ArrayLike<number>, epsilon: number): number {
  if (!(epsilon >= 0)) {
    throw new RangeError(
      `Cannot take robust accuracy as epsilon must be >= 0: current value is ${epsilon}`,
    );
  }
  const all = checked(minNorms, "take robust accuracy");
  const negative = all.find((norm) => norm < 0);
  if (negative !== undefined) {
    throw new RangeError(
      `Cannot take robust accuracy as norms must be >= 0: current value is ${negative}`,
    );
  }
  return all.filter((norm) => norm > epsilon).length / all.length;
}

/**
 * Wilson's interval for a share: where the share of all images may lie, given that of a sample.
 *
 * @param successes How many of the sample, a whole number from 0 to `count`.
 * @param count Size of the sample, at least 1.
 * @param z Half width in standard deviations. @default 1.959964, for 95 %
 * @returns Lower and upper end, in [0, 1].
 * @throws {RangeError} If a value is out of range.
 * @see Wilson, "Probable inference, the law of succession, and statistical inference" (1927),
 *   https://doi.org/10.1080/01621459.1927.10502953
 */
export function wilson(successes: number, count: number, z = 1.959964): [number, number] {
  const fail = (rule: string, value: number) =>
    new RangeError(`Cannot take an interval as ${rule}: current value is ${value}`);
  const whole = (value: number) => Number.isInteger(value) && value >= 0;
  if (!whole(count) || count === 0) throw fail("the sample must have images", count);
  if (!whole(successes) || successes > count) {
    throw fail(`successes must be whole and at most ${count}`, successes);
  }
  if (!(z >= 0 && z < Infinity)) throw fail("z must be finite and >= 0", z);
  const share = successes / count;
  const centre = share + z * z / (2 * count);
  const half = z * Math.sqrt(share * (1 - share) / count + (z / (2 * count)) ** 2);
  const scale = 1 + z * z / count;
  // At a share of 0 or 1 one end is that share; rounding must not push it beyond.
  return [
    successes === 0 ? 0 : (centre - half) / scale,
    successes === count ? 1 : (centre + half) / scale,
  ];
}

/** A copy of the values in double precision. */
function checked(values: ArrayLike<number>, action: string): Float64Array {
  if (values.length === 0) {
    throw new RangeError(`Cannot ${action} as there must be values: current value is none`);
  }
  const copy = Float64Array.from(values);
  if (copy.some(Number.isNaN)) {
    throw new RangeError(`Cannot ${action} as values must be numbers: current value is NaN`);
  }
  return copy;
}
