/**
 * Which certificates and attacks on smoothed classifiers enter figures.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { join } from "node:path";
import {
  certificatesFile,
  reportedCertificates,
  reportedSmoothedAttacks,
} from "$lib/evaluation/reported_smoothed.ts";
import {
  readSmoothedAttacks,
  type SmoothedAttackRow,
  writeSmoothedAttacks,
} from "$lib/evaluation/smoothed_table.ts";
import { trainedSigma } from "$lib/protections/plan.ts";
import {
  type CertificateRow,
  readCertificates,
  writeCertificates,
} from "$lib/protections/runtime/certificates.ts";
import { inFolder } from "./in_folder.ts";

const strange = {
  network: "CNN+noise:7", // of which there are no weights
  weightsSha256: "0".repeat(64),
  dataset: "FashionMNIST",
  subset: "val",
  image: 4999,
  seed: 1,
  sigma: 9,
};

/** The row itself, and others that differ from it in one column each. */
const variants = <R extends object>(row: R, others: Partial<R>): R[] => [
  row,
  ...Object.entries(others).map(([name, value]) => ({ ...row, [name]: value })),
];

Deno.test("reported certificates are of present weights, MNIST, the reporting half and one setting", () =>
  inFolder(async (folder) => {
    const file = join(folder, "smoothing.parquet");
    const row = (await readCertificates(certificatesFile)).find(({ image }) => image === 5000)!;
    const others: Partial<CertificateRow> = { ...strange, n0: 99, n: 1000, alpha: 0.01 };
    const rows = variants(row, others);
    assertEquals(rows.length, 11);
    await writeCertificates(file, [...rows, ...[9999, 10_000].map((image) => ({ ...row, image }))]);
    assertEquals(await reportedCertificates(file), [row, { ...row, image: 9999 }]);
    assertEquals(await reportedCertificates(join(folder, "none.parquet")), []);
  }));

Deno.test("reported attacks on smoothed classifiers likewise", () =>
  inFolder(async (folder) => {
    const file = join(folder, "smoothed-attacks.parquet");
    const row = (await readSmoothedAttacks()).find(({ image }) => image === 5000)!;
    const rows = variants(row, { ...strange, draws: 8, maxPasses: 60, votes: 500 });
    assertEquals(rows.length, 11);
    await writeSmoothedAttacks(file, rows);
    assertEquals(await reportedSmoothedAttacks(file), [row]);
    assertEquals(await reportedSmoothedAttacks(join(folder, "none.parquet")), []);
  }));

Deno.test("certificates of 500 images and attacks on 40 are reported of each committed network", async () => {
  const numbers = (length: number) => Array.from({ length }, (_, i) => 5000 + i);
  const [certificates, attacks] = [await reportedCertificates(), await reportedSmoothedAttacks()];
  for (const name of ["CNN+consistency:0.5", "CNN+noise:0.25", "CNN+noise:0.5", "CNN+noise:1"]) {
    const imagesOf = (rows: readonly (CertificateRow | SmoothedAttackRow)[]) =>
      rows.filter(({ network, sigma }) => network === name && sigma === trainedSigma(name))
        .map(({ image }) => image);
    assertEquals(imagesOf(certificates), numbers(500), name);
    assertEquals(imagesOf(attacks), numbers(40), name);
  }
});
