/**
 * Fills a table of resistances: only what it lacks, batch by batch, whole at every moment.
 *
 * @module
 */
import { tf } from "../backend.ts";
import { exists } from "../setup/host.ts";
import type { Digits } from "../loader.ts";
import type { Network } from "../network.ts";
import { makeExamples } from "./examples.ts";
import { belongs, measureResistances, type Setting, type Subject } from "./measure.ts";
import { readResistances, type ResistanceRecord, type Source, writeResistances } from "./table.ts";

/** Images computed together, and lost if the process is killed meanwhile. */
const BATCH = 200;

/** Clean images. */
export const clean: Source = { source: "clean", p: null, epsilon: null };

/** An image that a table should have. */
export interface Wanted {
  image: number;
  /** Whether its row keeps the curves. */
  curves: boolean;
}

/** Which images are wanted. */
export interface Choice {
  /** Of images classified rightly only so many, the first ones; of the others all. @default all */
  right?: number | undefined;
  /** Rightly classified images whose curves are kept; of the others all are. @default all */
  curves?: number | undefined;
}

/**
 * Chooses images by what the network makes of them: all that it gets wrong, and the first ones that
 * it gets right.
 *
 * @param first Number of the first image.
 */
export function chosen(
  network: Network,
  { images, labels }: Digits,
  first: number,
  { right = Infinity, curves = Infinity }: Choice = {},
): Wanted[] {
  const hits = tf.tidy(() => network.predict(images).equal(labels).dataSync());
  const wanted: Wanted[] = [];
  let rightSoFar = 0;
  hits.forEach((hit, i) => {
    if (hit) rightSoFar++;
    if (hit && rightSoFar > right) return;
    wanted.push({ image: first + i, curves: !hit || rightSoFar <= curves });
  });
  return wanted;
}

/** How {@linkcode collect} stands. */
export interface CollectProgress {
  /** Images done, those under way in part. */
  done: number;
  /** Images that were lacking at first. */
  lacking: number;
}

/** Settings of {@linkcode collect}. */
export interface CollectOptions {
  /** Passes of the short search for the smallest L2 norm; 0 for none. @default 0 */
  maxPasses?: number;
  signal?: AbortSignal | undefined;
  onProgress?: (progress: CollectProgress) => void;
}

/** A table in memory, and the file where it is kept. */
export class Collection {
  private constructor(
    readonly file: string,
    /** Those of `file`. */
    readonly records: ResistanceRecord[],
    private readonly base: readonly ResistanceRecord[],
  ) {}

  /**
   * @param base A table that is only read, and whose records count as there.
   * @throws {SyntaxError} If a file is damaged; it is left as it was.
   */
  static async open(file: string, base?: string): Promise<Collection> {
    const read = async (path?: string) => path && exists(path) ? await readResistances(path) : [];
    return new Collection(file, await read(file), await read(base));
  }

  /** Of a setting and a source, in the order of their images, each once. */
  of(setting: Setting, source: Source): ResistanceRecord[] {
    const own = [...this.base, ...this.records].filter((one) => belongs(one, setting, source));
    // What the base has got since stands for what was computed before.
    const seen = new Set<number>();
    return own.filter(({ image }) => !seen.has(image) && seen.add(image))
      .sort((a, b) => a.image - b.image);
  }

  /** Adds records and saves all. */
  async add(records: readonly ResistanceRecord[]): Promise<void> {
    this.records.push(...records);
    await writeResistances(this.file, this.records);
  }
}

/** The wanted images that a collection lacks. */
export function lackingOf(
  collection: Collection,
  setting: Setting,
  wanted: readonly Wanted[],
): Wanted[] {
  const known = new Set(collection.of(setting, clean).map(({ image }) => image));
  return wanted.filter(({ image }) => !known.has(image));
}

/**
 * Measures the clean images that a collection lacks, and saves them 200 by 200.
 *
 * @throws The signal's reason when aborted; all complete batches are saved then.
 */
export async function collect(
  collection: Collection,
  network: Network,
  { digits, first }: Group,
  wanted: readonly Wanted[],
  setting: Setting,
  { maxPasses = 0, signal, onProgress }: CollectOptions = {},
): Promise<void> {
  const lacking = lackingOf(collection, setting, wanted);
  for (let at = 0; at < lacking.length; at += BATCH) {
    const part = lacking.slice(at, at + BATCH);
    const { images, labels } = picked({ digits, first }, part.map(({ image }) => image));
    const subjects = [...labels.dataSync()].map((label, i): Subject => (
      { ...clean, image: part[i]!.image, label, norm: null }
    ));
    try {
      const records = await measureResistances(network, images, subjects, setting, {
        ...{ maxPasses, signal },
        onProgress: (done) =>
          onProgress?.({ done: at + done * part.length, lacking: lacking.length }),
      });
      await collection.add(
        records.map((record, i) =>
          part[i]!.curves ? record : { ...record, norms: null, confidences: null }
        ),
      );
    } finally {
      tf.dispose([images, labels]);
    }
  }
}

/** Digits, of which `first` is the first one's number. */
export interface Group {
  digits: Digits;
  first: number;
}

/** The digits of some numbers. The caller disposes them. */
function picked({ digits, first }: Group, images: readonly number[]): Digits {
  return tf.tidy(() => {
    const places = tf.tensor1d(images.map((image) => image - first), "int32");
    return { images: digits.images.gather(places), labels: digits.labels.gather(places) };
  });
}

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
 * Attacks rightly classified images, and measures the adversarial examples: what a collection lacks
 * of each source, saved source by source.
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
    // Attacks may fail, so what is not there was perhaps tried: further images follow the last one.
    const last = collection.of(setting, source).at(-1)?.image ?? -1;
    const ids = right.slice(0, count).filter((image) => image > last);
    if (ids.length > 0) {
      const digits = picked(group, ids);
      const made = await makeExamples(network, digits, source, { ids, seed, signal });
      try {
        if (made.subjects.length > 0) {
          const options = { curves: false, signal };
          const { images, subjects } = made;
          await collection.add(
            await measureResistances(network, images, subjects, setting, options),
          );
        }
      } finally {
        tf.dispose([digits.images, digits.labels, made.images]);
      }
    }
    onProgress?.((i + 1) / sources.length);
  }
}
