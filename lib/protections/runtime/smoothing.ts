/**
 * Randomized smoothing: the class that a network gives most noisy copies of an image, with a radius
 * within which no perturbation changes it.
 *
 * @module
 */
import type { Tensor4D } from "../../backend.ts";
import type { Classifier } from "../../network.ts";
import { argMax, assertPositive } from "../../numbers.ts";
import { assertOptions, type Names } from "../../options.ts";
import { assertSeed } from "../../random.ts";
import { lowerBound, normalQuantile } from "./clopper_pearson.ts";
import { BLOCK, blocks, counterOf } from "./votes.ts";

/** Blocks that an image may have; the first ones choose, the others count. */
const BLOCKS = 2 ** 14;

/** Settings of {@linkcode certify}. */
export interface CertifyOptions {
  /** Standard deviation of the noise, in pixel units. */
  sigma: number;
  /** Draws that choose the class. @default 100 */
  n0?: number;
  /** Draws that bound its probability. @default 10000 */
  n?: number;
  /** Probability with which an image's certificate may be wrong, at most. @default 0.001 */
  alpha?: number;
  /** Any int32. @default 0 */
  seed?: number;
  /** Draws run together, a multiple of 100. A result does not depend on it. @default 1000 */
  batch?: number;
  /** The images' numbers, by which noise is drawn. @default 0, 1, 2, … */
  ids?: readonly number[];
  /** Ends the run with the signal's reason. */
  signal?: AbortSignal;
  /** Called after each image with the share that is done, in [0, 1]. */
  onProgress?: (done: number) => void;
}

const names: Names<CertifyOptions> = {
  ...{ sigma: true, n0: true, n: true, alpha: true, seed: true, batch: true, ids: true },
  ...{ signal: true, onProgress: true },
};

/** What is known of one image. */
export interface Certificate {
  /** Its number. */
  image: number;
  /** The smoothed classifier's class; null where it abstains. */
  prediction: number | null;
  /** L2 radius within which the class stays, with probability 1 - alpha; 0 where it abstains. */
  radius: number;
  /** Draws out of n that gave the class chosen. */
  successes: number;
}

/**
 * Certifies images: the smoothed classifier's answer for an image is the class most probable for
 * image + N(0, sigma squared), unclipped.
 *
 * `n0` draws choose a class, `n` others bound its probability from below by p; where p > 1/2, no
 * perturbation with an L2 norm below sigma times the normal quantile of p changes the answer. Noise
 * depends on the seed, the image's number and the place of the draw alone, so images may be certified
 * in any order, and a run may go on where it was.
 *
 * @param images Shape `[n, 28, 28, 1]`.
 * @returns One certificate after another, in the order of the images.
 * @throws {RangeError} If an option is out of range.
 * @throws {TypeError} If there is no option of a name.
 * @throws The signal's reason when aborted.
 * @see Cohen, Rosenfeld and Kolter, "Certified adversarial robustness via randomized smoothing" (2019),
 *   https://arxiv.org/abs/1902.02918
 */
export async function* certify(
  network: Classifier,
  images: Tensor4D,
  options: CertifyOptions,
): AsyncGenerator<Certificate> {
  assertOptions(options, names, "certify");
  const settings = { n0: 100, n: 10_000, alpha: 0.001, seed: 0, batch: 1000, ...options };
  const [length] = images.shape;
  const { sigma, n0, n, alpha, ids = Array.from({ length }, (_, i) => i) } = settings;
  assertSettings(settings, ids, length);
  const count = counterOf(network, settings);
  for (const [i, id] of ids.entries()) {
    settings.signal?.throwIfAborted();
    const image: Tensor4D = images.slice([i, 0, 0, 0], [1, -1, -1, -1]);
    try {
      const first = id * BLOCKS;
      const chosen = argMax(count(image, first, n0));
      const successes = count(image, first + blocks(n0), n)[chosen]!;
      const radius = provenRadius(successes, { sigma, n, alpha });
      yield {
        image: id,
        prediction: radius === null ? null : chosen,
        radius: radius ?? 0,
        successes,
      };
    } finally {
      image.dispose();
    }
    settings.onProgress?.((i + 1) / length);
    await new Promise((resolve) => setTimeout(resolve));
  }
}

/**
 * The L2 radius that so many draws for a class prove, or null where they don't prove a majority.
 *
 * @throws {RangeError} If successes, n or alpha is out of range.
 */
export function provenRadius(
  successes: number,
  { sigma, n, alpha }: { sigma: number; n: number; alpha: number },
): number | null {
  const p = lowerBound(successes, n, alpha);
  return p > 0.5 ? sigma * normalQuantile(p) : null;
}

function assertSettings(
  { sigma, n0, n, alpha, seed, batch }: Required<
    Omit<CertifyOptions, "ids" | "signal" | "onProgress">
  >,
  ids: readonly number[],
  count: number,
): void {
  assertPositive(sigma, "sigma", "certify");
  assertSeed(seed, "certify");
  const fail = (rule: string, value: unknown): never => {
    throw new RangeError(`Cannot certify as ${rule}: current value is ${value}`);
  };
  for (const [name, value] of Object.entries({ n0, n })) {
    if (!(Number.isInteger(value) && value >= 1)) {
      fail(`${name} must be a whole number >= 1`, value);
    }
  }
  lowerBound(n, n, alpha); // refuses an alpha out of range
  if (blocks(n0) + blocks(n) > BLOCKS) fail(`n0 + n must be at most ${BLOCK * BLOCKS}`, n0 + n);
  if (!(batch > 0 && batch % BLOCK === 0)) fail(`batch must be a multiple of ${BLOCK}`, batch);
  if (ids.length !== count) fail(`there must be ${count} ids`, ids.length);
  const bad = ids.find((id) => !(Number.isInteger(id) && id >= 0 && id < 2 ** 31 / BLOCKS));
  if (bad !== undefined) fail(`ids must be whole numbers below ${2 ** 31 / BLOCKS}`, bad);
}
