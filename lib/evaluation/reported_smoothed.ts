/**
 * Certificates, and attacks on smoothed classifiers, that figures are made of.
 *
 * @module
 */
import { join } from "node:path";
import { modelFile, modelsFolder } from "../models.ts";
import { trainedSigma } from "../protections/plan.ts";
import { type CertificateRow, readCertificates } from "../protections/runtime/certificates.ts";
import { sha256OfFile } from "../results/weights.ts";
import { exists } from "../setup/host.ts";
import { root } from "../setup/paths.ts";
import { reportingHalf } from "./report.ts";
import {
  readSmoothedAttacks,
  type SmoothedAttackRow,
  smoothedAttacksFile,
} from "./smoothed_table.ts";

/** Where the committed certificates are. */
export const certificatesFile = join(root, "data", "protections", "smoothing.parquet");

/** How what is reported was certified, and attacked. */
const reported = {
  certificates: { n0: 100, n: 10_000, alpha: 0.001, seed: 0 },
  attacks: { draws: 16, maxPasses: 120, votes: 1000, seed: 0 },
};

/**
 * Reads the certificates that figures may tell of: of MNIST's networks as they are in `models/` now,
 * on images of the reporting half, with the sigma of their training, n = 10,000, alpha = 0.001 and seed 0. What a reader certified
 * otherwise is left out, so that no curve mixes the two.
 *
 * @returns In the table's order; none if there is no such file.
 * @throws {SyntaxError} If it is damaged, or no table of certificates.
 */
export async function reportedCertificates(file = certificatesFile): Promise<CertificateRow[]> {
  return exists(file) ? await presentOf(await readCertificates(file), reported.certificates) : [];
}

/**
 * Reads the attacks on smoothed classifiers that figures may tell of: as
 * {@linkcode reportedCertificates}, with 120 passes of 16 copies, 1,000 votes and seed 0.
 *
 * @returns In the table's order; none if there is no such file.
 * @throws {SyntaxError} If it is damaged, or no table of such attacks.
 */
export async function reportedSmoothedAttacks(
  file = smoothedAttacksFile,
): Promise<SmoothedAttackRow[]> {
  return exists(file) ? await presentOf(await readSmoothedAttacks(file), reported.attacks) : [];
}

/** The rows of a setting that are of present weights, on images of the reporting half. */
async function presentOf<R extends CertificateRow | SmoothedAttackRow>(
  rows: readonly R[],
  how: Partial<R>,
): Promise<R[]> {
  const setting = Object.entries({ ...how, dataset: "MNIST", subset: "test" });
  const { from, to } = reportingHalf;
  const own = rows.filter((row) =>
    row.image >= from && row.image < to && row.sigma === trainedSigma(row.network) &&
    setting.every(([name, value]) => row[name as keyof R] === value)
  );
  const present = new Map<string, string>();
  for (const name of new Set(own.map(({ network }) => network))) {
    const file = join(modelsFolder, modelFile(name));
    if (exists(file)) present.set(name, await sha256OfFile(file));
  }
  return own.filter(({ network, weightsSha256 }) => present.get(network) === weightsSha256);
}
