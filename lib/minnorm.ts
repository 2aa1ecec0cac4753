/**
 * The smallest perturbation of each image: a portfolio of attacks, the best of all.
 *
 * @module
 */
import { type Outcome, runAttack } from "./attacks/driver.ts";
import { fmn } from "./attacks/fmn.ts";
import type { Digits } from "./loader.ts";
import type { Classifier } from "./network.ts";

/** Which class an image must leave: its true one, or the one that the network gives it. */
export type Reference = "label" | "prediction";

/** Settings of {@linkcode minNorm}. */
export interface MinNormOptions {
  /** The norm: 0, 1, 2 or `Infinity`. */
  p: number;
  /** @default "label" */
  reference?: Reference;
  /** Class to reach, instead of leaving one. */
  target?: number;
  /** Number of each image. @default 0, 1, 2, ... */
  ids?: readonly number[];
  /** An attack's name, in place of the portfolio. */
  attack?: string;
  /** Forward plus backward passes of each image at most. @default 2000 */
  maxPasses?: number;
  /** @default 0 */
  seed?: number;
  /** Ends the run with the signal's reason. */
  signal?: AbortSignal;
  /** Called now and then. */
  onProgress?: (progress: MinNormProgress) => void;
}

/** How a run stands. */
export interface MinNormProgress {
  /** Share of the work that is done, in [0, 1]. */
  done: number;
  /** Median of the smallest norms so far, over all images. */
  median: number;
}

/** What became of one image. */
export interface MinNorm extends Outcome {
  /** The attack that found the point, or `null` if none did. */
  attack: string | null;
  /** Time spent on the image: its share of that of its batch. */
  seconds: number;
}

/**
 * Looks for the smallest perturbation of each image.
 *
 * @param examples Images `[n, 28, 28, 1]` in [0, 1], and their labels.
 * @returns One result for each image, in their order.
 */
export async function minNorm(
  network: Classifier,
  { images, labels }: Digits,
  options: MinNormOptions,
): Promise<MinNorm[]> {
  const { p, reference = "label", onProgress, ...run } = options;
  const start = performance.now();
  const outcomes = await runAttack(fmn({ p }), network, images, {
    ...run,
    ...(reference === "label" ? { labels: [...labels.dataSync()] } : {}),
    onStep: ({ step, steps, median }) => onProgress?.({ done: step / steps, median: median() }),
  });
  const seconds = (performance.now() - start) / 1000 / outcomes.length;
  return outcomes.map((one) => ({ ...one, attack: one.found ? "fmn" : null, seconds }));
}
