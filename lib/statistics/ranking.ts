/**
 * How well a score ranks what it is to find: ROC, precision and recall, risk and coverage.
 *
 * Scores are suspicions: the higher, the more suspect. Only their order counts, so that infinities
 * are no trouble, and equal scores are taken together: a threshold can't part them.
 *
 * @module
 */

/** What is ranked. */
export interface Ranked {
  /** One suspicion for each case; infinities are allowed, NaN is not. */
  scores: ArrayLike<number>;
  /** Whether each case is one to be found. */
  positives: ArrayLike<boolean>;
  /** How many cases each one stands for, where some were left out by design. @default 1 each */
  weights?: ArrayLike<number> | undefined;
}

/** What a threshold leads to: all cases with a score of at least that are called suspect. */
export interface Threshold {
  /** The lowest score that is called suspect; infinite where none is. */
  threshold: number;
  /** Weight of the cases rightly and wrongly called suspect. */
  found: number;
  falseAlarms: number;
}

/** Every threshold that makes a difference, from "none is suspect" to "all are". */
export interface Thresholds {
  steps: Threshold[];
  /** Weight of the cases to be found, and of the others. */
  positives: number;
  negatives: number;
}

/**
 * Counts what each threshold finds.
 *
 * @throws {RangeError} If lengths differ, a score is NaN, a weight is not positive, or there is not
 *   one case of either kind.
 */
export function thresholds({ scores, positives, weights }: Ranked): Thresholds {
  check({ scores, positives, weights });
  const order = Array.from({ length: scores.length }, (_, i) => i)
    .sort((a, b) => compare(scores[b]!, scores[a]!));
  const steps: Threshold[] = [{ threshold: Infinity, found: 0, falseAlarms: 0 }];
  let [found, falseAlarms] = [0, 0];
  order.forEach((i, place) => {
    const weight = weights?.[i] ?? 1;
    if (positives[i]) found += weight;
    else falseAlarms += weight;
    const next = order[place + 1];
    if (next !== undefined && scores[next] === scores[i]) return;
    steps.push({ threshold: scores[i]!, found, falseAlarms });
  });
  return { steps, positives: found, negatives: falseAlarms };
}

/** A place on a ROC curve, both in [0, 1]. */
export interface RocPoint {
  threshold: number;
  /** Share of the cases not to be found that are called suspect. */
  falseAlarms: number;
  /** Share of the cases to be found that are. */
  found: number;
}

/**
 * The receiver operating characteristic.
 *
 * @throws As {@linkcode thresholds}.
 * @see Fawcett, "An introduction to ROC analysis" (2006),
 *   https://doi.org/10.1016/j.patrec.2005.10.010
 */
export function roc(ranked: Ranked): RocPoint[] {
  const { steps, positives, negatives } = thresholds(ranked);
  return steps.map(({ threshold, found, falseAlarms }) => (
    { threshold, falseAlarms: falseAlarms / negatives, found: found / positives }
  ));
}

/** The largest share found while at most a share `most` of the others raises a false alarm. */
export function foundAt(points: readonly RocPoint[], most: number): RocPoint {
  return points.findLast(({ falseAlarms }) => falseAlarms <= most)!;
}

/**
 * The area under the ROC curve: the chance that a case to be found scores higher than another one,
 * equal scores counting half.
 *
 * @example
 * ```ts
 * import { auroc } from "$lib/statistics/ranking.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const positives = [true, true, false, false];
 * assertEquals(auroc({ scores: [Infinity, 2, 2, 1], positives }), 0.875);
 * ```
 */
export function auroc(ranked: Ranked): number {
  const points = roc(ranked);
  return area(points.map(({ falseAlarms, found }) => [falseAlarms, found]));
}

/** A place on a curve of precision against recall, both in [0, 1]. */
export interface PrecisionPoint {
  recall: number;
  precision: number;
}

/** Precision, the share of the suspects that are rightly so, against recall, the share found. */
export function precisionRecall(ranked: Ranked): PrecisionPoint[] {
  const { steps, positives } = thresholds(ranked);
  return steps.slice(1).map(({ found, falseAlarms }) => (
    { recall: found / positives, precision: found / (found + falseAlarms) }
  ));
}

/** The mean of the precisions at which further cases are found, each weighed by how many. */
export function averagePrecision(ranked: Ranked): number {
  let [sum, before] = [0, 0];
  for (const { recall, precision } of precisionRecall(ranked)) {
    sum += (recall - before) * precision;
    before = recall;
  }
  return sum;
}

/** A place on a curve of risk against coverage, both in [0, 1]. */
export interface RiskPoint {
  /** Share of the cases that are answered: the least suspect ones. */
  coverage: number;
  /** Share of positives (errors) among these. */
  risk: number;
}

