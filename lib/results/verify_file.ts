/**
 * Tables confirmed, whichever of three kinds they are.
 *
 * @module
 */
import { smoothedAttacks } from "../evaluation/smoothed_table.ts";
import { certificates } from "../protections/runtime/certificates.ts";
import { isOfKind } from "../records.ts";
import type { Verification, VerifyOptions } from "./evidence.ts";
import { verifyTable } from "./verify.ts";
import { verifyCertificates, verifySmoothedAttacks } from "./verify_smoothed.ts";

/**
 * Confirms each row of a table: of minimal norms, certificates, or attacks on smoothed classifiers,
 * which its columns tell.
 *
 * @param recount Certificates whose draws are taken again. @default 5
 * @returns What came of the rows, and what the unwitnessed ones are without.
 * @throws As `readRows` if the file is no such table.
 */
export async function verifyFile(
  file: string,
  options: VerifyOptions & { recount?: number },
): Promise<Verification & { without: string }> {
  if (await isOfKind(file, certificates)) {
    return { ...await verifyCertificates(file, options), without: "a recount" };
  }
  const verify = await isOfKind(file, smoothedAttacks) ? verifySmoothedAttacks : verifyTable;
  return { ...await verify(file, options), without: "an image" };
}
