/**
 * Tables of certificates, and of attacks on smoothed classifiers, confirmed row by row.
 *
 * @module
 */
import { type Tensor4D, tf } from "../backend.ts";
import { factors, voteOn } from "../evaluation/smoothed.ts";
import { readSmoothedAttacks, type SmoothedAttackRow } from "../evaluation/smoothed_table.ts";
import type { Classifier } from "../network.ts";
import { type CertificateRow, readCertificates } from "../protections/runtime/certificates.ts";
import { certify, provenRadius } from "../protections/runtime/smoothing.ts";
import { type Counter, counterOf } from "../protections/runtime/votes.ts";
import {
  cleanImages,
  confirmPlace,
  judge,
  noWeights,
  type Verification,
  type VerifyOptions,
  Wrong,
  wrong,
} from "./evidence.ts";

/** What a row is held against. */
interface Evidence {
  network: Classifier;
  clean: Float32Array;
  label: number;
}

type Row = Pick<
  CertificateRow,
  "network" | "weightsSha256" | "dataset" | "subset" | "image" | "label"
>;

/**
 * Confirms each certificate of a table: its weights, label, class and radius, the last exactly as it
 * follows from the successes. Of some rows, spread over the table, all draws are taken again from the
 * seed; only these count as verified, the others as unwitnessed.
 *
 * @param recount Rows whose draws are taken again. @default 5
 * @throws As `readCertificates` if the file is no such table.
 */
export async function verifyCertificates(
  file: string,
  { recount = 5, ...options }: VerifyOptions & { recount?: number },
): Promise<Verification> {
  const rows = await readCertificates(file);
  const some = Math.min(recount, rows.length);
  const again = new Set(
    Array.from({ length: some }, (_, i) => Math.floor((i + 0.5) * rows.length / some)),
  );
  return await confirmAll(rows, options, async (row, evidence, place) => {
    confirmRadius(row, evidence.network);
    if (!again.has(place)) return false;
    await confirmDraws(row, evidence);
    return true;
  });
}

/**
 * Confirms each attack of a table: its weights and label, its image's pixels and norm, and the vote
 * there, which is taken again from the seed. A row without a find counts as unwitnessed.
 *
 * @throws As `readSmoothedAttacks` if the file is no such table.
 */
export async function verifySmoothedAttacks(
  file: string,
  options: VerifyOptions,
): Promise<Verification> {
  const rows = await readSmoothedAttacks(file);
  const counters = new Map<string, Counter>();
  return await confirmAll(rows, options, (row, evidence) => {
    const { network, weightsSha256, sigma, seed } = row;
    const key = JSON.stringify([network, weightsSha256, sigma, seed]);
    const count = counters.get(key) ?? counterOf(evidence.network, { sigma, seed });
    counters.set(key, count);
    confirmFind(row, evidence);
    confirmVote(row, evidence, count);
    return row.norm < Infinity;
  });
}

/** Confirms rows one by one, their weights and labels first. */
async function confirmAll<R extends Row>(
  rows: readonly R[],
  { networkOf, digitsOf, signal, onProgress }: VerifyOptions,
  confirm: (row: R, evidence: Evidence, place: number) => boolean | Promise<boolean>,
): Promise<Verification> {
  const cleanOf = cleanImages(digitsOf);
  const result: Verification = { rows: rows.length, verified: 0, unwitnessed: 0, failed: [] };
  for (const [place, row] of rows.entries()) {
    signal?.throwIfAborted();
    await judge(result, row, 2, async () => {
      const network = await networkOf(row) ?? noWeights();
      const evidence = { network, ...await cleanOf(row) };
      if (row.label !== evidence.label) wrong(`its label is ${evidence.label}, not ${row.label}`);
      try {
        return await confirm(row, evidence, place);
      } catch (error) {
        // Settings that certificates and votes refuse.
        throw error instanceof RangeError ? new Wrong(error.message) : error;
      }
    });
    onProgress?.(place + 1, rows.length);
    await new Promise((resolve) => setTimeout(resolve));
  }
  return result;
}

/** What follows of the successes must stand in the row. */
function confirmRadius(row: CertificateRow, { classes }: Classifier): void {
  const { prediction, radius, successes } = row;
  if (prediction !== null && !(prediction >= 0 && prediction < classes)) {
    wrong(`there is no class ${prediction}`);
  }
  const proven = provenRadius(successes, row);
  if ((proven === null) !== (prediction === null)) {
    const does = prediction === null ? "abstains" : "has a class";
    wrong(`it ${does} though ${successes} of ${row.n} draws are for one class`);
  }
  if (radius !== (proven ?? 0)) {
    wrong(`its successes prove a radius of ${proven ?? 0}, not ${radius}`);
  }
}

/** Certifies the image again. */
async function confirmDraws(row: CertificateRow, { network, clean }: Evidence): Promise<void> {
  const { sigma, n0, n, alpha, seed, image, successes, prediction } = row;
  const point: Tensor4D = tf.tensor4d(clean, [1, 28, 28, 1]);
  try {
    const options = { sigma, n0, n, alpha, seed, ids: [image] };
    for await (const again of certify(network, point, options)) {
      if (again.successes === successes && again.prediction === prediction) continue;
      const words = (one: Pick<CertificateRow, "successes" | "prediction">) =>
        `${one.successes} of ${n} (${one.prediction ?? "abstains"})`;
      wrong(`its draws give ${words(again)}, not ${words(row)}`);
    }
  } finally {
    point.dispose();
  }
}

/** What must hold of a find whatever the vote is. */
function confirmFind(row: SmoothedAttackRow, { clean }: Evidence): void {
  const { norm, factor, adversarial, prediction, label } = row;
  if (!factors.includes(factor)) wrong(`its factor must be of ${factors}, not ${factor}`);
  if (norm < Infinity !== (prediction !== label)) {
    wrong(
      `its norm is ${norm} though the vote is ${prediction === label ? "" : "not "}for the label`,
    );
  }
  if (adversarial) return confirmPlace(adversarial, clean, { p: 2, norm });
  if (!(norm === 0 || norm === Infinity)) wrong(`its norm is ${norm} though it has no image`);
  if (factor !== 0) wrong(`its factor is ${factor} though it has no image`);
}

/** Takes the vote again. */
function confirmVote(row: SmoothedAttackRow, { clean }: Evidence, count: Counter): void {
  const { factor, adversarial, prediction, labelVotes, votes } = row;
  const again = voteOn(count, adversarial ?? clean, factor, row);
  if (again.prediction !== prediction) {
    const words = (one: number | null) => one === null ? "abstains" : `is for ${one}`;
    wrong(`the vote ${words(again.prediction)}, and in the row ${words(prediction)}`);
  }
  if (again.labelVotes !== labelVotes) {
    wrong(`${again.labelVotes} of ${votes} votes are for the label, not ${labelVotes}`);
  }
}
