/**
 * Result rows: what an attack made of one image, and tables of them as Parquet files.
 *
 * @module
 */
import type { DataFrame, DataType, Series } from "nodejs-polars";
import pl from "nodejs-polars";
import { replaceAtomic, writeAtomic } from "./files.ts";
import { appendTo, countRows } from "./results/parquet.ts";
import { noteUsed } from "./used.ts";

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

interface Kind {
  readonly type: DataType;
  readonly nullable: boolean;
  /** Whether a table may lack it, which then reads as null: tables of others do. */
  readonly optional?: boolean;
}

const [text, whole, real, truth] = [pl.String, pl.Int32, pl.Float64, pl.Bool];
const image = pl.List(pl.Float32);
const always = (type: DataType): Kind => ({ type, nullable: false });
const perhaps = (type: DataType): Kind => ({ type, nullable: true });

/** The columns in their order. */
const kinds: Readonly<Record<Column, Kind>> = {
  network: always(text),
  weightsSha256: always(text),
  dataset: always(text),
  subset: always(text),
  image: always(whole),
  label: always(whole),
  prediction: always(whole),
  reference: always(text),
  p: always(real),
  attack: always(text),
  options: always(text),
  found: always(truth),
  minNorm: always(real),
  adversarialClass: perhaps(whole),
  forwards: always(whole),
  backwards: always(whole),
  seconds: always(real),
  seed: always(whole),
  survives8bit: perhaps(truth),
  minNorm8bit: perhaps(real),
  certifiedNorm: perhaps(real),
  certificate: perhaps(text),
  adversarial: perhaps(image),
  foundBy: { ...perhaps(text), optional: true },
  optimal: { ...perhaps(truth), optional: true },
};

const allColumns = Object.keys(kinds) as Column[];

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
  { columns = allColumns as C[], from = 0, to }: ReadOptions<C> = {},
): Promise<Pick<ResultRow, C>[]> {
  const count = await rowsOf(file);
  const length = Math.max(0, Math.min(to ?? count, count) - from);
  const values = await attempt(file, async () => {
    const lazy = pl.scanParquet(file, { glob: false });
    const { schema } = await lazy.slice(0, 0).collect();
    assertColumns(schema);
    const there = columns.filter((name) => Object.hasOwn(schema, name));
    const frame = await lazy.select(...there).slice(from, length).collect();
    return columns.map((name) =>
      there.includes(name) ? valuesOf(frame, name, from) : new Array<null>(length).fill(null)
    );
  });
  noteUsed(file);
  return Array.from({ length }, (_, row) =>
    // Its names and types are those of the columns, which fromEntries cannot express.
    Object.fromEntries(columns.map((name, i) => [name, values[i]![row]])) as Pick<ResultRow, C>);
}

/**
 * Counts a table's rows, without reading them.
 *
 * @throws As {@linkcode readRows}.
 */
export async function rowsOf(file: string): Promise<number> {
  return await attempt(file, () => countRows(file));
}

/** Writes a table, atomically: an old file stands until the new one is complete. */
export async function writeRows(file: string, rows: readonly ResultRow[]): Promise<void> {
  await writeAtomic(file, encode(rows));
}

/**
 * Adds rows to a table, atomically; memory does not grow with the table.
 *
 * @throws As {@linkcode readRows}; the file is left as it was.
 */
export async function appendRows(file: string, rows: readonly ResultRow[]): Promise<void> {
  if (rows.length === 0) return;
  const added = encode(rows);
  const size = (await Deno.stat(file)).size + added.length;
  let done = false;
  await attempt(file, () =>
    replaceAtomic(file, async (temporary) => {
      done = await appendTo(file, added, temporary);
      if (done) return;
      // Written by another program: in other words, or with columns that would be lost.
      await assertNoStrangers(file);
      await Deno.writeFile(temporary, encode([...await readRows(file), ...rows]));
    }, size));
}

/** Rows as the bytes of a Parquet file. */
function encode(rows: readonly ResultRow[]): Uint8Array {
  // Polars can't make a column of lists out of none, so an image goes first and is cut off again.
  const first = { adversarial: new Float32Array(1) } as Partial<ResultRow>;
  const series = allColumns.map((name) => {
    const values = [first, ...rows].map((row) => row[name] ?? null);
    const { type } = kinds[name];
    // Polars takes null for 0 where it is told that the numbers are whole.
    return type === whole
      ? pl.Series(name, values, real).cast(whole)
      : pl.Series(name, values, type);
  });
  return pl.DataFrame(series).slice(1, rows.length).writeParquet({ compression: "zstd" });
}

/** A column's values, of which those that may not be null are not. */
function valuesOf(frame: DataFrame, name: Column, from: number): unknown[] {
  const series: Series = frame.getColumn(name);
  const values: unknown[] = series.toArray();
  const lacking = values.indexOf(null);
  if (lacking !== -1 && !kinds[name].nullable) {
    throw new SyntaxError(`row ${from + lacking} has no ${name}`);
  }
  if (name !== "adversarial") return values;
  return values.map((pixels) =>
    pixels === null ? null : Float32Array.from(pixels as (number | null)[], (one) => one ?? NaN)
  );
}

/** Checks that a file has the columns of a table. */
function assertColumns(schema: Record<string, DataType>): void {
  for (const [name, { type, optional }] of Object.entries(kinds)) {
    const found = schema[name];
    if (!found && optional) continue;
    if (!found) throw new SyntaxError(`it has no column ${name}`);
    if (describe(found) !== describe(type)) {
      throw new SyntaxError(
        `column ${name} must be ${describe(type)}: current value is ${describe(found)}`,
      );
    }
  }
}

/** Checks that a file has no columns but those of a table. */
async function assertNoStrangers(file: string): Promise<void> {
  const { schema } = await pl.scanParquet(file, { glob: false }).slice(0, 0).collect();
  const stranger = Object.keys(schema).find((name) => !Object.hasOwn(kinds, name));
  if (stranger) throw new SyntaxError(`${stranger} is none of its columns`);
}

const describe = (type: DataType): string => String(type).replaceAll(/DataType\(|\)(?=\)|$)/g, "");

/** Turns whatever is wrong with a file into one line. */
async function attempt<T>(file: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      throw new Deno.errors.NotFound(`Cannot read ${file} as there is no such file`);
    }
    if (ofFileSystem(error)) throw error;
    const why = (error instanceof Error ? error.message : String(error)).split("\n", 1)[0]!;
    throw new SyntaxError(`Cannot read ${file} as a table of results: ${why.slice(0, 200)}`);
  }
}

/** Whether an error is none of a file's content, such as that the disk is full. */
function ofFileSystem(error: unknown): boolean {
  const { code, cause } = Object(error) as { code?: unknown; cause?: unknown };
  return /^E[A-Z]+$/.test(String(code)) || (cause !== undefined && ofFileSystem(cause));
}