/**
 * Risk against coverage: answer the least suspect cases only, and see how many of the answers are
 * wrong.
 *
 * @see El-Yaniv and Wiener, "On the foundations of noise-free selective classification" (2010),
 *   https://jmlr.org/papers/v11/el-yaniv10a.html
 */
export function riskCoverage(ranked: Ranked): RiskPoint[] {
  const { steps, positives, negatives } = thresholds(ranked);
  const all = positives + negatives;
  return steps.slice(0, -1).map(({ found, falseAlarms }) => {
    const answered = all - found - falseAlarms;
    return { coverage: answered / all, risk: (positives - found) / answered };
  }).reverse();
}

/** An area under a ROC curve, or a difference of two, with its 95% interval. */
export interface Estimate {
  value: number;
  low: number;
  high: number;
}

/**
 * The area under the ROC curve with DeLong's interval or, with a second score of the same cases,
 * the difference of the two areas (first minus second), in which what they share cancels out.
 *
 * @throws As {@linkcode thresholds}; and if there are not two cases of either kind.
 * @see DeLong, DeLong and Clarke-Pearson, "Comparing the areas under two or more correlated receiver
 *   operating characteristic curves" (1988), https://doi.org/10.2307/2531595
 */
export function delong(
  first: ArrayLike<number>,
  positives: ArrayLike<boolean>,
  second?: ArrayLike<number>,
): Estimate {
  const of = (scores: ArrayLike<number>) => placements({ scores, positives });
  const [a, b] = [of(first), second && of(second)];
  const minus = (x: number[], y?: number[]) => y ? x.map((one, i) => one - y[i]!) : x;
  const [ofPositives, ofNegatives] = [
    minus(a.ofPositives, b?.ofPositives),
    minus(a.ofNegatives, b?.ofNegatives),
  ];
  const value = mean(ofPositives);
  const half = 1.959964 * Math.sqrt(errorOf(ofPositives) + errorOf(ofNegatives));
  return { value, low: value - half, high: value + half };
}

/** For each case, the share of the cases of the other kind that it is ranked rightly against. */
function placements(ranked: Ranked): { ofPositives: number[]; ofNegatives: number[] } {
  check(ranked);
  const { scores, positives } = ranked;
  const sorted = (kind: boolean) =>
    Array.from(scores).filter((_, i) => positives[i] === kind).sort(compare);
  const [high, low] = [sorted(true), sorted(false)];
  if (high.length < 2 || low.length < 2) {
    throw new RangeError("Cannot estimate an area as it takes two cases of either kind");
  }
  const share = (value: number, others: readonly number[]) =>
    (places(others, value) + places(others, value, true)) / 2 / others.length;
  return {
    ofPositives: high.map((value) => share(value, low)),
    ofNegatives: low.map((value) => 1 - share(value, high)),
  };
}

/** How many of the sorted values are less than a value, or at most that. */
function places(sorted: readonly number[], value: number, orEqual = false): number {
  let [from, to] = [0, sorted.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if (sorted[middle]! < value || (orEqual && sorted[middle] === value)) from = middle + 1;
    else to = middle;
  }
  return from;
}

/** The variance of a mean. */
function errorOf(values: readonly number[]): number {
  const middle = mean(values);
  const sum = values.reduce((sum, value) => sum + (value - middle) ** 2, 0);
  return sum / (values.length - 1) / values.length;
}

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;

/** The area under points by the trapezoidal rule. */
function area(points: readonly (readonly [x: number, y: number])[]): number {
  return points.slice(1).reduce((sum, [x, y], i) => {
    const [before, height] = points[i]!;
    return sum + (x - before) * (y + height) / 2;
  }, 0);
}

/** Infinity less infinity is no number, so that scores are compared and not subtracted. */
const compare = (a: number, b: number): number => a < b ? -1 : a > b ? 1 : 0;

function check({ scores, positives, weights }: Ranked): void {
  const fail = (rule: string, value: unknown) =>
    new RangeError(`Cannot rank as ${rule}: current value is ${value}`);
  const { length } = scores;
  if (positives.length !== length) throw fail(`positives must be ${length}`, positives.length);
  if (weights && weights.length !== length) throw fail(`weights must be ${length}`, weights.length);
  const all = Array.from(scores);
  if (all.some(Number.isNaN)) throw fail("scores must be numbers", NaN);
  const bad = Array.from(weights ?? []).find((weight) => !(weight > 0 && weight < Infinity));
  if (bad !== undefined) throw fail("weights must be finite and > 0", bad);
  const found = Array.from(positives).filter(Boolean).length;
  if (found === 0 || found === length) {
    throw fail(`there must be cases of both kinds among ${length}`, found);
  }
}
