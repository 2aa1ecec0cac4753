/**
 * The polish: the portfolio's points, improved within linear regions.
 *
 * @module
 */
import { assertRegionNorm, inTurns, regionsOf } from "../attacks/linear_region.ts";
import { type Examined, linearRegionName, polishing } from "../attacks/linear_region/polish.ts";
import type { Classifier } from "../network.ts";
import type { Known } from "./known.ts";

/**
 * Share of the budget that is kept for it: on dense networks enough for the points of several
 * classes, on convolutions for a program or two.
 */
const share = 0.15;

/** Passes that the portfolio's turns may take where a polish follows. */
export const passesOfTurns = (maxPasses: number): number =>
  maxPasses - Math.floor(share * maxPasses);

/**
 * Checks that a polish can be asked for, before the work.
 *
 * @throws {RangeError} If `p` is not 1, 2 or infinity.
 * @throws {TypeError} If the classifier is no network, or its layers are not piecewise affine.
 */
export function assertPolishable(network: Classifier, p: number): void {
  assertRegionNorm(p);
  regionsOf(network);
}

/** What the portfolio found of an image, and who did. */
export interface Concluded {
  outcome: Examined;
  attack: string | null;
}

/** What one image's polish needs besides the network. */
interface PolishOptions {
  /** Passes of an image at most, those of the portfolio included. */
  maxPasses: number;
  signal?: AbortSignal | undefined;
}

/**
 * Improves on the best point of an image, on the best of its other classes, then on all others.
 *
 * @param known What the portfolio's turns found.
 * @param concluded What it would report.
 * @throws {TypeError} If the classifier is no network, or its layers are not piecewise affine.
 * @throws The signal's reason when aborted.
 */
export async function polished(
  network: Classifier,
  { best, byClass, found, reference, target }: Known,
  concluded: Concluded,
  { maxPasses, signal }: PolishOptions,
): Promise<Concluded> {
  const { outcome } = concluded;
  const first = [...best ? [best] : [], ...byClass.values()];
  const points = new Set(
    [first, found].flatMap((ones) => ones.toSorted((a, b) => a.norm - b.norm))
      .map(({ point }) => point),
  );
  points.delete(outcome.perturbed);
  const work = polishing(network, outcome, {
    goal: { reference, target },
    others: [...points],
    maxPasses,
  });
  const better = await inTurns(work, signal);
  return better.norm < outcome.norm
    ? { outcome: better, attack: linearRegionName }
    : { ...concluded, outcome: better };
}
