/**
 * Resistances of many images, in batches, and only those that a table lacks.
 *
 * @module
 */
import { resistances } from "../attacks/resistance.ts";
import { type Tensor4D, tf } from "../backend.ts";
import { minNorm } from "../minnorm.ts";
import type { Network } from "../network.ts";
import { portfolioVersion } from "../portfolio/stages.ts";
import { weightsSha256 } from "../safetensors.ts";
import { toArrays } from "../weights.ts";
import { type ResistanceRecord, sampled, type Source } from "./table.ts";

/** An image to measure, and where it comes from. */
export interface Subject extends Source {
  /** Number of the image, or of the one that it was made of. */
  image: number;
  label: number;
  /** Norm of what was added to the clean image; null where clean. */
  norm: number | null;
}

/** What all rows of a measurement have in common. */
export interface Setting {
  weightsSha256: string;
  dataset: string;
  subset: string;
  /** Steps of the second attack. */
  steps: number;
}

/** Settings of {@linkcode measureResistances}. */
export interface MeasureOptions {
  /** Passes of the short search for the smallest L2 norm; 0 for none. @default 0 */
  maxPasses?: number;
  /** Whether rows keep their curves. @default true */
  curves?: boolean;
  signal?: AbortSignal | undefined;
  /** Called after each step with the share that is done, in [0, 1]. */
  onProgress?: (done: number) => void;
}

/** What is the same for all images of a network: its weights' hash among it. */
export async function settingOf(
  network: Network,
  { dataset = "MNIST", subset = "test", steps = 500 } = {},
): Promise<Setting> {
  return {
    weightsSha256: await weightsSha256(toArrays(network.weights)),
    dataset,
    subset,
    steps,
  };
}

/**
 * Measures images, whatever they are.
 *
 * @param images Shape `[n, 28, 28, 1]`, in [0, 1].
 * @param subjects What is known of each of them.
 * @returns One record for each image, in their order.
 * @throws The signal's reason when aborted.
 */
export async function measureResistances(
  network: Network,
  images: Tensor4D,
  subjects: readonly Subject[],
  setting: Setting,
  { maxPasses = 0, curves = true, signal, onProgress }: MeasureOptions = {},
): Promise<ResistanceRecord[]> {
  const shared = signal ? { signal } : {};
  const found = await resistances(network, images, {
    ...shared,
    steps: setting.steps,
    ...(onProgress && { onProgress }),
  });
  const [logits, labels] = [network.infer(images), network.predict(images)];
  try {
    const values = logits.dataSync() as Float32Array;
    const ids = subjects.map(({ image }) => image);
    const search = { p: 2, reference: "prediction", maxPasses, ids, ...shared } as const;
    const least = maxPasses === 0 ? [] : await minNorm(network, { images, labels }, search);
    return found.map((one, i) => ({
      ...{ network: network.name, ...setting, ...subjects[i]! },
      prediction: one.prediction,
      logits: values.slice(i * network.classes, (i + 1) * network.classes),
      adversarial: one.adversarial,
      ...{ resN: one.resN, resMax: one.resMax, resMin: one.resMin },
      adversarialClass: one.adversarial ? one.lastClass : null,
      minNorm: least[i] ? (least[i].found ? least[i].norm : Infinity) : null,
      minNormOptions: least[i] ? searchOptions(maxPasses) : null,
      ...{ seed: null, attackedFrom: null, attackedTo: null },
      norms: curves ? sampled(one.norms) : null,
      confidences: curves ? sampled(one.confidences) : null,
    }));
  } finally {
    tf.dispose([logits, labels]);
  }
}

/** What tables say of a search with so many passes: what it finds changes with the portfolio. */
export const searchOptions = (maxPasses: number): string =>
  JSON.stringify({ maxPasses, version: portfolioVersion });

/** Whether a record is of a setting and a source. */
export function belongs(record: ResistanceRecord, setting: Setting, source: Source): boolean {
  return record.weightsSha256 === setting.weightsSha256 && record.dataset === setting.dataset &&
    record.subset === setting.subset && record.steps === setting.steps &&
    record.source === source.source && record.p === source.p && record.epsilon === source.epsilon;
}
