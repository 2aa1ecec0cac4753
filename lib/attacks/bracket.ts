/**
 * The bracket of one image in the search over epsilon: what was too small, and what sufficed.
 *
 * @module
 */
import { assertPositive } from "../numbers.ts";
import type { Outcome } from "./driver.ts";

/** Where a search begins, and when it ends. */
export interface SearchSettings {
  /** The first epsilon, doubled until it succeeds. @default 0.1 (inf), 2 (2), 8 (1 and others) */
  first?: number;
  /** An epsilon that is too small. @default 0 */
  low?: number;
  /** Width of the bracket that ends the search. @default a 4,000th of `first`; 1 for p = 0 */
  tolerance?: number;
}

/** One image's search. */
export interface Searched {
  place: number;
  low: number;
  /** Norm of the smallest adversarial point, or Infinity. */
  high: number;
  /** Whether the epsilon that spans the box was tried in vain. */
  falls: boolean;
  epsilon: number;
  /** The smallest adversarial point or, if none was found, the last one tried. */
  outcome: Outcome | undefined;
  steps: number;
  forwards: number;
  backwards: number;
  finished: boolean;
}

/** Steps of a round, if an attack has no number of its own. */
export const roundSteps = 50;

/** What all images of a search share. */
export type Range = Required<SearchSettings> & {
  p: number;
  /** Steps of a round at most. */
  wanted: number;
  /** Rounds to their end that the passes are for, at least. */
  rounds: number;
  most: number;
};

/** What the options of a search say of its brackets. */
export type BracketOptions = SearchSettings & {
  steps?: number;
  rounds?: number;
  maxPasses?: number;
};

/** Defaults by norm, and the largest norm of a perturbation that stays in the box. */
export function checked(options: BracketOptions, p: number, pixels: number): Range {
  const { first, low = 0, tolerance, rounds, maxPasses = 2000 } = options;
  const { steps = rounds === undefined ? roundSteps : maxPasses } = options;
  const most = p === 0 ? pixels : Math.pow(pixels, 1 / p);
  const begin = first ?? (p === Infinity ? 0.1 : p === 2 ? 2 : 8);
  const width = tolerance ?? (p === 0 ? 1 : begin / 4000);
  const fail = (rule: string, value: number) =>
    new RangeError(`Cannot search epsilon as ${rule}: current value is ${value}`);
  if (!(low >= 0 && low < Infinity)) throw fail("low must be finite and >= 0", low);
  if (!(begin > low && begin < Infinity)) {
    throw fail(`first must be finite and greater than low, ${low}`, begin);
  }
  assertPositive(width, "tolerance", "search epsilon");
  if (!(Number.isInteger(steps) && steps >= 1)) throw fail("steps must be at least 1", steps);
  if (rounds !== undefined && !(Number.isInteger(rounds) && rounds >= 1)) {
    throw fail("rounds must be at least 1", rounds);
  }
  if (!(Number.isInteger(maxPasses) && maxPasses >= 2)) {
    throw fail("maxPasses must be at least 2", maxPasses);
  }
  const limits = { wanted: steps, rounds: rounds ?? 1, most };
  return { p, ...limits, first: Math.min(begin, most), low, tolerance: width };
}

/** A bracket before the first round. */
export const startSearch = (place: number, { low, first: epsilon }: Range): Searched => ({
  place,
  low,
  high: Infinity,
  falls: false,
  epsilon,
  outcome: undefined,
  steps: 0,
  forwards: 0,
  backwards: 0,
  finished: false,
});

/** Passes spent on an image. */
export const passes = ({ forwards, backwards }: Searched): number => forwards + backwards;

/** Narrows an image's bracket by what a round gave, and chooses the next epsilon. */
export function take(
  one: Searched,
  outcome: Outcome,
  { p, first, low, tolerance, most }: Range,
): void {
  one.steps += outcome.steps;
  one.forwards += outcome.forwards;
  one.backwards += outcome.backwards;
  const { epsilon } = one;
  const gains = outcome.found && outcome.norm < one.high;
  if (gains || one.high === Infinity) one.outcome = outcome;
  if (gains) one.high = outcome.norm;
  else one.low = Math.max(one.low, epsilon);
  if (one.high < Infinity) {
    one.finished = one.high - one.low <= tolerance;
    one.epsilon = (one.low + one.high) / 2;
  } else {
    one.falls ||= epsilon >= most;
    // On the way down, failures tell nothing.
    if (one.falls) one.low = low;
    one.epsilon = one.falls ? Math.min(epsilon, first) / 2 : Math.min(2 * epsilon, most);
    one.finished = one.falls && one.epsilon < Math.max(low, tolerance);
  }
  if (p === 0) one.epsilon = Math.floor(one.epsilon);
}

/** What became of an image over all rounds. */
export const summed = ({ outcome, steps, forwards, backwards }: Searched): Outcome => ({
  ...outcome!,
  steps,
  forwards,
  backwards,
});
