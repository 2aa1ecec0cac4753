/**
 * Result rows: what an attack made of one image, and tables of them as Parquet files.
 *
 * @module
 */
import { replaceAtomic } from "./files.ts";
import {
  assertNoStrangers,
  encodeRecords,
  type Kind,
  later,
  perhaps,
  reading,
  readRecords,
  real,
  reals,
  text,
  truth,
  whole,
  writeRecords,
} from "./records.ts";
import { appendTo, countRows } from "./results/parquet.ts";

/** What an attack made of one image; the columns of a table. */
export interface ResultRow {
  /** Name of the network's architecture. */
  network: string;
  /** SHA-256 of the weights' bytes in the order of their names. */
  weightsSha256: string;
  dataset: string;
  subset: string;
  /** Number of the image within its subset. */
  image: number;
  label: number;
  /** Class predicted for the clean image. */
  prediction: number;
  /** Which class had to be left: `label` or `prediction`. */
  reference: string;
  /** The norm: 0, 1, 2 or `Infinity`. */
  p: number;
  /** An attack's name, or `portfolio`. */
  attack: string;
  /** What else the result depends on, as JSON. */
  options: string;
  found: boolean;
  /** Norm of the smallest perturbation found: 0 if misclassified already, `Infinity` if none was. */
  minNorm: number;
  adversarialClass: number | null;
  forwards: number;
  backwards: number;
  seconds: number;
  seed: number;
  /** Whether the adversarial image, rounded to 8 bits, still is one. */
  survives8bit: boolean | null;
  /** Smallest norm found over adversarial images whose pixels are multiples of 1/255. */
  minNorm8bit: number | null;
  /** A proven lower bound of the minimal perturbation, and how it was proven. */
  certifiedNorm: number | null;
  certificate: string | null;
  /** The adversarial image: 784 pixels in [0, 1]. */
  adversarial: Float32Array | null;
  /** The attack of the portfolio that found it. */
  foundBy: string | null;
  /**
   * Whether the point found is the nearest adversarial one of its linear region (to a share of
   * 1e-4); `null` where that was not looked into.
   */
  optimal: boolean | null;
}

/** A column's name. */
export type Column = keyof ResultRow;

const kind: Kind<ResultRow> = {
  of: "results",
  columns: {
    network: text,
    weightsSha256: text,
    dataset: text,
    subset: text,
    image: whole,
    label: whole,
    prediction: whole,
    reference: text,
    p: real,
    attack: text,
    options: text,
    found: truth,
    minNorm: real,
    adversarialClass: perhaps(whole),
    forwards: whole,
    backwards: whole,
    seconds: real,
    seed: whole,
    survives8bit: perhaps(truth),
    minNorm8bit: perhaps(real),
    certifiedNorm: perhaps(real),
    certificate: perhaps(text),
    adversarial: perhaps(reals),
    foundBy: later(text),
    optimal: later(truth),
  },
};

/** What {@linkcode readRows} reads. */
export interface ReadOptions<C extends Column> {
  /** @default all; without `adversarial` a table takes little memory */
  columns?: readonly C[];
  /** The first row. @default 0 */
  from?: number;
  /** The row after the last one. @default the number of rows */
  to?: number;
}

/**
 * Reads a table's rows; columns that are none of a table's are left alone.
 *
 * @throws {Deno.errors.NotFound} If there is no such file.
 * @throws {SyntaxError} If it is damaged, or no table of results; the message says in a line why.
 */
export async function readRows<C extends Column = Column>(
  file: string,
  { columns, from = 0, to }: ReadOptions<C> = {},
): Promise<Pick<ResultRow, C>[]> {
  const count = await rowsOf(file);
  const length = Math.max(0, Math.min(to ?? count, count) - from);
  const rows = { from, length };
  return await readRecords<ResultRow, C>(file, kind, { ...(columns && { columns }), rows });
}

/**
 * Counts a table's rows, without reading them.
 *
 * @throws As {@linkcode readRows}.
 */
export async function rowsOf(file: string): Promise<number> {
  return await reading(file, kind, () => countRows(file));
}

/** Writes a table, atomically: an old file stands until the new one is complete. */
export async function writeRows(file: string, rows: readonly ResultRow[]): Promise<void> {
  await writeRecords(file, kind, rows);
}

/**
 * Adds rows to a table, atomically; memory does not grow with the table.
 *
 * @throws As {@linkcode readRows}; the file is left as it was.
 */
export async function appendRows(file: string, rows: readonly ResultRow[]): Promise<void> {
  if (rows.length === 0) return;
  const added = encodeRecords(kind, rows);
  const size = (await Deno.stat(file)).size + added.length;
  let done = false;
  await reading(file, kind, () =>
    replaceAtomic(file, async (temporary) => {
      done = await appendTo(file, added, temporary);
      if (done) return;
      // Written by another program: in other words, or with columns that would be lost.
      await assertNoStrangers(file, kind);
      await Deno.writeFile(temporary, encodeRecords(kind, [...await readRows(file), ...rows]));
    }, size));
}
