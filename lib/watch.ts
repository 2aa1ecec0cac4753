/**
 * Watching attacks close in on the smallest norm: pass by pass, and try by try.
 *
 * @module
 */
import { attackNamed, runner } from "./attacks/run.ts";
import type { Digits } from "./loader.ts";
import { minNorm, type MinNormOptions } from "./minnorm.ts";
import type { Classifier } from "./network.ts";
import { portfolio } from "./results/measure.ts";

/** How things stood after some passes. */
export interface Moment {
  /** Forward plus backward passes, the mean over the images. */
  passes: number;
  /** The smallest norm of each image so far, `Infinity` where none was found. */
  norms: number[];
}

/** Settings of {@linkcode watch}; `attack` may be `portfolio`. */
export type WatchOptions = Pick<
  MinNormOptions,
  "p" | "attack" | "maxPasses" | "seed" | "signal"
>;

/** Passes from one moment kept to the next, at least: as many times as before. */
const STEP = 1.03;

/**
 * Looks for the smallest norms, and notes on the way how far it has come.
 *
 * @param digits 200 at most, so that all are attacked together.
 * @returns In the order of passes; the last one is the result, judged alone.
 * @throws As {@linkcode minNorm}.
 */
export async function watch(
  network: Classifier,
  digits: Digits,
  { attack = portfolio, ...options }: WatchOptions,
): Promise<Moment[]> {
  const [count] = digits.images.shape;
  const moments: Moment[] = [];
  const results = await minNorm(network, digits, {
    ...options,
    ...(attack === portfolio ? {} : { attack }),
    onProgress(progress) {
      const passes = progress.passes() / count;
      const norms = progress.norms();
      // Before its first batch is complete, an attack knows of some images only.
      if (norms.length < count || passes < STEP * (moments.at(-1)?.passes ?? 1)) return;
      moments.push({ passes, norms });
    },
  });
  const passes = results.reduce((sum, one) => sum + one.forwards + one.backwards, 0) / count;
  const last = { passes, norms: results.map(({ found, norm }) => found ? norm : Infinity) };
  return [...moments.filter((moment) => moment.passes < passes), last];
}

/** One try at a norm. */
export interface Try {
  /** From 1 on. */
  round: number;
  norm: number;
  found: boolean;
  /** What was known before: the largest norm that failed, and the smallest that succeeded. */
  low: number;
  high: number;
}

/** Settings of {@linkcode bisect}. */
export interface BisectOptions {
  p: number;
  /** The norm of the first try. */
  start: number;
  tries: number;
  /** Steps of each try at most. @default 200 */
  steps?: number;
  seed?: number;
  signal?: AbortSignal;
}

/**
 * Tries an attack within a fixed norm at one norm after the other: twice the last one until it
 * succeeds, then halfway between failure and success. The attack is the school's; for p = 0, which
 * that can't do, Sparse-RS, on whole numbers of pixels.
 *
 * @param digit One image and its label.
 * @returns One row for each try; fewer where whole numbers leave none between.
 */
export async function bisect(
  network: Classifier,
  { images }: Digits,
  { p, start, tries, steps = 200, ...options }: BisectOptions,
): Promise<Try[]> {
  const rows: Try[] = [];
  let [low, high] = [0, Infinity];
  for (let round = 1; round <= tries; round++) {
    const between = high < Infinity ? (low + high) / 2 : low > 0 ? 2 * low : start;
    const norm = p === 0 ? Math.floor(between) : between;
    if (norm <= low || norm >= high) break;
    const settings = { p, norm, learningRate: 0.01 };
    const attack = runner(attackNamed(p === 0 ? "sparse-rs" : "school"), settings);
    const [outcome] = await attack.run(network, images, { ...options, steps });
    const found = outcome!.found;
    rows.push({ round, norm, found, low, high });
    if (found) high = outcome!.norm; // what was cut off at 0 and 1 is gone
    else low = norm;
  }
  return rows;
}
