/**
 * The smallest perturbation of each image: a portfolio of attacks, the best of all.
 *
 * @module
 */
import { inBox } from "./attacks/box.ts";
import type { Outcome, SoFar } from "./attacks/driver.ts";
import { type Tensor4D, tf } from "./backend.ts";
import type { Digits } from "./loader.ts";
import type { Classifier } from "./network.ts";
import { assertOptions, type Names } from "./options.ts";
import type { PortfolioOptions } from "./portfolio/run.ts";
import { seekerOf } from "./portfolio/seeker.ts";
import { median } from "./statistics.ts";

/** Which class an image must leave: its true one, or the one that the network gives it. */
export type Reference = "label" | "prediction";

/** Settings of {@linkcode minNorm}. */
export interface MinNormOptions {
  /** The norm: 0, 1, 2 or `Infinity`; with `attack`, whatever that takes. */
  p: number;
  /** @default "label" */
  reference?: Reference;
  /** Class to reach, instead of leaving one. */
  target?: number;
  /** Number of each image. @default 0, 1, 2, ... */
  ids?: readonly number[];
  /** An attack's name, in place of the portfolio. */
  attack?: string;
  /**
   * Whether the portfolio's points are improved on within linear regions, for 15 % of the passes:
   * for networks, in L1, L2 and L-infinity. Some 10 ms a point on dense ones, up to seconds with
   * convolutions. @default false
   */
  polish?: boolean;
  /** Forward plus backward passes of each image at most. @default 2000 */
  maxPasses?: number;
  /**
   * With an `attack` whose norms are searched: so many rounds, each to its end, take all the passes;
   * the fewer, the longer. @default rounds of 50 steps, of fewer where passes are below 2,000
   */
  rounds?: number;
  /** @default 0 */
  seed?: number;
  /** Ends the run with the signal's reason. */
  signal?: AbortSignal;
  /** Called now and then. */
  onProgress?: (progress: MinNormProgress) => void;
}

const names: Names<MinNormOptions> = {
  ...{ p: true, reference: true, target: true, ids: true, attack: true, polish: true },
  ...{ maxPasses: true, rounds: true, seed: true, signal: true, onProgress: true },
};

/** How a run stands: what was reached of the images begun. */
export interface MinNormProgress extends SoFar {
  /** Share of the work that is done, in [0, 1]. */
  done: number;
  /** Median of the smallest norms. */
  readonly median: number;
}

/**
 * What became of one image. Where nothing was found, `norm` is `Infinity`, and the portfolio gives
 * the clean image as `perturbed`.
 */
export interface MinNorm extends Outcome {
  /** The attack that found the point, or `null` if none did or none was needed. */
  attack: string | null;
  /**
   * Whether the point is, but for rounding (a share of 1e-4), the nearest adversarial one of its
   * linear region; `null` where that was not looked into.
   */
  optimal: boolean | null;
  /** Time spent on the image: its share of that of the images attacked together. */
  seconds: number;
}

/** Images at work together: enough for full batches, and memory stays flat. */
const chunkSize = 200;

/**
 * Looks for the smallest perturbation of each image in one norm. Each is an upper bound, judged
 * alone; the budget is shared by the attacks of the portfolio, or all given to one.
 *
 * @param examples Images `[n, 28, 28, 1]` in [0, 1], and their labels.
 * @returns One result for each image, in their order. It depends on the image, its number and the
 *   options, and not on the images beside it.
 * @throws {RangeError} If there are no images, pixels are outside [0, 1], or an option is out of
 *   range.
 * @throws {TypeError} If there is no option of a name; if a polish or the linear-region attack is asked
 *   for, and the classifier is no network of piecewise affine layers.
 * @throws The signal's reason when aborted.
 *
 * @example
 * ```ts
 * import { test } from "$lib/loader.ts";
 * import { minNorm } from "$lib/minnorm.ts";
 * import { loadNetwork } from "$lib/network.ts";
 * import { assert } from "@std/assert";
 *
 * const network = await loadNetwork("MLP");
 * const [first] = await minNorm(network, await test(1), { p: 2, maxPasses: 200 });
 * assert(first!.found && first!.norm < 2);
 * ```
 */
