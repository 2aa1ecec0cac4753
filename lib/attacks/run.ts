/**
 * Runs an entry of the table of attacks as what it is: an attack, or a search over its norms.
 *
 * @module
 */
import type { Tensor4D } from "../backend.ts";
import type { Classifier } from "../network.ts";
import { roundSteps } from "./bracket.ts";
import { runAttack, runAttackSync, type RunOptions, type SoFar } from "./driver.ts";
import { type AttackEntry, attacks, type AttackSettings } from "./index.ts";
import { attackRegions, attackRegionsSync } from "./linear_region/attack.ts";
import type { Examined } from "./linear_region/polish.ts";
import { searchEpsilon, searchEpsilonSync, type SearchOptions } from "./search.ts";

/** Settings of a run, those that make sense for every entry; a search does not call `onStep`. */
export interface EntryOptions
  extends Omit<RunOptions, "steps" | "maxPasses" | "aims" | "beginnings" | "epsilons"> {
  /** Steps at most; those of one round where norms are searched. @default the entry's own, or 500 */
  steps?: number;
  /** In place of the steps of a round: see `searchEpsilon`, which alone takes it. */
  rounds?: number;
  /** @default 2000, the search's own, or what the steps asked for take at a gradient each */
  maxPasses?: number;
  /** Called after each step with the share of the work that is done, in [0, 1]. */
  onProgress?: (progress: SoFar & { done: number }) => void;
}

/** An entry, ready to run. */
export interface Runner {
  /** Whether it is a search over the norms of an attack within a fixed one. */
  readonly searches: boolean;
  /**
   * Attacks images of shape `[n, 28, 28, 1]`, in [0, 1].
   *
   * @returns One outcome for each image, in their order.
   * @throws {RangeError} If there are no images, pixels are outside [0, 1], or an option is out of
   *   range.
   * @throws {TypeError} If the attack looks into linear regions and the classifier has none.
   * @throws The signal's reason when aborted.
   */
  run(network: Classifier, images: Tensor4D, options?: EntryOptions): Promise<Examined[]>;
  /** The same without a pause, for the REPL: there, a plain call prints its result. */
  runSync(
    network: Classifier,
    images: Tensor4D,
    options?: Omit<EntryOptions, "signal">,
  ): Examined[];
}

/**
 * The entry with a name.
 *
 * @throws {RangeError} If there is none.
 */
export function attackNamed(name: string): AttackEntry {
  const entry = Object.hasOwn(attacks, name) ? attacks[name] : undefined;
  if (entry) return entry;
  throw new RangeError(
    `Cannot attack as the attack must be one of ${Object.keys(attacks).join(", ")}: ` +
      `current value is ${name}`,
  );
}

/**
 * Makes an entry ready to run with some settings.
 *
 * @param options.smallest Whether to look for the smallest norm, with attacks within a fixed one as
 *   well. @default only where the entry does so
 * @throws {RangeError} If a setting is out of the attack's range.
 */
export function runner(
  entry: AttackEntry,
  settings: AttackSettings,
  { smallest = entry.minimal }: { smallest?: boolean } = {},
): Runner {
  const attack = entry.create(settings);
  const search = entry.search ?? (smallest && !entry.minimal ? {} : undefined);
  const limits = (options: EntryOptions) => limitsOf(entry, search, options);
  const searching = ({ onStep: _, ...options }: EntryOptions): SearchOptions => (
    { ...search, ...options, ...limits(options) }
  );
  if (entry.intoRegions) {
    return {
      searches: false,
      run: (network, images, options = {}) =>
        attackRegions(attack, network, images, { ...options, ...limits(options) }),
      runSync: (network, images, options = {}) =>
        attackRegionsSync(attack, network, images, { ...options, ...limits(options) }),
    };
  }
  return {
    searches: search !== undefined,
    run: (network, images, options = {}) =>
      search
        ? searchEpsilon(attack, network, images, searching(options))
        : runAttack(attack, network, images, { ...stepping(options), ...limits(options) }),
    runSync: (network, images, options = {}) =>
      search
        ? searchEpsilonSync(attack, network, images, searching(options))
        : runAttackSync(attack, network, images, { ...stepping(options), ...limits(options) }),
  };
}

/** Steps, as many as make sense, and passes for all that were asked for. */
function limitsOf(
  entry: AttackEntry,
  search: SearchOptions | undefined,
  { steps, rounds, maxPasses }: EntryOptions,
): Pick<RunOptions, "steps" | "maxPasses"> {
  const most = search?.maxPasses ?? 2000;
  // Fewer passes than a search's own leave shorter rounds, not fewer: one alone would find little.
  const share = Math.min(1, (maxPasses ?? most) / most);
  const own = search && rounds === undefined
    ? Math.max(1, Math.floor(share * (search.steps ?? roundSteps)))
    : undefined;
  const asked = steps ?? own ?? entry.steps;
  return {
    ...(asked !== undefined && { steps: Math.min(asked, entry.steps ?? Infinity) }),
    // The clean image and where the last step led to need a pass each.
    maxPasses: maxPasses ?? Math.max(most, 2 * (steps ?? 0) + 2),
  };
}

/** The driver's options: it tells of steps as they are and, in shares of the work, as progress. */
function stepping({ onProgress, ...options }: EntryOptions): RunOptions {
  if (!onProgress) return options;
  return {
    ...options,
    onStep(progress) {
      const { done, norms, passes } = progress;
      options.onStep?.(progress);
      onProgress({ done, norms, passes });
    },
  };
}
