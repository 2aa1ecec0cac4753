/**
 * Tables of resistances as Parquet files: one row for each image that the second attack resisted or
 * gave way to.
 *
 * @module
 */
import {
  type Kind,
  later,
  perhaps,
  readRecords,
  real,
  reals,
  text,
  thousandths,
  truth,
  whole,
  writeRecords,
} from "../records.ts";

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

const kind: Kind<ResistanceRecord> = {
  of: "resistances",
  columns: {
    network: text,
    weightsSha256: text,
    dataset: text,
    subset: text,
    source: text,
    p: perhaps(real),
    epsilon: perhaps(real),
    image: whole,
    label: whole,
    prediction: whole,
    logits: reals,
    norm: perhaps(real),
    steps: whole,
    adversarial: truth,
    resN: real,
    resMax: real,
    resMin: real,
    adversarialClass: perhaps(whole),
    minNorm: perhaps(real),
    minNormOptions: later(text),
    seed: later(whole),
    attackedFrom: later(whole),
    attackedTo: later(whole),
    norms: perhaps(thousandths),
    confidences: perhaps(thousandths),
  },
};

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
  await writeRecords(file, kind, records);
}

/**
 * Reads a table.
 *
 * @throws {Deno.errors.NotFound} If there is no such file.
 * @throws {SyntaxError} If it is damaged, or no table of resistances.
 */
export async function readResistances(file: string): Promise<ResistanceRecord[]> {
  return await readRecords(file, kind);
}
