/**
 * Runs any attack of the table for the smallest norm.
 *
 * @module
 */
import type { Tensor4D } from "../backend.ts";
import type { Classifier } from "../network.ts";
import { type Outcome, runAttack } from "./driver.ts";
import type { AttackEntry, AttackSettings } from "./index.ts";
import { searchEpsilon, type SearchOptions } from "./search.ts";

/**
 * Runs an attack for the smallest norm: as it is if it looks for that by itself, else under the
 * search over epsilon.
 *
 * @param settings `norm` is of no account.
 * @param options Those of the search; for attacks that do without it, `steps` is of the whole run.
 * @returns One outcome for each image, in their order.
 * @throws {RangeError} If a setting or an option is out of range.
 * @throws The signal's reason when aborted.
 */
export function runForSmallest(
  entry: AttackEntry,
  settings: AttackSettings,
  network: Classifier,
  images: Tensor4D,
  options: SearchOptions = {},
): Promise<Outcome[]> {
  const attack = entry.create(settings);
  const own = entry.steps === undefined ? {} : { steps: entry.steps };
  if (!entry.minimal || entry.search) {
    return searchEpsilon(attack, network, images, { ...own, ...entry.search, ...options });
  }
  const { onProgress, batchSize = 200, ...run } = options;
  const [count] = images.shape;
  return runAttack(attack, network, images, {
    ...own,
    ...run,
    batchSize,
    onStep({ first, step, steps, median }) {
      const done = Math.min(1, (first + Math.min(batchSize, count - first) * step / steps) / count);
      onProgress?.({ round: 1, done, left: count - first, median: median() });
    },
  });
}
