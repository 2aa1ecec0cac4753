/**
 * Tables of certificates as Parquet files: one row for each image and sigma.
 *
 * @module
 */
import type { DataType } from "nodejs-polars";
import pl from "nodejs-polars";
import { writeAtomic } from "../../files.ts";
import type { Digits } from "../../loader.ts";
import type { Network } from "../../network.ts";
import { weightsSha256 } from "../../safetensors.ts";
import { exists } from "../../setup/host.ts";
import { noteUsed } from "../../used.ts";
import { toArrays } from "../../weights.ts";
import { certify, type CertifyOptions } from "./smoothing.ts";

/** A certificate, and how it was made; the columns of a table. */
export interface CertificateRow {
  network: string;
  weightsSha256: string;
  dataset: string;
  subset: string;
  /** Number of the image within its subset. */
  image: number;
  /** True class. */
  label: number;
  /** The smoothed classifier's class; null where it abstains. */
  prediction: number | null;
  /** L2 radius within which that class stays, with probability 1 - alpha; 0 where it abstains. */
  radius: number;
  /** Draws out of n that gave the class chosen. */
  successes: number;
  sigma: number;
  n0: number;
  n: number;
  alpha: number;
  seed: number;
}

/** What all rows of a run have in common. */
export type CertificateSetting = Omit<
  CertificateRow,
  "image" | "label" | "prediction" | "radius" | "successes"
>;

/** The columns in their order. */
const kinds: Readonly<Record<keyof CertificateRow, DataType>> = {
  network: pl.String,
  weightsSha256: pl.String,
  dataset: pl.String,
  subset: pl.String,
  image: pl.Int32,
  label: pl.Int32,
  prediction: pl.Int32,
  radius: pl.Float64,
  successes: pl.Int32,
  sigma: pl.Float64,
  n0: pl.Int32,
  n: pl.Int32,
  alpha: pl.Float64,
  seed: pl.Int32,
};
const columns = Object.keys(kinds) as (keyof CertificateRow)[];

/** Images certified between two writes of the table, and lost if the process is killed. */
const BATCH = 10;

/**
 * Reads a table.
 *
 * @throws {Deno.errors.NotFound} If there is no such file.
 * @throws {SyntaxError} If it is damaged, or no table of certificates.
 */
export async function readCertificates(file: string): Promise<CertificateRow[]> {
  if (!exists(file)) {
    throw new Deno.errors.NotFound(`Cannot read ${file} as there is no such file`);
  }
  try {
    const frame = await pl.scanParquet(file, { glob: false }).collect();
    const values = columns.map((name) => frame.getColumn(name).toArray());
    noteUsed(file);
    return Array.from({ length: frame.height }, (_, row) =>
      // Its names and types are those of the columns, which fromEntries cannot express.
      Object.fromEntries(
        columns.map((name, i) => [name, values[i]![row]]),
      ) as unknown as CertificateRow);
  } catch (error) {
    const why = (error instanceof Error ? error.message : String(error)).split("\n", 1)[0]!;
    throw new SyntaxError(`Cannot read ${file} as a table of certificates: ${why.slice(0, 200)}`);
  }
}

/** Writes a table, atomically, its rows by network, sigma and image. */
export async function writeCertificates(
  file: string,
  rows: readonly CertificateRow[],
): Promise<void> {
  const sorted = rows.toSorted((a, b) =>
    a.network.localeCompare(b.network) || a.sigma - b.sigma || a.image - b.image
  );
  const series = columns.map((name) => {
    const values = sorted.map((row) => row[name]);
    const type = kinds[name];
    // Polars takes null for 0 where it is told that the numbers are whole.
    return type === pl.Int32
      ? pl.Series(name, values, pl.Float64).cast(type)
      : pl.Series(name, values, type);
  });
  await writeAtomic(file, pl.DataFrame(series).writeParquet({ compression: "zstd" }));
}

/** What is the same for all images of a run: the weights' hash among it. */
export async function certificateSetting(
  network: Network,
  { dataset = "MNIST", subset = "test", sigma, n0 = 100, n = 10_000, alpha = 0.001, seed = 0 }:
    & Pick<CertifyOptions, "sigma" | "n0" | "n" | "alpha" | "seed">
    & { dataset?: string; subset?: string },
): Promise<CertificateSetting> {
  return {
    network: network.name,
    weightsSha256: await weightsSha256(toArrays(network.weights)),
    ...{ dataset, subset, sigma, n0, n, alpha, seed },
  };
}

/** Whether a row is of a setting: the same weights under another name are the same. */
export const ofSetting = (row: CertificateRow, { network: _, ...setting }: CertificateSetting) =>
  (Object.keys(setting) as (keyof typeof setting)[]).every((key) => row[key] === setting[key]);

/**
 * Certifies images into a table, only those that it lacks. Killed, it goes on where it was.
 *
 * @param first Number of the first image.
 * @returns The rows of this setting and these images.
 * @throws The signal's reason when aborted; what is certified is saved then.
 */
export async function certifyInto(
  file: string,
  network: Network,
  { images, labels }: Digits,
  first: number,
  setting: CertificateSetting,
  { signal, onProgress }: {
    signal?: AbortSignal;
    onProgress?: (done: number, of: number) => void;
  } = {},
): Promise<CertificateRow[]> {
  const own = async () => {
    const all = exists(file) ? await readCertificates(file) : [];
    return { all, known: new Set(all.filter((row) => ofSetting(row, setting)).map(imageOf)) };
  };
  const { known } = await own();
  const ids = [...labels.dataSync().keys()].map((i) => first + i);
  const lacking = ids.filter((id) => !known.has(id));
  const classes = labels.dataSync();
  let fresh: CertificateRow[] = [];
  const save = async () => {
    // Read again: another run may have added rows meanwhile.
    const { all, known } = await own();
    await writeCertificates(file, [...all, ...fresh.filter(({ image }) => !known.has(image))]);
    fresh = [];
  };
  const { sigma, n0, n, alpha, seed } = setting;
  const wanted = images.gather<typeof images>(lacking.map((id) => id - first));
  try {
    let done = 0;
    const options = { sigma, n0, n, alpha, seed, ids: lacking, ...(signal && { signal }) };
    for await (const certificate of certify(network, wanted, options)) {
      fresh.push({ ...setting, ...certificate, label: classes[certificate.image - first]! });
      if (fresh.length === BATCH) await save();
      onProgress?.(++done, lacking.length);
    }
  } finally {
    wanted.dispose();
    if (fresh.length > 0) await save();
  }
  const range = new Set(ids);
  return (await own()).all.filter((row) => ofSetting(row, setting) && range.has(row.image));
}

const imageOf = ({ image }: CertificateRow): number => image;

/** Share of rows that are right and certified beyond a radius; abstaining counts as wrong. */
export function certifiedAccuracy(
  rows: readonly Pick<CertificateRow, "label" | "prediction" | "radius">[],
  radius: number,
): number {
  const certain = rows.filter((row) => row.prediction === row.label && row.radius >= radius);
  return certain.length / rows.length;
}
