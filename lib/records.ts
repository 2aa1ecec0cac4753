/**
 * Tables of records as Parquet files, by a table of their columns' types.
 *
 * @module
 */
import type { DataFrame, DataType } from "nodejs-polars";
import pl from "nodejs-polars";
import { writeAtomic } from "./files.ts";
import { noteUsed } from "./used.ts";

/** What a column holds. */
export interface Column {
  readonly type: DataType;
  /** As what polars is given its values, to be cast: it takes null for 0 if told they are whole. */
  readonly made: DataType;
  /** Whether its values are lists: `Float32Array`s in records. */
  readonly lists: boolean;
  /** What values in lists are multiplied by in the file, so that whole numbers can stand for them. */
  readonly scale: number;
  /** Whether a value may be null. */
  readonly nullable: boolean;
  /** Whether a file may lack the column, which then reads as null: older ones do. */
  readonly optional: boolean;
}

const plain = (type: DataType, made = type): Column => (
  { type, made, lists: false, scale: 1, nullable: false, optional: false }
);
const listed = (type: DataType, scale = 1): Column => (
  { ...plain(type, pl.List(pl.Float32)), lists: true, scale }
);

// None of them null, but for `perhaps` and `later`.
export const text: Column = plain(pl.String);
/** Int32. */
export const whole: Column = plain(pl.Int32, pl.Float64);
/** Float64, infinities among them. */
export const real: Column = plain(pl.Float64);
export const truth: Column = plain(pl.Bool);
/** Lists of Float32. */
export const reals: Column = listed(pl.List(pl.Float32));
/** Lists of numbers from -32.768 to 32.767, in whole thousandths: half of the bytes. */
export const thousandths: Column = listed(pl.List(pl.Int16), 1000);

/** The same, and null. */
export const perhaps = (column: Column): Column => ({ ...column, nullable: true });

/** The same, and null; older files are without the column. */
export const later = (column: Column): Column => ({ ...perhaps(column), optional: true });

/** A kind of table. */
export interface Kind<R> {
  /** What its records are, for errors: `results`. */
  readonly of: string;
  /** The columns in their order, of which the first is in every file. */
  readonly columns: Readonly<Record<keyof R & string, Column>>;
}

const namesOf = <R>({ columns }: Kind<R>) => Object.keys(columns) as (keyof R & string)[];

/** What {@linkcode readRecords} reads. */
export interface Part<C extends string> {
  /** @default all */
  columns?: readonly C[];
  /** The first record, and how many. @default all */
  rows?: { from: number; length: number };
}

/**
 * Reads a table's records; columns that are none of its kind's are left alone.
 *
 * @throws {Deno.errors.NotFound} If there is no such file.
 * @throws {SyntaxError} If it is damaged, or of another kind; the message says in a line why.
 */
export async function readRecords<R, C extends keyof R & string = keyof R & string>(
  file: string,
  kind: Kind<R>,
  { columns = namesOf(kind) as C[], rows }: Part<C> = {},
): Promise<Pick<R, C>[]> {
  const frame = await reading(file, kind, async () => {
    await Deno.stat(file); // of a file that is not there polars tells in many lines
    const table = pl.scanParquet(file, { glob: false });
    const { schema } = await table.slice(0, 0).collect();
    assertColumns(schema, kind);
    const there = columns.filter((name) => Object.hasOwn(schema, name));
    // Where none of the columns is there, another one gives the number of records.
    const part = table.select(...there.length > 0 ? there : namesOf(kind).slice(0, 1));
    const frame = await (rows ? part.slice(rows.from, rows.length) : part).collect();
    const values = columns.map((name) => valuesOf(frame, name, kind.columns[name], rows?.from));
    return { height: frame.height, values };
  });
  noteUsed(file);
  return Array.from({ length: frame.height }, (_, row) =>
    // Its names and types are those of the columns, which fromEntries cannot express.
    Object.fromEntries(columns.map((name, i) => [name, frame.values[i]![row]])) as Pick<R, C>);
}

