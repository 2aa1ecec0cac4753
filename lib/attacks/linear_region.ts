/**
 * The linear-region attack: the nearest adversarial point of the region around a point, then those
 * of the regions next to it, while that improves.
 *
 * @module
 */
import { type Classifier, Network } from "../network.ts";
import { logitsAlone, reaches } from "./judge.ts";
import { PiecewiseAffine } from "./linear_region/affine.ts";
import { type Improved, improving, type Start } from "./linear_region/search.ts";

export type { Improved, Start };

/** Settings of {@linkcode linearRegion}. */
export interface LinearRegionOptions {
  /** The norm: 1, 2 or `Infinity`. */
  p: number;
  /** Programs solved for each start at most. @default 40 */
  maxPrograms?: number;
  /** Forward plus backward passes for each start at most, at least 4. @default no limit */
  maxPasses?: number;
  /** Ends the run with the signal's reason. */
  signal?: AbortSignal;
}

const networks = new WeakMap<object, PiecewiseAffine>();

/** Checks a norm. @throws {RangeError} If it is not 1, 2 or infinity. */
export function assertRegionNorm(p: number): void {
  if ([1, 2, Infinity].includes(p)) return;
  throw new RangeError(
    `Cannot attack as linear regions need p = 1, 2 or inf: current value is ${p}`,
  );
}

/**
 * The linear regions of a classifier, which must be a network itself.
 *
 * @throws {TypeError} If it is none, or its layers are not piecewise affine.
 */
export function regionsOf(classifier: Classifier): { network: Network; net: PiecewiseAffine } {
  if (!(classifier instanceof Network)) {
    throw new TypeError(
      "Cannot attack as linear regions need a network's own layers, and nothing around them: " +
        `current value is ${classifier.name}`,
    );
  }
  const net = networks.get(classifier.revision) ?? new PiecewiseAffine(classifier);
  networks.set(classifier.revision, net);
  return { network: classifier, net };
}

/**
 * Improves on adversarial points. Within one pattern of choices (signs at ReLUs, winners of
 * max-pools) the network is affine, so the nearest adversarial point there is the solution of a
 * linear program (L1, L-infinity) or a quadratic one (L2). It mostly lies on the region's border:
 * then the same program is solved in the region across all binding constraints, or across one of
 * them, and so on. Each such region holds the point itself, so no hop makes it worse.
 *
 * Departures from the paper: regions are named by their pattern and not by a point within; hops
 * follow the multipliers and are not random; constraints are added when a solution violates them.
 *
 * @param starts Each is worked on alone.
 * @returns One result for each start.
 * @throws {RangeError} If `p` is none of these, or a point does not reach its goal.
 * @throws {TypeError} If the classifier is no network, or its layers are not piecewise affine.
 * @throws The signal's reason when aborted.
 * @see Croce, Rauber and Hein, "Scaling up the randomized gradient-free adversarial attack reveals
 *   overestimation of robustness using established attacks" (2020),
 *   https://arxiv.org/abs/1903.11359
 */
export async function linearRegion(
  classifier: Classifier,
  starts: readonly Start[],
  { p, maxPrograms = 40, maxPasses = Infinity, signal }: LinearRegionOptions,
): Promise<Improved[]> {
  assertRegionNorm(p);
  const { network, net } = regionsOf(classifier);
  const results: Improved[] = [];
  for (const start of starts) {
    if (!reaches(start, logitsAlone(network, start.point, network.architecture.inputShape))) {
      throw new RangeError(
        "Cannot improve on a point as it must reach its goal: this one does not",
      );
    }
    const work = improving(network, net, start, p, { maxPrograms, maxPasses });
    results.push(await inTurns(work, signal));
  }
  return results;
}

/** Works to the end, and gives the event loop its turn meanwhile, so that it can be interrupted. */
export async function inTurns<T>(work: Generator<undefined, T>, signal?: AbortSignal): Promise<T> {
  let turn = performance.now();
  for (;;) {
    signal?.throwIfAborted();
    const { done, value } = work.next();
    if (done) return value;
    if (performance.now() - turn < 20) continue;
    await new Promise((resolve) => setTimeout(resolve));
    turn = performance.now();
  }
}
