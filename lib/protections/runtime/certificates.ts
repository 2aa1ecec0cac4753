/**
 * Tables of certificates as Parquet files: one row for each image and sigma.
 *
 * @module
 */
import type { Digits } from "../../loader.ts";
import type { Network } from "../../network.ts";
import { type Kind, perhaps, readRecords, real, text, whole, writeRecords } from "../../records.ts";
import { weightsSha256 } from "../../safetensors.ts";
import { toArrays } from "../../weights.ts";
import { fillTable, inOrder } from "./smoothed_rows.ts";
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
  const { sigma, n0, n, alpha, seed } = setting;
  const classes = labels.dataSync();
  return await fillTable(file, setting, Array.from(classes, (_, i) => first + i), {
    ...{ read: readCertificates, write: writeCertificates, batch: BATCH },
    async *find(ids) {
      const wanted = images.gather<typeof images>(ids.map((id) => id - first));
      const options = { sigma, n0, n, alpha, seed, ids, ...(signal && { signal }) };
      try {
        let done = 0;
        for await (const certificate of certify(network, wanted, options)) {
          yield { ...certificate, label: classes[certificate.image - first]! };
          onProgress?.(++done, ids.length);
        }
      } finally {
        wanted.dispose();
      }
    },
  });
}

/** Share of rows that are right and certified beyond a radius; abstaining counts as wrong. */
export function certifiedAccuracy(
  rows: readonly Pick<CertificateRow, "label" | "prediction" | "radius">[],
  radius: number,
): number {
  const certain = rows.filter((row) => row.prediction === row.label && row.radius >= radius);
  return certain.length / rows.length;
}