export async function minNorm(
  network: Classifier,
  { images, labels }: Digits,
  options: MinNormOptions,
): Promise<MinNorm[]> {
  assertOptions(options, names, "attack");
  const { reference = "label", onProgress } = options;
  const seek = seekerOf(options);
  const [count] = images.shape;
  const ids = options.ids ?? Array.from({ length: count }, (_, i) => i);
  const classes = [...labels.dataSync()];
  check(images, { ...options, ids, classes, reference });
  const results: MinNorm[] = [];
  for (let first = 0; first < count; first += chunkSize) {
    const part = <T>(values: readonly T[]) => values.slice(first, first + chunkSize);
    const size = Math.min(chunkSize, count - first);
    const rows: Tensor4D = tf.tidy(() => images.slice([first], [size]));
    const start = performance.now();
    try {
      const found = await seek(network, rows, {
        ...shared(options),
        ids: part(ids),
        ...(reference === "label" && { labels: part(classes) }),
        onProgress: (underWay) =>
          onProgress?.(progressOf(results, underWay, (first + underWay.done * size) / count)),
      });
      const seconds = (performance.now() - start) / 1000;
      const all = found.reduce((sum, { outcome }) => sum + passesOf(outcome), 0);
      results.push(...found.map(({ outcome, attack }) => ({
        ...outcome,
        norm: outcome.found ? outcome.norm : Infinity,
        attack,
        optimal: outcome.optimal ?? null,
        seconds: seconds * passesOf(outcome) / all,
      })));
      onProgress?.(progressOf(results, nothing, (first + size) / count));
    } finally {
      rows.dispose();
    }
  }
  return results;
}

/**
 * Refuses at once what the driver would see only when it comes to the images concerned, or not at
 * all.
 */
function check(
  images: Tensor4D,
  { ids, classes, reference, target, maxPasses = 2000 }: MinNormOptions & {
    ids: readonly number[];
    classes: readonly number[];
  },
): void {
  const fail = (rule: string, value: unknown) =>
    new RangeError(`Cannot attack as ${rule}: current value is ${value}`);
  const [count] = images.shape;
  if (images.rank !== 4) throw fail("images must have rank 4", images.rank);
  if (count === 0) throw fail("there must be images", 0);
  if (classes.length !== count) throw fail("each image needs a label", classes.length);
  if (ids.length !== count) throw fail("each image needs one of the ids", ids.length);
  if (reference !== "label" && reference !== "prediction") {
    throw fail("reference must be label or prediction", reference);
  }
  if (!(Number.isInteger(maxPasses) && maxPasses >= 2)) {
    throw fail("maxPasses must be at least 2", maxPasses);
  }
  const there = target === undefined ? -1 : classes.indexOf(target);
  if (reference === "label" && there !== -1) {
    throw fail(`the target must be another class than that of image ${ids[there]}`, target);
  }
  if (!inBox(images)) throw fail("pixels must be in [0, 1]", "outside");
}

const nothing: SoFar = { norms: () => [], passes: () => 0 };

const passesOf = ({ forwards, backwards }: Outcome): number => forwards + backwards;

/** What is known of the images that are done and of those under way; computed when asked for. */
function progressOf(
  results: readonly MinNorm[],
  underWay: SoFar,
  done: number,
): MinNormProgress {
  const norms = () => [
    ...results.map(({ norm }) => norm),
    ...underWay.norms(),
  ];
  return {
    done,
    norms,
    passes: () => results.reduce((sum, one) => sum + passesOf(one), underWay.passes()),
    get median() {
      return median(norms());
    },
  };
}

/** Options that are handed on as they are. */
const shared = ({ maxPasses, polish, seed, signal, target }: MinNormOptions): PortfolioOptions => ({
  ...(maxPasses !== undefined && { maxPasses }),
  ...(polish !== undefined && { polish }),
  ...(seed !== undefined && { seed }),
  ...(signal && { signal }),
  ...(target !== undefined && { target }),
});
