/**
 * From scores to probabilities, and whether these keep what they promise.
 *
 * @module
 */

/** A step function that never falls: the probability from each of its thresholds on. */
export interface Isotonic {
  /** Scores at which the steps begin, rising; the first is minus infinity. */
  from: number[];
  /** Probability from there on. */
  probability: number[];
}

/**
 * Fits the rising step function that is nearest to the outcomes (least squares), by pooling
 * neighbours that are in the wrong order.
 *
 * @param scores Infinities are allowed.
 * @param outcomes Whether what is to be predicted came true.
 * @throws {RangeError} If there are no scores, lengths differ, or a score is NaN.
 * @see Zadrozny and Elkan, "Transforming classifier scores into accurate multiclass probability
 *   estimates" (2002), https://doi.org/10.1145/775047.775151
 *
 * @example
 * ```ts
 * import { fitIsotonic, isotonic } from "$lib/statistics/calibration.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const fit = fitIsotonic([1, 2, 3, 4], [false, true, false, true]);
 * assertEquals([0, 1, 2.5, Infinity].map((score) => isotonic(fit, score)), [0, 0, 0.5, 1]);
 * ```
 */
export function fitIsotonic(scores: ArrayLike<number>, outcomes: ArrayLike<boolean>): Isotonic {
  check(scores, outcomes);
  const order = Array.from({ length: scores.length }, (_, i) => i)
    .sort((a, b) => compare(scores[a]!, scores[b]!));
  const pools: { from: number; count: number; hits: number }[] = [];
  for (const i of order) {
    const last = pools.at(-1);
    const hit = outcomes[i] ? 1 : 0;
    if (last && last.from === scores[i]) {
      last.count++;
      last.hits += hit;
    } else pools.push({ from: scores[i]!, count: 1, hits: hit });
  }
  const blocks: typeof pools = [];
  for (const pool of pools) {
    blocks.push({ ...pool });
    for (;;) {
      const [before, after] = [blocks.at(-2), blocks.at(-1)!];
      // Products in place of quotients: counts are whole, so that nothing is rounded.
      if (!before || before.hits * after.count < after.hits * before.count) break;
      blocks.pop();
      before.count += after.count;
      before.hits += after.hits;
    }
  }
  return {
    from: blocks.map(({ from }, i) => i === 0 ? -Infinity : from),
    probability: blocks.map(({ hits, count }) => hits / count),
  };
}

/** The probability that a fit gives a score. */
export function isotonic({ from, probability }: Isotonic, score: number): number {
  let [low, high] = [0, from.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (from[middle]! <= score) low = middle;
    else high = middle - 1;
  }
  return probability[low]!;
}

/**
 * Finds the temperature by which logits must be divided so that the softmax fits the labels best
 * (least cross-entropy).
 *
 * @param logits One list for each case.
 * @param labels The true class of each.
 * @returns In [0.01, 100].
 * @throws {RangeError} If there are no cases, or lengths differ.
 * @see Guo et al., "On calibration of modern neural networks" (2017),
 *   https://arxiv.org/abs/1706.04599
 */
export function fitTemperature(
  logits: readonly ArrayLike<number>[],
  labels: ArrayLike<number>,
): number {
  if (logits.length === 0 || logits.length !== labels.length) {
    throw new RangeError(
      `Cannot fit a temperature as each label needs logits: ` +
        `current value is ${logits.length} for ${labels.length}`,
    );
  }
  const loss = (log: number) =>
    logits.reduce((sum, own, i) => sum + crossEntropy(own, labels[i]!, Math.exp(log)), 0);
  // The loss is convex in 1 / T, so that it has one valley in log T too.
  let [low, high] = [Math.log(0.01), Math.log(100)];
  const golden = (Math.sqrt(5) - 1) / 2;
  while (high - low > 1e-4) {
    const [left, right] = [high - golden * (high - low), low + golden * (high - low)];
    if (loss(left) < loss(right)) high = right;
    else low = left;
  }
  return Math.exp((low + high) / 2);
}

/** Softmax of logits divided by a temperature. */
export function tempered(logits: ArrayLike<number>, temperature: number): number[] {
  const scaled = Array.from(logits, (logit) => logit / temperature);
  const largest = Math.max(...scaled);
  const powers = scaled.map((value) => Math.exp(value - largest));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / sum);
}

function crossEntropy(logits: ArrayLike<number>, label: number, temperature: number): number {
  const largest = Array.from(logits).reduce((a, b) => Math.max(a, b));
  const sum = Array.from(logits)
    .reduce((sum, logit) => sum + Math.exp((logit - largest) / temperature), 0);
  return Math.log(sum) - (logits[label]! - largest) / temperature;
}

/** Cases of like probability: what was promised, and what came. */
export interface Bin {
  count: number;
  /** Mean probability promised. */
  promised: number;
  /** Share that came true. */
  kept: number;
}

/**
 * Sorts cases by their probability and cuts them into bins, from the most probable ones down: the
 * first of `smallest` cases, each next one twice as large, as what is rare crowds at the top. Cases of
 * one probability stay together.
 *
 * @param smallest Cases of the first bin. @default 25
 * @throws {RangeError} If there are no cases, or lengths differ.
 */
export function reliability(
  probabilities: ArrayLike<number>,
  outcomes: ArrayLike<boolean>,
  smallest = 25,
): Bin[] {
  check(probabilities, outcomes);
  const order = Array.from({ length: probabilities.length }, (_, i) => i)
    .sort((a, b) => probabilities[b]! - probabilities[a]!);
  const groups: number[][] = [[]];
  for (const i of order) {
    const last = groups.at(-1)!;
    const full = last.length >= smallest * 2 ** (groups.length - 1);
    if (full && probabilities[last.at(-1)!] !== probabilities[i]) groups.push([i]);
    else last.push(i);
  }
  return groups.map((group) => ({
    count: group.length,
    promised: group.reduce((sum, i) => sum + probabilities[i]!, 0) / group.length,
    kept: group.filter((i) => outcomes[i]).length / group.length,
  }));
}

/** How far probabilities are from what came. */
export interface Calibration {
  /** Expected calibration error: mean distance of promise and outcome over the bins. */
  ece: number;
  /** Mean squared distance of probability and outcome, case by case (Brier's score). */
  brier: number;
}

/** Judges probabilities by what came true. @throws As {@linkcode reliability}. */
export function calibration(
  probabilities: ArrayLike<number>,
  outcomes: ArrayLike<boolean>,
  smallest = 25,
): Calibration {
  const groups = reliability(probabilities, outcomes, smallest);
  const { length } = probabilities;
  const ece = groups.reduce(
    (sum, { count, promised, kept }) => sum + count / length * Math.abs(promised - kept),
    0,
  );
  const brier = Array.from(probabilities)
    .reduce((sum, value, i) => sum + (value - (outcomes[i] ? 1 : 0)) ** 2, 0) / length;
  return { ece, brier };
}

const compare = (a: number, b: number): number => a < b ? -1 : a > b ? 1 : 0;

function check(scores: ArrayLike<number>, outcomes: ArrayLike<boolean>): void {
  const fail = (rule: string, value: unknown) =>
    new RangeError(`Cannot calibrate as ${rule}: current value is ${value}`);
  if (scores.length === 0) throw fail("there must be cases", "none");
  if (scores.length !== outcomes.length) {
    throw fail(`outcomes must be ${scores.length}`, outcomes.length);
  }
  if (Array.from(scores).some(Number.isNaN)) throw fail("scores must be numbers", NaN);
}
