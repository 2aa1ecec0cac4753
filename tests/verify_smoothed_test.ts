/**
 * Tables of certificates, and of attacks on smoothed classifiers, confirmed; and what is found in
 * those that were changed.
 *
 * @module
 */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { tf } from "$lib/backend.ts";
import {
  attackInto,
  type SmoothedAttackRow,
  smoothedAttackSetting,
  writeSmoothedAttacks,
} from "$lib/evaluation/smoothed_table.ts";
import { test } from "$lib/loader.ts";
import { loadNetwork } from "$lib/network.ts";
import {
  type CertificateRow,
  certificateSetting,
  certifyInto,
  writeCertificates,
} from "$lib/protections/runtime/certificates.ts";
import { provenRadius } from "$lib/protections/runtime/smoothing.ts";
import { verifyFile } from "$lib/results/verify_file.ts";
import { run } from "./commands.ts";
import { inFolder } from "./in_folder.ts";

const network = await loadNetwork("MLP");
const digits = await test(6);
const folder = await Deno.makeTempDir();
addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));
const certificatesFile = join(folder, "certificates.parquet");
const attacksFile = join(folder, "attacks.parquet");

const certified = await certifyInto(
  ...[certificatesFile, network, digits, 0] as const,
  await certificateSetting(network, { sigma: 0.25, n: 300 }),
);
const attacked = await attackInto(
  ...[attacksFile, network, digits, 0] as const,
  await smoothedAttackSetting(network, { sigma: 0.25, draws: 2, maxPasses: 20, votes: 300 }),
);
const sha256 = certified[0]!.weightsSha256;

const verify = (file: string, recount = 5) =>
  verifyFile(file, {
    networkOf: (row) => Promise.resolve(row.weightsSha256 === sha256 ? network : undefined),
    recount,
  });

/** Why each of some rows, alone in a table, is refused. */
async function faults<R>(
  rows: readonly R[],
  write: (file: string, rows: readonly R[]) => Promise<void>,
): Promise<string[]> {
  const found: string[] = [];
  await inFolder(async (folder) => {
    for (const row of rows) {
      const file = join(folder, "one.parquet");
      await write(file, [row]);
      const { failed, rows, verified } = await verify(file);
      assertEquals([rows, verified, failed.length], [1, 0, 1], JSON.stringify(row));
      assertEquals(failed[0]!.p, "2");
      found.push(failed[0]!.why);
    }
  });
  return found;
}

Deno.test("verify confirms certificates, with all draws of as many as are asked for", async () => {
  const before = tf.memory().numTensors;
  const counts = { rows: 6, failed: [], without: "a recount" };
  assertEquals(await verify(certificatesFile), { ...counts, verified: 5, unwitnessed: 1 });
  assertEquals(await verify(certificatesFile, 9), { ...counts, verified: 6, unwitnessed: 0 });
  assertEquals(await verify(certificatesFile, 0), { ...counts, verified: 0, unwitnessed: 6 });
  assertEquals(tf.memory().numTensors, before);
});

Deno.test("verify recounts rows that are spread over the table", async () => {
  await inFolder(async (folder) => {
    const file = join(folder, "t.parquet");
    // What only a recount can tell: the radius belongs to the successes.
    const forged = certified.map((row) => {
      const successes = row.successes - 1;
      const radius = provenRadius(successes, row);
      return radius === null ? row : { ...row, successes, radius };
    });
    await writeCertificates(file, forged);
    const { failed } = await verify(file, 2);
    assertEquals(failed.map(({ image }) => image), [1, 4]);
    const { successes, prediction } = certified[1]!;
    assertStringIncludes(
      failed[0]!.why,
      `its draws give ${successes} of 300 (${prediction}), not ${successes - 1} of 300`,
    );
  });
});

