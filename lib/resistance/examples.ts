/**
 * Adversarial examples to be told from clean images by their resistance: of several attacks, and of
 * one that knows the detector.
 *
 * @module
 */
import { attackNamed, runner } from "../attacks/run.ts";
import { type Tensor4D, tf } from "../backend.ts";
import type { Digits } from "../loader.ts";
import { minNorm } from "../minnorm.ts";
import type { Network } from "../network.ts";
import { distance } from "../norms.ts";
import { argMax } from "../numbers.ts";
import { evade } from "./evade.ts";
import type { Subject } from "./measure.ts";
import { topTwo } from "./scores.ts";
import type { Source } from "./table.ts";

/** The name of the attack that knows the detector, where an attack's could stand. */
export const evading = "evading";

/** How far beyond the smallest norm found the one that knows the detector may go. */
export const factors: readonly number[] = [1.1, 1.25, 1.5, 1.75, 2, 3];

/** Attacks in each norm: those that look for the smallest, and those within a norm. */
export const exampleSources: readonly Source[] = [
  ...[0, 1, 2, Infinity].map((p) => ({ source: "fmn", p, epsilon: null })),
  { source: "deepfool", p: 2, epsilon: null },
  { source: "school2", p: 2, epsilon: null },
  { source: "school", p: 2, epsilon: 2.5 },
  { source: "school", p: Infinity, epsilon: 0.2 },
  { source: "pgd", p: 2, epsilon: 2.5 },
  { source: "pgd", p: Infinity, epsilon: 0.15 },
  { source: "fgsm", p: Infinity, epsilon: 0.2 },
  ...factors.map((epsilon) => ({ source: evading, p: 2, epsilon })),
];

/** Examples, and what is known of each. */
export interface Examples {
  /** Shape `[n, 28, 28, 1]`, in [0, 1]. The caller disposes them. */
  images: Tensor4D;
  subjects: Subject[];
}

/** Settings of {@linkcode makeExamples}. */
export interface ExampleOptions {
  /** Number of each image. */
  ids: readonly number[];
  /** @default 0 */
  seed?: number;
  signal?: AbortSignal | undefined;
}

/** Steps of the attacks, passes of the search that tells the evading one how far is near. */
const [STEPS, PASSES] = [200, 100];

/**
 * Attacks images, and keeps those for which it succeeds.
 *
 * @param digits Classified rightly.
 * @param source For the evading one, epsilon is a multiple of each image's smallest L2 norm found.
 * @returns Perhaps none.
 * @throws {RangeError} If there is no such attack, or it does not take the norm.
 */
export async function makeExamples(
  network: Network,
  digits: Digits,
  source: Source,
  { ids, seed = 0, signal }: ExampleOptions,
): Promise<Examples> {
  const labels = [...digits.labels.dataSync()];
  const options = { ids, seed, ...(signal && { signal }) };
  const found = source.source === evading
    ? await evaded(network, digits, source.epsilon!, options)
    : (await runner(attackNamed(source.source), {
      p: source.p!,
      norm: source.epsilon ?? 1,
      learningRate: 0.01,
    }).run(network, digits.images, { ...options, labels, steps: STEPS }))
      .map(({ found, perturbed, clean }) => ({ found, perturbed, clean }));
  const kept = found.flatMap((one, i) => one.found ? [{ ...one, i }] : []);
  return {
    images: together(kept.map(({ perturbed }) => perturbed)),
    subjects: kept.map(({ clean, perturbed, i }) => ({
      ...source,
      image: ids[i]!,
      label: labels[i]!,
      norm: distance(clean, perturbed, source.p!),
    })),
  };
}

function together(images: readonly Float32Array[]): Tensor4D {
  const pixels = new Float32Array(images.length * 784);
  images.forEach((image, i) => pixels.set(image, i * 784));
  return tf.tensor4d(pixels, [images.length, 28, 28, 1]);
}

interface Made {
  found: boolean;
  clean: Float32Array;
  perturbed: Float32Array;
}

/** Climbs into the second-best class, within a multiple of the smallest norm. */
async function evaded(
  network: Network,
  digits: Digits,
  factor: number,
  { ids, seed, signal }: { ids: readonly number[]; seed: number; signal?: AbortSignal },
): Promise<Made[]> {
  const shared = signal ? { signal } : {};
  const least = await minNorm(network, digits, { p: 2, maxPasses: PASSES, ids, seed, ...shared });
  // An image that the short search found nothing for gets what the others need at most.
  const largest = Math.max(...least.map(({ found, norm }) => found ? norm : 0));
  const epsilons = least.map(({ found, norm }) => factor * (found ? norm : largest));
  const targets = least.map(({ logits }) => topTwo(logits)[1]);
  const images = await evade(network, digits.images, targets, { epsilons, ...shared });
  const logits = network.infer(images);
  try {
    const [pixels, values] = [images.dataSync() as Float32Array, logits.dataSync()];
    return least.map(({ clean, prediction }, i) => ({
      clean,
      perturbed: pixels.slice(i * 784, (i + 1) * 784),
      found: argMax(values.slice(i * network.classes, (i + 1) * network.classes)) !== prediction,
    }));
  } finally {
    tf.dispose([images, logits]);
  }
}
