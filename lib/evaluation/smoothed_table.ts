/**
 * Tables of attacks on smoothed classifiers as Parquet files: one row for each image and sigma.
 *
 * @module
 */
import { join } from "node:path";
import type { Digits } from "../loader.ts";
import type { Network } from "../network.ts";
import { fillTable, inOrder } from "../protections/runtime/smoothed_rows.ts";
import {
  type Kind,
  perhaps,
  readRecords,
  real,
  reals,
  text,
  whole,
  writeRecords,
} from "../records.ts";
import { weightsSha256 } from "../safetensors.ts";
import { root } from "../setup/paths.ts";
import { toArrays } from "../weights.ts";
import { type SmoothedAttackOptions, type SmoothedNorm, smoothedNorms } from "./smoothed.ts";

/** Where the committed attacks are. */
export const smoothedAttacksFile = join(root, "data", "protections", "smoothed-attacks.parquet");

/** What all rows of a run have in common. */
export interface SmoothedAttackSetting {
  network: string;
  weightsSha256: string;
  dataset: string;
  subset: string;
  sigma: number;
  draws: number;
  maxPasses: number;
  votes: number;
  seed: number;
}

/** What was found for an image, and how; the columns of a table. */
export type SmoothedAttackRow = SmoothedAttackSetting & SmoothedNorm;

/** How such a table looks. */
export const smoothedAttacks: Kind<SmoothedAttackRow> = {
  of: "attacks on smoothed classifiers",
  columns: {
    network: text,
    weightsSha256: text,
    dataset: text,
    subset: text,
    image: whole,
    label: whole,
    sigma: real,
    draws: whole,
    maxPasses: whole,
    votes: whole,
    seed: whole,
    norm: real,
    factor: real,
    prediction: perhaps(whole),
    labelVotes: whole,
    adversarial: perhaps(reals),
  },
};

/** Images attacked between two writes of the table, and lost if the process is killed. */
const BATCH = 8;

/**
 * Reads a table.
 *
 * @throws {Deno.errors.NotFound} If there is no such file.
 * @throws {SyntaxError} If it is damaged, or no table of such attacks.
 */
export async function readSmoothedAttacks(
  file: string = smoothedAttacksFile,
): Promise<SmoothedAttackRow[]> {
  return await readRecords(file, smoothedAttacks);
}

/** Writes a table, atomically, its rows by network, sigma and image. */
export async function writeSmoothedAttacks(
  file: string,
  rows: readonly SmoothedAttackRow[],
): Promise<void> {
  await writeRecords(file, smoothedAttacks, inOrder(rows));
}

/** What is the same for all images of a run: the weights' hash among it. */
export async function smoothedAttackSetting(
  network: Network,
  {
    dataset = "MNIST",
    subset = "test",
    sigma,
    draws = 16,
    maxPasses = 120,
    votes = 1000,
    seed = 0,
  }:
    & Pick<SmoothedAttackOptions, "sigma" | "draws" | "maxPasses" | "votes" | "seed">
    & { dataset?: string; subset?: string },
): Promise<SmoothedAttackSetting> {
  return {
    network: network.name,
    weightsSha256: await weightsSha256(toArrays(network.weights)),
    ...{ dataset, subset, sigma, draws, maxPasses, votes, seed },
  };
}

/**
 * Attacks images into a table, only those that it lacks. Killed, it goes on where it was.
 *
 * @param first Number of the first image.
 * @returns The rows of this setting and these images.
 * @throws The signal's reason when aborted; batches that are done are saved then.
 */
export async function attackInto(
  file: string,
  network: Network,
  { images, labels }: Digits,
  first: number,
  setting: SmoothedAttackSetting,
  { signal, onProgress }: {
    signal?: AbortSignal;
    onProgress?: (done: number, of: number) => void;
  } = {},
): Promise<SmoothedAttackRow[]> {
  const { sigma, draws, maxPasses, votes, seed } = setting;
  const ids = Array.from({ length: labels.shape[0] }, (_, i) => first + i);
  return await fillTable(file, setting, ids, {
    ...{ read: readSmoothedAttacks, write: writeSmoothedAttacks, batch: BATCH },
    async *find(lacking) {
      for (let from = 0; from < lacking.length; from += BATCH) {
        const part = lacking.slice(from, from + BATCH);
        const places = part.map((id) => id - first);
        const digits = {
          images: images.gather<typeof images>(places),
          labels: labels.gather<typeof labels>(places),
        };
        try {
          yield* await smoothedNorms(network, digits, {
            ...{ sigma, draws, maxPasses, votes, seed, ids: part, ...(signal && { signal }) },
            onProgress: (done) => onProgress?.(from + done * part.length, lacking.length),
          });
        } finally {
          digits.images.dispose();
          digits.labels.dispose();
        }
      }
    },
  });
}
