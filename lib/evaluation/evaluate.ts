/**
 * Runs all attacks of an evaluation into a table, and looks for signs that they fail.
 *
 * @module
 */
import { checkAttackable, type Doubt } from "../attackable.ts";
import { tf } from "../backend.ts";
import { writeAtomic } from "../files.ts";
import { type Dataset, type DigitBytes, load, loadBytes } from "../loader.ts";
import { lackingOf, measure } from "../results/measure.ts";
import type { Table } from "../results/table.ts";
import { exists } from "../setup/host.ts";
import type { ImageRange, Trial } from "./plan.ts";
import type { Subject } from "./subject.ts";

/** How an evaluation stands. */
export interface EvaluateProgress {
  attack: string;
  p: number;
  /** Images of this attack that are done, those under way in part, and how many there are. */
  done: number;
  images: number;
  /** Results that this run has computed so far, over all attacks. */
  computed: number;
  /** Median of the smallest norms of this attack so far. */
  median: number;
}

/** Settings of {@linkcode evaluate}. */
export interface EvaluateOptions {
  /** The subject's. @default "MNIST" */
  dataset?: Dataset;
  /** So many of the images, from their first one, keep their adversarial ones. @default all */
  pictures?: number;
  signal?: AbortSignal;
  onProgress?: (progress: EvaluateProgress) => void;
}

const PIXELS = 784;

/** Images computed together, and lost if the process is killed meanwhile. */
const BATCH = 100;

/** How many results the table lacks of each trial. */
export const lackingResults = (table: Table, trials: readonly Trial[]): number[] =>
  trials.map(({ measurement, images: { from, to } }) =>
    lackingOf(table, measurement, { first: from, bytes: { count: to - from } }).length
  );

/**
 * Runs the trials, and saves what the table lacks of them as it comes: stopped or killed, it goes on
 * where it was.
 *
 * @throws The signal's reason when aborted; batches that are complete are saved then.
 */
export async function evaluate(
  table: Table,
  trials: readonly Trial[],
  { dataset = "MNIST", pictures, signal, onProgress }: EvaluateOptions = {},
): Promise<void> {
  const all = await loadBytes("test", { dataset, ...(signal && { signal }) });
  const lacking = lackingResults(table, trials);
  let before = 0;
  for (const [i, { measurement, images, find }] of trials.entries()) {
    const bytes = part(all, images);
    await measure(table, measurement, { first: images.from, bytes }, {
      ...{ find, eightBit: false, batchSize: BATCH, ...(signal && { signal }) },
      ...(pictures !== undefined && { pictures }),
      onProgress: ({ done, computed, median }) =>
        onProgress?.({
          ...{ attack: measurement.attack ?? "portfolio", p: measurement.p },
          ...{ done, images: bytes.count, computed: before + computed, median },
        }),
    });
    before += lacking[i]!;
  }
}

const part = ({ images, labels }: DigitBytes, { from, to }: ImageRange): DigitBytes => ({
  count: to - from,
  images: images.subarray(from * PIXELS, to * PIXELS),
  labels: labels.subarray(from, to),
});

/** What was noticed of a network, and on which images. */
export interface Notes {
  network: string;
  weightsSha256: string;
  /** Of the detector, if there is one. */
  threshold?: number;
  images: ImageRange;
  doubts: Doubt[];
}

/** Whether notes are of certain weights, and of the same threshold. */
export const isOf = (
  notes: Notes | undefined,
  { weightsSha256, threshold }: Pick<Subject, "weightsSha256"> & { threshold?: number | undefined },
): notes is Notes => notes?.weightsSha256 === weightsSha256 && notes.threshold === threshold;

/** The file of the notes that belong to a table. */
export const notesOf = (table: string): string => table.replace(/\.parquet$/, ".json");

/** Images that are enough to raise doubts. */
const LOOKED_AT = 100;

/**
 * Gives what `checkAttackable` notices of a subject on the first hundred images: from the notes
 * beside its table, where they are of the same weights and of these images or more; else computed.
 * It is noted, but not in place of notes on images that were not looked at: a try-out on a few
 * images leaves what was noticed on many.
 */
export async function noticed(
  { classifier, weightsSha256, dataset, threshold }: Subject,
  file: string,
  { from, to }: ImageRange,
  { signal }: Pick<EvaluateOptions, "signal"> = {},
): Promise<Notes> {
  const images = { from, to: Math.min(to, from + LOOKED_AT) };
  const known = await readNotes(file);
  const same = isOf(known, { weightsSha256, threshold });
  if (same && holds(known.images, images)) return known;
  const digits = await load("test", { dataset, ...images });
  try {
    const doubts = await checkAttackable(classifier, digits, signal ? { signal } : {});
    const calibrated = threshold === undefined ? {} : { threshold };
    const notes = { network: classifier.name, weightsSha256, ...calibrated, images, doubts };
    if (!same || holds(images, known.images)) {
      await writeAtomic(file, JSON.stringify(notes, null, 2) + "\n");
    }
    return notes;
  } finally {
    tf.dispose([digits.images, digits.labels]);
  }
}

const holds = (all: ImageRange, some: ImageRange): boolean =>
  all.from <= some.from && some.to <= all.to;

/**
 * Reads notes.
 *
 * @returns `undefined` if there is no such file.
 * @throws {SyntaxError} If it is damaged.
 */
export async function readNotes(file: string): Promise<Notes | undefined> {
  if (!exists(file)) return undefined;
  try {
    return JSON.parse(await Deno.readTextFile(file));
  } catch {
    throw new SyntaxError(`Cannot read ${file} as it must hold notes in JSON; remove it`);
  }
}