Deno.test("verify finds what was changed in a certificate", async () => {
  const row = certified[0]!;
  const changed: [Partial<CertificateRow>, string][] = [
    [{ radius: row.radius * (1 + 1e-15) }, "its successes prove a radius of"],
    [{ radius: row.radius + 0.1 }, "its successes prove a radius of"],
    [{ successes: row.successes - 1 }, "its successes prove a radius of"],
    [{ sigma: 0.5 }, "its successes prove a radius of"],
    [{ alpha: 0.01 }, "its successes prove a radius of"],
    [{ successes: 301 }, "successes must be some of the draws"],
    [{ alpha: 1 }, "alpha must be in (0, 1)"],
    [{ seed: 1 }, "its draws give"],
    [{ n0: 0 }, "n0 must be a whole number >= 1"],
    [{ prediction: null }, "it abstains though"],
    [{ prediction: 10 }, "there is no class 10"],
    [{ prediction: (row.prediction! + 1) % 10 }, "its draws give"],
    [{ label: (row.label + 1) % 10 }, "its label is"],
    [{ image: 10_000 }, "test of MNIST has no image 10000"],
    [{ subset: "tset" }, "there is no data set MNIST with a subset tset"],
    [{ weightsSha256: "00" }, "no weights of its SHA-256 are here"],
  ];
  const why = await faults(changed.map(([part]) => ({ ...row, ...part })), writeCertificates);
  why.forEach((reason, i) => assertStringIncludes(reason, changed[i]![1]));
});

Deno.test("verify confirms attacks on smoothed classifiers, and finds what was changed", async () => {
  const unfound = attacked.filter(({ norm }) => norm === Infinity).length;
  assertEquals(await verify(attacksFile), {
    ...{ rows: 6, verified: 6 - unfound, unwitnessed: unfound, failed: [], without: "an image" },
  });
  const row = attacked.find(({ adversarial }) => adversarial !== null)!;
  const image = row.adversarial!;
  const changed: [Partial<SmoothedAttackRow>, string][] = [
    [{ norm: 0.99 * row.norm }, "its image lies at L2 norm"],
    [{ adversarial: image.map((pixel, i) => i === 0 ? 1.5 : pixel) }, "a pixel is outside [0, 1]"],
    [{ adversarial: image.slice(1) }, "its image has 783 pixels"],
    [{ adversarial: null }, "though it has no image"],
    [{ adversarial: null, norm: Infinity }, "though the vote is not for the label"],
    [{ adversarial: null, norm: 0 }, "its factor is"],
    [{ adversarial: null, norm: 0, factor: 0 }, "the vote is for"],
    [{ adversarial: null, norm: Infinity, prediction: row.label }, "its factor is"],
    [{ factor: 3 }, "its factor must be of"],
    [{ prediction: row.label }, "though the vote is for the label"],
    [{ labelVotes: row.labelVotes + 1 }, "votes are for the label, not"],
    [{ seed: 1 }, "votes are for the label, not"],
    [{ label: (row.label + 1) % 10 }, "its label is"],
    [{ weightsSha256: "00" }, "no weights of its SHA-256 are here"],
  ];
  const why = await faults(changed.map(([part]) => ({ ...row, ...part })), writeSmoothedAttacks);
  why.forEach((reason, i) => assertStringIncludes(reason, changed[i]![1]));
});

Deno.test("verify: JSON and exit code are the contract's for certificates, too", async () => {
  await inFolder(async (folder) => {
    const file = join(folder, "t.parquet");
    await writeCertificates(file, [{ ...certified[0]!, radius: 9 }, ...certified.slice(1, 3)]);
    const { code, stdout } = await run("verify", file, "--json", "--recount", "2");
    const { failed, ...counts } = JSON.parse(stdout);
    assertEquals([code, counts], [1, { rows: 3, verified: 1, unwitnessed: 1 }]);
    assertEquals(failed.map((one: object) => Object.keys(one)), [["network", "image", "p", "why"]]);
    await writeCertificates(file, certified.slice(0, 2));
    const told = await run("verify", file, "--recount", "1");
    assertEquals(told.code, 0, told.stderr);
    assertMatch(told.stdout, /^2 rows: 1 verified, 1 without a recount, 0 failed\n$/);
  });
});
