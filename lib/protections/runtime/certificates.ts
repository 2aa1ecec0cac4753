/**
 * Tables of certificates as Parquet files: one row for each image and sigma.
 *
 * @module
 */
import type { Digits } from "../../loader.ts";
import type { Network } from "../../network.ts";
import { type Kind, perhaps, readRecords, real, text, whole, writeRecords } from "../../records.ts";
import { weightsSha256 } from "../../safetensors.ts";
import { exists } from "../../setup/host.ts";
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

/** How such a table looks. */
export const certificates: Kind<CertificateRow> = {
  of: "certificates",
  columns: {
    network: text,
    weightsSha256: text,
    dataset: text,
    subset: text,
    image: whole,
    label: whole,
    prediction: perhaps(whole),
    radius: real,
    successes: whole,
    sigma: real,
    n0: whole,
    n: whole,
    alpha: real,
    seed: whole,
  },
};

/** Images certified between two writes of the table, and lost if the process is killed. */
const BATCH = 10;

/**
 * Reads a table.
 *
 * @throws {Deno.errors.NotFound} If there is no such file.
 * @throws {SyntaxError} If it is damaged, or no table of certificates.
 */
export async function readCertificates(file: string): Promise<CertificateRow[]> {
  return await readRecords(file, certificates);
}

/** Writes a table, atomically, its rows by network, sigma and image. */
export async function writeCertificates(
  file: string,
  rows: readonly CertificateRow[],
): Promise<void> {
  await writeRecords(file, certificates, inOrder(rows));
}

/** Rows by network, sigma and image. */
export const inOrder = <R extends Pick<CertificateRow, "network" | "sigma" | "image">>(
  rows: readonly R[],
): R[] =>
  rows.toSorted((a, b) =>
    a.network.localeCompare(b.network) || a.sigma - b.sigma || a.image - b.image
  );

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
export const ofSetting = <S extends { network: string }>(
  row: S,
  { network: _, ...setting }: S,
): boolean => Object.entries(setting).every(([key, value]) => row[key as keyof S] === value);

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
    return {
      all,
      known: new Set(all.filter((row) => ofSetting<CertificateSetting>(row, setting)).map(imageOf)),
    };
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
  return (await own()).all.filter((row) =>
    ofSetting<CertificateSetting>(row, setting) && range.has(row.image)
  );
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
