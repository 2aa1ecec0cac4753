/**
 * Tables of resistances as Parquet files: one row for each image that the second attack resisted or
 * gave way to.
 *
 * @module
 */
import type { DataType } from "nodejs-polars";
import pl from "nodejs-polars";
import { writeAtomic } from "../files.ts";
import { noteUsed } from "../used.ts";

/** Samples of each curve that a row keeps. */
export const SAMPLES = 50;

/** Where an image comes from: MNIST, or an attack on an image of MNIST. */
export interface Source {
  /** `clean`, or the name of what made the image from a clean one. */
  source: string;
  /** The norm that the maker measures by; null where clean. */
  p: number | null;
  /** The budget that the maker was given; null where clean, and where it looks for the smallest. */
  epsilon: number | null;
}

/** What the second attack says of one image; the columns of a table. */
export interface ResistanceRecord extends Source {
  network: string;
  /** SHA-256 of the weights' bytes in the order of their names. */
  weightsSha256: string;
  dataset: string;
  subset: string;
  /** Number of the image, or of the clean image that it was made of, within its subset. */
  image: number;
  /** True class. */
  label: number;
  /** Class predicted for the image as the second attack found it: the one that had to be left. */
  prediction: number;
  /** Logits of the image as the second attack found it; 10 values. */
  logits: Float32Array;
  /** Norm, by the maker's p, of what the maker added; null where clean. */
  norm: number | null;
  /** Steps of the second attack. */
  steps: number;
  /** Whether its last image is adversarial; if not, all three resistances are infinite. */
  adversarial: boolean;
  resN: number;
  resMax: number;
  resMin: number;
  /** Class of its last image, the "adversarial correction"; null where that is not adversarial. */
  adversarialClass: number | null;
  /** Smallest L2 norm found by a short search, an upper bound; null where none was asked for. */
  minNorm: number | null;
  /** How it was looked for, as JSON; null where it was not, and in older tables. */
  minNormOptions: string | null;
  /** Seed of the attack that made the image; null where clean, and in older tables: there 0. */
  seed: number | null;
  /**
   * First and last of the images attacked with this one, so that those for which attacks failed are
   * known: all in between that are classified rightly. Null where clean, and in older tables: there
   * from image 0 to this one.
   */
  attackedFrom: number | null;
  attackedTo: number | null;
  /** Norm and confidence at {@linkcode SAMPLES} even steps, the last included, in thousandths. */
  norms: Float32Array | null;
  confidences: Float32Array | null;
}

interface Kind {
  readonly type: DataType;
  readonly nullable: boolean;
  /** Whether older tables are without the column. */
  readonly later?: boolean;
}

const always = (type: DataType): Kind => ({ type, nullable: false });
const perhaps = (type: DataType): Kind => ({ type, nullable: true });
const later = (type: DataType): Kind => ({ type, nullable: true, later: true });
const [text, whole, real, truth] = [pl.String, pl.Int32, pl.Float64, pl.Bool];
/** Whole thousandths take half of the bytes of floats. */
const thousandths = pl.List(pl.Int16);

/** The columns in their order. */
const kinds: Readonly<Record<keyof ResistanceRecord, Kind>> = {
  network: always(text),
  weightsSha256: always(text),
  dataset: always(text),
  subset: always(text),
  source: always(text),
  p: perhaps(real),
  epsilon: perhaps(real),
  image: always(whole),
  label: always(whole),
  prediction: always(whole),
  logits: always(pl.List(pl.Float32)),
  norm: perhaps(real),
  steps: always(whole),
  adversarial: always(truth),
  resN: always(real),
  resMax: always(real),
  resMin: always(real),
  adversarialClass: perhaps(whole),
  minNorm: perhaps(real),
  minNormOptions: later(text),
  seed: later(whole),
  attackedFrom: later(whole),
  attackedTo: later(whole),
  norms: perhaps(thousandths),
  confidences: perhaps(thousandths),
};

const columns = Object.keys(kinds) as (keyof ResistanceRecord)[];
const isCurve = (name: string): boolean => name === "norms" || name === "confidences";

/** Even samples of a curve, the last value included, rounded to thousandths. */
export function sampled(curve: ArrayLike<number>, samples = SAMPLES): Float32Array {
  return Float32Array.from({ length: samples }, (_, i) => {
    const step = Math.ceil((i + 1) * curve.length / samples);
    return Math.round(1000 * curve[step - 1]!) / 1000;
  });
}

/** Writes a table, atomically: an old file stands until the new one is complete. */
export async function writeResistances(
  file: string,
  records: readonly ResistanceRecord[],
): Promise<void> {
  await writeAtomic(file, encode(records));
}

/**
 * Reads a table.
 *
 * @throws {Deno.errors.NotFound} If there is no such file.
 * @throws {SyntaxError} If it is damaged, or no table of resistances.
 */
export async function readResistances(file: string): Promise<ResistanceRecord[]> {
  await Deno.stat(file).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new Deno.errors.NotFound(`Cannot read ${file} as there is no such file`);
  });
  try {
    const frame = await pl.scanParquet(file, { glob: false }).collect();
    const values = columns.map((name) => valuesOf(frame, name));
    noteUsed(file);
    return Array.from({ length: frame.height }, (_, row) =>
      // Its names and types are those of the columns, which fromEntries cannot express.
      Object.fromEntries(
        columns.map((name, i) => [name, values[i]![row]]),
      ) as unknown as ResistanceRecord);
  } catch (error) {
    const why = (error instanceof Error ? error.message : String(error)).split("\n", 1)[0]!;
    throw new SyntaxError(`Cannot read ${file} as a table of resistances: ${why.slice(0, 200)}`);
  }
}

function encode(records: readonly ResistanceRecord[]): Uint8Array {
  // Polars can't make a column of lists out of none, so a row of lists goes first and is cut off.
  const one = new Float32Array(1);
  const first: Partial<ResistanceRecord> = { logits: one, norms: one, confidences: one };
  const series = columns.map((name) => {
    const { type } = kinds[name];
    if (isCurve(name)) {
      const values = [first, ...records].map((row) =>
        (row[name] as Float32Array | null)?.map((value) => Math.round(1000 * value)) ?? null
      );
      return pl.Series(name, values, pl.List(pl.Float32)).cast(type);
    }
    const values = [first, ...records].map((row) => row[name] ?? null);
    // Polars takes null for 0 where it is told that the numbers are whole.
    return type === whole
      ? pl.Series(name, values, real).cast(whole)
      : pl.Series(name, values, type);
  });
  return pl.DataFrame(series).slice(1, records.length).writeParquet({ compression: "zstd" });
}

function valuesOf(frame: pl.DataFrame, name: keyof ResistanceRecord): unknown[] {
  const { nullable, later } = kinds[name];
  if (!frame.columns.includes(name)) {
    if (later) return new Array(frame.height).fill(null);
    throw new SyntaxError(`it has no column ${name}`);
  }
  const values: unknown[] = frame.getColumn(name).toArray();
  if (!nullable && values.includes(null)) throw new SyntaxError(`a row has no ${name}`);
  if (name !== "logits" && !isCurve(name)) return values;
  const scale = isCurve(name) ? 1000 : 1;
  return values.map((list) =>
    list === null ? null : Float32Array.from(list as ArrayLike<number>, (value) => value / scale)
  );
}
