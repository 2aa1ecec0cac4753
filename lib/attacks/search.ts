/**
 * The search over epsilon: with it an attack within a fixed budget looks for the smallest norm.
 *
 * @module
 */
import { type Tensor4D, tf } from "../backend.ts";
import type { Classifier } from "../network.ts";
import { assertOptions, type Names } from "../options.ts";
import type { Attack } from "./attack.ts";
import {
  checked,
  passes,
  type Searched,
  type SearchSettings,
  startSearch,
  summed,
  take,
} from "./bracket.ts";
import { type Outcome, runAttack, runAttackSync, type RunOptions, type SoFar } from "./driver.ts";
import { stepper } from "./stepper.ts";

/** Settings of a search. `steps` are those of one round, at most. */
export interface SearchOptions
  extends Omit<RunOptions, "epsilons" | "beginnings" | "onStep">, SearchSettings {
  /** @default 50, or as many as `rounds` leaves */
  steps?: number;
  /** So many rounds, each to its end, take all the passes; none is of more than `steps`, if given. */
  rounds?: number;
  /** Called after each step. */
  onProgress?: (progress: SearchProgress) => void;
}

const names: Names<SearchOptions> = {
  ...{ steps: true, rounds: true, maxPasses: true, seed: true, ids: true, labels: true },
  ...{ target: true, aims: true, batchSize: true, first: true, low: true, tolerance: true },
  ...{ signal: true, onProgress: true },
};

/** How a search stands. The norms are those of the rounds that are over. */
export interface SearchProgress extends SoFar {
  /** Rounds begun: epsilons tried for those images that are still searched. */
  round: number;
  /** Share of the work that is done at least, in [0, 1]. */
  done: number;
  /** Images that are still searched. */
  left: number;
}

/** What a round runs. */
interface Round {
  images: Tensor4D;
  options: RunOptions;
}

/**
 * Looks for the smallest epsilon at which an attack succeeds, all images at once. Each image has a
 * bracket of its own: epsilon doubles until the attack succeeds, then it is the bracket's middle. A
 * success lowers the upper end to the norm found, a failure raises the lower end: it proves nothing,
 * so the answer is an upper bound. Where even the epsilon that spans the whole box was in vain, it
 * halves from the first one on: some attacks fail with more and succeed with less. In each round the
 * attack begins at the best point known, or at random, with another seed each round.
 *
 * Rounds have `steps` steps, which may leave passes over; with `rounds` they are long enough to need
 * them all. Where the attack stops at a success, its round ends early, and more rounds may follow.
 *
 * An image's search ends with its bracket or epsilon narrow enough, or where `maxPasses` does not
 * allow for another round to its end; no pass is spent beyond it.
 *
 * @param attack One that takes the beginning's epsilon.
 * @param images Shape `[n, 28, 28, 1]`, in [0, 1].
 * @returns One outcome for each image, in their order: the smallest adversarial point ever found;
 *   steps and passes are sums over all rounds.
 * @throws {RangeError} If an option is out of range.
 * @throws {TypeError} If there is no option of a name.
 * @throws The signal's reason when aborted.
 */
export async function searchEpsilon(
  attack: Attack,
  network: Classifier,
  images: Tensor4D,
  options: SearchOptions = {},
): Promise<Outcome[]> {
  const rounds = searchRounds(attack, network, images, options);
  for (let next = rounds.next([]);;) {
    if (next.done) return next.value;
    const { value } = next;
    try {
      next = rounds.next(await runAttack(attack, network, value.images, value.options));
    } finally {
      value.images.dispose();
      value.options.beginnings?.dispose();
    }
  }
}

