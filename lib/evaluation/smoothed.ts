/**
 * Attacks on smoothed classifiers: an upper bound above what they are certified for.
 *
 * @module
 */
import { type Tensor4D, tf } from "../backend.ts";
import type { Digits } from "../loader.ts";
import { minNorm } from "../minnorm.ts";
import type { Classifier } from "../network.ts";
import { smoothedClassifier } from "../protections/runtime/smoothed.ts";
import { certify } from "../protections/runtime/smoothing.ts";

/** Settings of {@linkcode smoothedNorms}. */
export interface SmoothedAttackOptions {
  /** Standard deviation of the noise, in pixel units. */
  sigma: number;
  /** The images' numbers. */
  ids: readonly number[];
  /** Noisy copies that the attack sees. @default 16 */
  draws?: number;
  /** Passes of each image at most, each of so many copies. @default 60 */
  maxPasses?: number;
  /** Noisy copies that confirm a find. @default 200 */
  votes?: number;
  /** @default 0 */
  seed?: number;
  signal?: AbortSignal;
  /** Called now and then with the share that is done, in [0, 1]. */
  onProgress?: (done: number) => void;
}

/** What was found at the smoothed classifier for one image. */
export interface SmoothedNorm {
  image: number;
  label: number;
  /** L2 norm at which the vote gives a wrong digit: 0 as it is, `Infinity` where none was found. */
  norm: number;
}

/** A vote of noisy copies needs points beyond the soft classifier's border: these are tried in turn. */
const factors = [1, 1.1, 1.25, 1.5, 2];

/**
 * Looks for small L2 perturbations that deceive the smoothed classifier: DDN descends on the mean
 * softmax of fixed noisy copies, then the perturbation grows until a vote of fresh copies gives a
 * wrong digit, so clearly that it is chance with a probability of 0.001 at most.
 *
 * @param digits Images `[n, 28, 28, 1]` and their labels.
 * @throws As `minNorm` and `certify`.
 * @see Salman et al., "Provably robust deep learning via adversarially trained smoothed classifiers"
 *   (2019), https://arxiv.org/abs/1906.04584
 */
export async function smoothedNorms(
  network: Classifier,
  { images, labels }: Digits,
  options: SmoothedAttackOptions,
): Promise<SmoothedNorm[]> {
  const { sigma, ids, draws = 16, maxPasses = 60, votes = 200, seed = 0, signal } = options;
  const stop = signal ? { signal } : {};
  const soft = smoothedClassifier(network, { sigma, draws, seed });
  const classes = [...labels.dataSync()];
  const found = await minNorm(soft, { images, labels }, {
    ...{ p: 2, attack: "ddn", maxPasses, seed, ids, ...stop },
    onProgress: ({ done }) => options.onProgress?.(0.8 * done),
  });
  const norms = classes.map((label, i) => ({ image: ids[i]!, label, norm: Infinity }));
  for (const factor of [0, ...factors]) {
    const open = [...norms.keys()].filter((i) =>
      norms[i]!.norm === Infinity && (factor === 0 || found[i]!.found && found[i]!.norm > 0)
    );
    if (open.length === 0) continue;
    const moved = open.map((i) => scaled(found[i]!.clean, found[i]!.perturbed, factor));
    const values = Float32Array.from(moved.flatMap(({ pixels }) => [...pixels]));
    const points: Tensor4D = tf.tensor4d(values, [open.length, 28, 28, 1]);
    try {
      const own = { sigma, seed, n: votes, batch: 100, ids: open.map((i) => ids[i]!), ...stop };
      let turn = 0;
      for await (const { prediction } of certify(network, points, own)) {
        const i = open[turn]!;
        if (prediction !== null && prediction !== classes[i]) norms[i]!.norm = moved[turn]!.norm;
        turn++;
      }
    } finally {
      points.dispose();
    }
  }
  options.onProgress?.(1);
  return norms;
}

/** A perturbation grown by a factor, cut to the pixel box, and its L2 norm. */
function scaled(clean: Float32Array, perturbed: Float32Array, factor: number) {
  const pixels = clean.map((pixel, i) =>
    Math.min(1, Math.max(0, pixel + factor * (perturbed[i]! - pixel)))
  );
  return { pixels, norm: Math.hypot(...pixels.map((pixel, i) => pixel - clean[i]!)) };
}
