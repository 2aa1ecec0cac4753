/**
 * Fills a table of resistances: only what it lacks, batch by batch, whole at every moment.
 *
 * @module
 */
import { tf } from "../backend.ts";
import { exists } from "../setup/host.ts";
import type { Digits } from "../loader.ts";
import type { Network } from "../network.ts";
import {
  belongs,
  measureResistances,
  searchOptions,
  type Setting,
  type Subject,
} from "./measure.ts";
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
  #records: readonly ResistanceRecord[];

  private constructor(
    readonly file: string,
    records: readonly ResistanceRecord[],
    private readonly base: readonly ResistanceRecord[],
  ) {
    this.#records = records;
  }

  /** Those of `file`. */
  get records(): readonly ResistanceRecord[] {
    return this.#records;
  }

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
    const among = (all: readonly ResistanceRecord[]) =>
      all.filter((one) => belongs(one, setting, source));
    const found = new Map(among(this.#records).map((one) => [one.image, one]));
    // All of a source are of one seed: the one asked for last.
    const [first] = found.values();
    const base = among(this.base).filter((one) => !first || seedOf(one) === seedOf(first));
    for (const one of base) {
      const own = found.get(one.image);
      // What the base has got since stands for what was computed before.
      if (!own || !hasMore(own, one)) found.set(one.image, one);
    }
    return [...found.values()].sort((a, b) => a.image - b.image);
  }

  /**
   * Adds records in place of those of the same images, and saves all.
   *
   * @param stale Tells which others are dropped.
   */
  async add(
    records: readonly ResistanceRecord[],
    stale: (record: ResistanceRecord) => boolean = () => false,
  ): Promise<void> {
    const fresh = new Set(records.map(identityOf));
    const kept = this.#records.filter((one) => !fresh.has(identityOf(one)) && !stale(one));
    this.#records = [...kept, ...records];
    await writeResistances(this.file, this.#records);
  }
}

/** Seed of the attack that made an image. */
export const seedOf = ({ seed }: ResistanceRecord): number => seed ?? 0;

/** By what a record is known again. */
const identityOf = (one: ResistanceRecord): string =>
  [
    ...[one.weightsSha256, one.dataset, one.subset, one.steps],
    ...[one.source, one.p, one.epsilon, one.image],
  ].join();

/** Whether a record was made because another one lacked what was asked for. */
const hasMore = (own: ResistanceRecord, other: ResistanceRecord): boolean =>
  own.norms !== null && other.norms === null ||
  own.minNorm !== null && own.minNormOptions !== other.minNormOptions;

/** The wanted images that a collection lacks, or of which it lacks what is asked for. */
export function lackingOf(
  collection: Collection,
  setting: Setting,
  wanted: readonly Wanted[],
  { maxPasses = 0 }: Pick<CollectOptions, "maxPasses"> = {},
): Wanted[] {
  const known = new Map(collection.of(setting, clean).map((one) => [one.image, one]));
  return wanted.filter(({ image, curves }) => {
    const record = known.get(image);
    return !record || curves && record.norms === null || !isSearched(record, maxPasses);
  });
}

/** Whether the smallest norm was looked for as is asked; older tables don't say with what. */
function isSearched({ minNorm, minNormOptions }: ResistanceRecord, maxPasses: number): boolean {
  if (maxPasses === 0) return true;
  return minNorm !== null &&
    (minNormOptions ?? searchOptions(maxPasses)) === searchOptions(maxPasses);
}

/** A record as it is asked for; of an older one stays what was not asked for this time. */
function completed(
  record: ResistanceRecord,
  old: ResistanceRecord | undefined,
  { curves }: Wanted,
): ResistanceRecord {
  const from = curves ? record : old;
  const { minNorm, minNormOptions } = record.minNorm === null && old ? old : record;
  const [norms, confidences] = [from?.norms ?? null, from?.confidences ?? null];
  return { ...record, minNorm, minNormOptions, norms, confidences };
}

/**
 * Measures the clean images that a collection lacks, or of which it lacks what is asked for, and
 * saves them 200 by 200.
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
  const lacking = lackingOf(collection, setting, wanted, { maxPasses });
  const known = new Map(collection.of(setting, clean).map((one) => [one.image, one]));
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
        records.map((record, i) => completed(record, known.get(record.image), part[i]!)),
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
export function picked({ digits, first }: Group, images: readonly number[]): Digits {
  return tf.tidy(() => {
    const places = tf.tensor1d(images.map((image) => image - first), "int32");
    return { images: digits.images.gather(places), labels: digits.labels.gather(places) };
  });
}