/** {@linkcode searchEpsilon} without a pause, for the REPL: there, a plain call prints its result. */
export function searchEpsilonSync(
  attack: Attack,
  network: Classifier,
  images: Tensor4D,
  options: Omit<SearchOptions, "signal"> = {},
): Outcome[] {
  const rounds = searchRounds(attack, network, images, options);
  for (let next = rounds.next([]);;) {
    if (next.done) return next.value;
    const { value } = next;
    try {
      next = rounds.next(runAttackSync(attack, network, value.images, value.options));
    } finally {
      value.images.dispose();
      value.options.beginnings?.dispose();
    }
  }
}

function* searchRounds(
  attack: Attack,
  network: Classifier,
  images: Tensor4D,
  options: SearchOptions,
): Generator<Round, Outcome[], Outcome[]> {
  assertOptions(options, names, "search epsilon");
  const { maxPasses = 2000, seed = 0, aims, target } = options;
  const { p } = attack;
  const [count] = images.shape;
  const range = checked(options, p, images.size / Math.max(1, count));
  const mode = aims ? "aim" : target === undefined ? "leave" : "reach";
  const { forwards, backwards } = stepper(attack, network, mode).passes;
  // The clean image and where the last step led to need a pass each.
  const affordable = Math.floor((maxPasses / range.rounds - 2) / (forwards + backwards));
  const steps = Math.max(1, Math.min(range.wanted, affordable));
  const cost = steps * (forwards + backwards) + 2;
  const all = Array.from({ length: count }, (_, place) => startSearch(place, range));
  for (let round = 1, done = 0;; round++) {
    const left = all.filter(({ finished }) => !finished);
    if (round > 1 && left.length === 0) return all.map(summed);
    const spent = Math.max(0, ...left.map(passes));
    const norms = () => all.map(({ high }) => high);
    const before = all.reduce((sum, one) => sum + passes(one), 0);
    const outcomes = yield {
      images: pick(images, left),
      options: {
        ...partOf(options, left, left.length === count),
        steps,
        maxPasses: round === 1 ? maxPasses : cost,
        seed: round === 1 ? seed : (seed + round - 1) | 0,
        epsilons: left.map(({ epsilon }) => epsilon),
        ...(round === 1 ? {} : { beginnings: beginnings(images, left) }),
        onStep({ done: share, passes: underWay }) {
          done = Math.max(done, Math.min(1, (spent + share * cost) / maxPasses));
          const sum = () => before + underWay();
          options.onProgress?.({ round, done, left: left.length, norms, passes: sum });
        },
      },
    };
    left.forEach((one, i) => take(one, outcomes[i]!, range));
    for (const one of left) one.finished ||= passes(one) + cost > maxPasses;
  }
}

/** The rows of some images. The caller disposes them. */
const pick = (images: Tensor4D, left: readonly Searched[]): Tensor4D =>
  left.length === images.shape[0]
    ? images.clone()
    : tf.tidy(() => images.gather(tf.tensor1d(left.map(({ place }) => place), "int32")));

/** The best points known, or the images. The caller disposes them. */
function beginnings(images: Tensor4D, left: readonly Searched[]): Tensor4D {
  const [, ...shape] = images.shape;
  return tf.tidy(() => {
    const best = left.map(({ high, outcome }) =>
      high < Infinity ? outcome!.perturbed : outcome!.clean
    );
    return tf.stack(best.map((image) => tf.tensor(image, shape)));
  }) as Tensor4D;
}

/** The options of a run for some of the images. */
function partOf(
  { ids, labels, target, aims, batchSize, signal }: SearchOptions,
  left: readonly Searched[],
  isAll: boolean,
): RunOptions {
  // All of them as they are, so that the driver sees if there are too few.
  const part = <T>(values: readonly T[]): readonly T[] =>
    isAll ? values : left.map(({ place }) => values[place]!);
  return {
    ids: ids ? part(ids) : left.map(({ place }) => place),
    ...(labels && { labels: part(labels) }),
    ...(target !== undefined && { target: typeof target === "number" ? target : part(target) }),
    ...(aims && { aims: part(aims) }),
    ...(batchSize !== undefined && { batchSize }),
    ...(signal && { signal }),
  };
}
