/**
 * Networks compared on the same images: paired differences, how sure they are, and how many were
 * made.
 *
 * @module
 */
import { uniform } from "../random.ts";
import { mean, median, quantile } from "../statistics.ts";

/** A network's norms, image by image. */
export interface Measured {
  network: string;
  /** The norm: 0, 1, 2 or `Infinity`. */
  p: number;
  image: number;
  /** `Infinity` where none was found. */
  minNorm: number;
}

/** Two networks in one norm, on the images that both have. */
export interface Comparison {
  p: number;
  first: string;
  second: string;
  images: number;
  /** Images at which the first network's norm is larger, and at which the second's is. */
  firstLarger: number;
  secondLarger: number;
  /** Median of the differences, first less second. */
  difference: number;
  /** 95 % bootstrap interval of that median, by itself: not corrected for other comparisons. */
  low: number;
  high: number;
  /** Of the sign test, two-sided. */
  pValue: number;
  /** The same after Holm's correction over all comparisons made together. */
  adjusted: number;
}

/** Settings of {@linkcode comparePairs}. */
export interface CompareOptions {
  /** Samples of the bootstrap. @default 2000 */
  samples?: number;
  /** Of the bootstrap. @default 0 */
  seed?: number;
}

/**
 * Compares each two networks in each norm, on the same images.
 *
 * Where neither has a norm, both being infinite, the image counts as a tie.
 *
 * @param rows In any order; the networks' order is that of their first rows.
 * @returns By norm, then by pair; empty if there is one network only.
 * @throws {RangeError} If two networks have no image in common.
 */
export function comparePairs(
  rows: readonly Measured[],
  { samples = 2000, seed = 0 }: CompareOptions = {},
): Comparison[] {
  const names = [...new Set(rows.map((row) => row.network))];
  const norms = [...new Set(rows.map((row) => row.p))].sort((a, b) => a - b);
  const drawn = new Map<number, Uint16Array[]>();
  const compared = norms.flatMap((p) =>
    pairsOf(names).flatMap(([first, second]) => {
      const differences = differencesOf(rows.filter((row) => row.p === p), first, second);
      const count = differences.length;
      const draws = drawn.get(count) ?? resamples(count, samples, seed);
      drawn.set(count, draws); // the same images drawn for all pairs
      const medians = bootstrapMedians(differences, draws);
      const firstLarger = differences.filter((one) => one > 0).length;
      const secondLarger = differences.filter((one) => one < 0).length;
      return {
        ...{ p, first, second, images: count, firstLarger, secondLarger },
        difference: median(differences),
        low: quantile(medians, 0.025),
        high: quantile(medians, 0.975),
        pValue: signTest(firstLarger, secondLarger),
      };
    })
  );
  const adjusted = holm(compared.map(({ pValue }) => pValue));
  return compared.map((one, i) => ({ ...one, adjusted: adjusted[i]! }));
}

/** All pairs, the earlier one first. */
export function pairsOf<T>(items: readonly T[]): [first: T, second: T][] {
  return items.flatMap((first, i) => items.slice(i + 1).map((second): [T, T] => [first, second]));
}

function differencesOf(rows: readonly Measured[], first: string, second: string): number[] {
  const of = (network: string) =>
    new Map(
      rows.filter((row) => row.network === network).map((row) => [row.image, row.minNorm]),
    );
  const [ours, theirs] = [of(first), of(second)];
  const shared = [...ours.keys()].filter((image) => theirs.has(image));
  if (shared.length === 0) {
    throw new RangeError(
      `Cannot compare ${first} with ${second} as they must have images in common: ` +
        "current value is none",
    );
  }
  return shared.map((image) => {
    const [a, b] = [ours.get(image)!, theirs.get(image)!];
    return a === b ? 0 : a - b; // infinity less infinity is not a number
  });
}

/**
 * Draws samples with replacement.
 *
 * @param count Size of the sample, and of each drawn from it; at most 65,535.
 * @returns For each drawn sample, how often it has each item.
 */
export function resamples(count: number, samples: number, seed = 0): Uint16Array[] {
  return Array.from({ length: samples }, (_, stream) => {
    const times = new Uint16Array(count);
    for (const share of uniform(count, seed, stream)) times[Math.floor(share * count)]!++;
    return times;
  });
}

/**
 * The medians of samples drawn from some values.
 *
 * @param values May be infinite.
 * @param draws As {@linkcode resamples} makes them, for as many values.
 * @see Efron, "Bootstrap methods: another look at the jackknife" (1979),
 *   https://doi.org/10.1214/aos/1176344552
 */
export function bootstrapMedians(
  values: readonly number[],
  draws: readonly Uint16Array[],
): number[] {
  const order = Array.from(values.keys()).sort((a, b) =>
    values[a] === values[b] ? 0 : values[a]! - values[b]!
  );
  const [lower, upper] = [Math.floor((values.length - 1) / 2), Math.floor(values.length / 2)];
  return draws.map((times) => {
    let [passed, below] = [0, NaN];
    for (const place of order) {
      passed += times[place]!;
      if (passed > lower && Number.isNaN(below)) below = values[place]!;
      if (passed > upper) return mean([below, values[place]!]);
    }
    return NaN; // not reached: a sample has as many items as there are values
  });
}

/**
 * The sign test: could it be chance that one side is larger so often? Ties are left out.
 *
 * @param first How often the first side is larger.
 * @param second How often the second one is.
 * @returns The two-sided p-value, exact: the probability, if either side were as likely to be the
 *   larger one, of a count as uneven as this or more.
 * @throws {RangeError} If a count is not whole or below 0.
 */
export function signTest(first: number, second: number): number {
  for (const one of [first, second]) {
    if (Number.isInteger(one) && one >= 0) continue;
    throw new RangeError(
      `Cannot test signs as counts must be whole and >= 0: current value is ${one}`,
    );
  }
  const [count, fewer] = [first + second, Math.min(first, second)];
  let logarithm = count * Math.log(0.5); // of the probability that no sign is of the rarer kind
  let tail = Math.exp(logarithm);
  for (let k = 0; k < fewer; k++) {
    logarithm += Math.log((count - k) / (k + 1));
    tail += Math.exp(logarithm);
  }
  return Math.min(1, 2 * tail);
}

/**
 * Holm's correction: with these p-values, the chance that any true null hypothesis among them falls
 * below 5 % is 5 % at most, whatever their dependence.
 *
 * @param pValues In [0, 1].
 * @returns In the same order.
 * @see Holm, "A simple sequentially rejective multiple test procedure" (1979),
 *   https://www.jstor.org/stable/4615733
 */
export function holm(pValues: readonly number[]): number[] {
  const order = Array.from(pValues.keys()).sort((a, b) => pValues[a]! - pValues[b]!);
  const adjusted = new Array<number>(pValues.length);
  let largest = 0;
  order.forEach((place, rank) => {
    largest = Math.max(largest, Math.min(1, (pValues.length - rank) * pValues[place]!));
    adjusted[place] = largest;
  });
  return adjusted;
}
