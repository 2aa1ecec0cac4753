/**
 * The school's dichotomy: the smallest norm at which its attack succeeds.
 *
 * @module
 */
import type { Tensor4D } from "../backend.ts";
import type { Classifier } from "../network.ts";
import type { SearchSettings } from "./bracket.ts";
import type { Outcome } from "./driver.ts";
import { school, type SchoolOptions } from "./school.ts";
import { searchEpsilon, type SearchOptions } from "./search.ts";

/**
 * How the dichotomy searches: norms from 0 to 4, the latter doubled until the attack succeeds, to
 * within 0.001. A round that fails takes 500 steps, so it needs many passes.
 */
export const dichotomy = {
  low: 0,
  first: 4,
  tolerance: 0.001,
  steps: 500,
  maxPasses: 20_000,
} as const satisfies SearchSettings & { steps: number; maxPasses: number };

/** Settings of {@linkcode minimal}: the attack's, but for its norm, and those of the search. */
export type MinimalOptions = Omit<SchoolOptions, "norm"> & SearchOptions;

/**
 * Looks for the smallest norm at which the school's attack succeeds, by bisection.
 *
 * @param options As for `school` and `searchEpsilon`, with the defaults of {@linkcode dichotomy};
 *   `descent` is "log" by default, as a saturated confidence lets the attack fail at norms at which
 *   it could succeed.
 * @returns One outcome for each image, in their order.
 * @throws {RangeError} If an option is out of range.
 * @throws The signal's reason when aborted.
 */
export function minimal(
  network: Classifier,
  images: Tensor4D,
  { p, learningRate, descent = "log", ...options }: MinimalOptions = {},
): Promise<Outcome[]> {
  const attack = school({
    descent,
    ...(p !== undefined && { p }),
    ...(learningRate !== undefined && { learningRate }),
  });
  return searchEpsilon(attack, network, images, { ...dichotomy, ...options });
}