/** Writes a table, atomically: an old file stands until the new one is complete. */
export async function writeRecords<R>(
  file: string,
  kind: Kind<R>,
  records: readonly R[],
): Promise<void> {
  await writeAtomic(file, encodeRecords(kind, records));
}

/** Records as the bytes of a Parquet file. */
export function encodeRecords<R>(kind: Kind<R>, records: readonly R[]): Uint8Array {
  // Polars can't make a column of lists out of none, so one goes first and is cut off again.
  const series = namesOf(kind).map((name) => {
    const { type, made, lists, scale } = kind.columns[name];
    const own = records.map((record) => record[name] ?? null);
    if (!lists) return pl.Series(name, [null, ...own], made).cast(type);
    const values = [new Float32Array(1), ...own as (Float32Array | null)[]];
    const times = (value: number) => Math.round(scale * value);
    const inFile = scale === 1 ? values : values.map((list) => list?.map(times) ?? null);
    return pl.Series(name, inFile, made).cast(type);
  });
  return pl.DataFrame(series).slice(1, records.length).writeParquet({ compression: "zstd" });
}

/** Whether a file is a table that has the columns of a kind. */
export async function isOfKind<R>(file: string, kind: Kind<R>): Promise<boolean> {
  try {
    const { schema } = await pl.scanParquet(file, { glob: false }).slice(0, 0).collect();
    assertColumns(schema, kind);
    return true;
  } catch {
    return false; // reading it as the kind that it is said to be tells why
  }
}

/** Checks that a file has no columns but those of its kind. */
export async function assertNoStrangers<R>(file: string, { columns }: Kind<R>): Promise<void> {
  const { schema } = await pl.scanParquet(file, { glob: false }).slice(0, 0).collect();
  const stranger = Object.keys(schema).find((name) => !Object.hasOwn(columns, name));
  if (stranger) throw new SyntaxError(`${stranger} is none of its columns`);
}

/** Turns whatever is wrong with a table into one line. */
export async function reading<T>(
  file: string,
  { of }: { of: string },
  read: () => Promise<T>,
): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      throw new Deno.errors.NotFound(`Cannot read ${file} as there is no such file`);
    }
    if (ofFileSystem(error)) throw error;
    const why = (error instanceof Error ? error.message : String(error)).split("\n", 1)[0]!;
    throw new SyntaxError(`Cannot read ${file} as a table of ${of}: ${why.slice(0, 200)}`);
  }
}

/** Whether an error is none of a file's content, such as that the disk is full. */
function ofFileSystem(error: unknown): boolean {
  const { code, cause } = Object(error) as { code?: unknown; cause?: unknown };
  return /^E[A-Z]+$/.test(String(code)) || (cause !== undefined && ofFileSystem(cause));
}

/** A column's values, of which those that may not be null are not. */
function valuesOf(frame: DataFrame, name: string, column: Column, from = 0): unknown[] {
  if (!frame.columns.includes(name)) return new Array<null>(frame.height).fill(null);
  const values: unknown[] = frame.getColumn(name).toArray();
  const lacking = values.indexOf(null);
  if (lacking !== -1 && !column.nullable) {
    throw new SyntaxError(`row ${from + lacking} has no ${name}`);
  }
  if (!column.lists) return values;
  return values.map((list) =>
    list === null
      ? null
      : Float32Array.from(list as (number | null)[], (one) => (one ?? NaN) / column.scale)
  );
}

/** Checks that a file has the columns of its kind. */
function assertColumns<R>(schema: Record<string, DataType>, { columns }: Kind<R>): void {
  for (const [name, { type, optional }] of Object.entries<Column>(columns)) {
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

const describe = (type: DataType): string => String(type).replaceAll(/DataType\(|\)(?=\)|$)/g, "");
