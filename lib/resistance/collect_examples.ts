/**
 * Fills a table with resistances of adversarial images: attacks what it lacks, source by source.
 *
 * @module
 */
import { tf } from "../backend.ts";
import type { Network } from "../network.ts";
import { type Collection, type Group, picked, seedOf } from "./collect.ts";
import { makeExamples } from "./examples.ts";
import { belongs, measureResistances, type Setting } from "./measure.ts";
import type { Source } from "./table.ts";

/** Settings of {@linkcode collectExamples}. */
export interface CollectExamplesOptions {
  /** How many images are attacked: the first ones classified rightly. */
  count: number;
  /** @default 0 */
  seed?: number;
  signal?: AbortSignal | undefined;
  /** Called after each source with the share that is done, in [0, 1]. */
  onProgress?: (done: number) => void;
}

/**
 * The images that a source's attack has not been tried on. It may have failed, so that an image
 * without a record can be one that was tried: records tell which were attacked with them.
 *
 * @param images Numbers of images, all classified rightly.
 */
export function untried(
  collection: Collection,
  setting: Setting,
  source: Source,
  images: readonly number[],
  seed = 0,
): number[] {
  const tried = collection.of(setting, source).filter((one) => seedOf(one) === seed)
    .map(({ image, attackedFrom, attackedTo }) =>
      [attackedFrom ?? 0, attackedTo ?? image] as const
    );
  return images.filter((image) => !tried.some(([from, to]) => image >= from && image <= to));
}

/**
 * Attacks rightly classified images, and measures the adversarial examples: what a collection lacks
 * of each source, saved source by source. All records of a source are of one seed: those of another
 * one are replaced.
 *
 * @throws The signal's reason when aborted.
 */
export async function collectExamples(
  collection: Collection,
  network: Network,
  group: Group,
  sources: readonly Source[],
  setting: Setting,
  { count, seed = 0, signal, onProgress }: CollectExamplesOptions,
): Promise<void> {
  const { images, labels } = group.digits;
  const hits = tf.tidy(() => network.predict(images).equal(labels).dataSync());
  const right = Array.from(hits.keys()).filter((i) => hits[i]).map((i) => group.first + i);
  for (const [i, source] of sources.entries()) {
    const ids = untried(collection, setting, source, right.slice(0, count), seed);
    if (ids.length > 0) {
      await attack(collection, network, group, source, setting, { ids, seed, signal });
    }
    onProgress?.((i + 1) / sources.length);
  }
}

/** Attacks some images and adds those for which it succeeds. */
async function attack(
  collection: Collection,
  network: Network,
  group: Group,
  source: Source,
  setting: Setting,
  { ids, seed, signal }: { ids: readonly number[]; seed: number; signal: AbortSignal | undefined },
): Promise<void> {
  const digits = picked(group, ids);
  try {
    const { images, subjects } = await makeExamples(network, digits, source, { ids, seed, signal });
    try {
      if (subjects.length === 0) return;
      const options = { curves: false, signal };
      const records = await measureResistances(network, images, subjects, setting, options);
      const made = { seed, attackedFrom: ids[0]!, attackedTo: ids.at(-1)! };
      await collection.add(
        records.map((record) => ({ ...record, ...made })),
        (old) => belongs(old, setting, source) && seedOf(old) !== seed,
      );
    } finally {
      images.dispose();
    }
  } finally {
    tf.dispose([digits.images, digits.labels]);
  }
}
