/**
 * Tables of attacks on smoothed classifiers, and attacks beside certificates.
 *
 * @module
 */
import { assert, assertEquals, assertLess, assertMatch, assertRejects } from "@std/assert";
import { join } from "node:path";
import { tf } from "$lib/backend.ts";
import { readArguments, UsageError } from "$lib/cli/command.ts";
import { smoothCommand } from "$lib/cli/smooth.ts";
import { evaluatedNames } from "$lib/evaluation/gathered.ts";
import { againstCertificates } from "$lib/evaluation/smoothed.ts";
import {
  attackInto,
  readSmoothedAttacks,
  smoothedAttackSetting,
} from "$lib/evaluation/smoothed_table.ts";
import { test } from "$lib/loader.ts";
import { loadNetwork } from "$lib/network.ts";
import { readCertificates } from "$lib/protections/runtime/certificates.ts";
import { root } from "$lib/setup/paths.ts";
import { inFolder } from "./in_folder.ts";

Deno.test("attacks go into a table, each image once, and come out as they were", () =>
  inFolder(async (folder) => {
    const file = join(folder, "attacks.parquet");
    const network = await loadNetwork("MLP");
    const digits = await test(10);
    const few = { draws: 2, maxPasses: 8, votes: 100 };
    const setting = await smoothedAttackSetting(network, { sigma: 0.25, ...few });
    const stop = new AbortController();
    const onProgress = (done: number) => done > 8 && stop.abort(new Error("stopped"));
    const into = (file: string, options = {}) =>
      attackInto(file, network, digits, 20, setting, options);
    const before = tf.memory().numTensors;
    await assertRejects(() => into(file, { signal: stop.signal, onProgress }), Error, "stopped");
    assertEquals(tf.memory().numTensors, before);
    const kept = await readSmoothedAttacks(file);
    assertEquals(kept.map(({ image }) => image), [20, 21, 22, 23, 24, 25, 26, 27]);
    const sizes: number[] = [];
    const rows = await into(file, { onProgress: (_: number, of: number) => sizes.push(of) });
    assertEquals(new Set(sizes), new Set([2]));
    assertEquals(rows.slice(0, 8), kept);
    assertEquals(rows, await into(join(folder, "whole.parquet")));
    assertEquals(rows.map(({ label }) => label), [...digits.labels.dataSync()]);
    assert(rows.some(({ adversarial }) => adversarial?.length === 784));
    const other = await smoothedAttackSetting(network, { sigma: 0.25, ...few, seed: 1 });
    await attackInto(file, network, digits, 20, other);
    assertEquals((await readSmoothedAttacks(file)).length, 20);
    tf.dispose([digits.images, digits.labels]);
    network.dispose();
  }));

Deno.test("againstCertificates() holds norms against radii of the same image and classifier", () => {
  const of = (image: number, sigma = 1) => ({
    ...{ network: "N", weightsSha256: "00", dataset: "MNIST", subset: "test", label: 3 },
    ...{ image, sigma },
  });
  const certificates = [
    { ...of(0), prediction: 3, radius: 1 },
    { ...of(1), prediction: 3, radius: 1 },
    { ...of(2), prediction: 3, radius: 2 },
    { ...of(2), prediction: 3, radius: 1 },
    { ...of(3), prediction: null, radius: 0 },
    { ...of(4), prediction: 5, radius: 1 },
    { ...of(5, 0.5), prediction: 3, radius: 1 },
    { ...of(6), prediction: 3, radius: 1 },
  ];
  const attack = (image: number, norm: number, labelVotes: number) => (
    { ...of(image), norm, labelVotes, votes: 1000 }
  );
  const both = againstCertificates(certificates, [
    attack(0, 1.5, 100),
    attack(1, 0.9, 490), // too near one half to prove anything
    attack(2, 1.8, 400),
    ...[3, 4, 5, 7].map((image) => attack(image, 0.1, 0)),
    attack(6, Infinity, 900),
  ]);
  assertEquals(both.map(({ image, ratio, below, refuted }) => [image, ratio, below, refuted]), [
    [0, 1.5, false, false],
    [1, 0.9, true, false],
    [2, 0.9, true, true],
    [6, Infinity, false, false],
  ]);
});

Deno.test("no committed attack lies within a committed radius", async () => {
  const certificates = await readCertificates(
    join(root, "data", "protections", "smoothing.parquet"),
  );
  const attacks = await readSmoothedAttacks();
  const both = againstCertificates(certificates, attacks);
  const names = ["CNN+consistency:0.5", "CNN+noise:0.25", "CNN+noise:0.5", "CNN+noise:1"];
  for (const name of names) {
    const own = attacks.filter(({ network }) => network === name);
    assertEquals(own.map(({ image }) => image), Array.from({ length: 40 }, (_, i) => 5000 + i));
    // An attack that finds nothing would prove nothing.
    assertLess(38, own.filter(({ norm }) => norm < Infinity).length, name);
    assertLess(30, both.filter(({ network }) => network === name).length, name);
  }
  assertEquals(both.filter(({ below }) => below), []);
  // They lie among evaluations, whose reader must pass them over.
  assert((await evaluatedNames()).includes("CNN"));
});

Deno.test("smooth: options of certificates are refused with --attack, and the other way round", async () => {
  const refused = async (args: string[], message: RegExp) => {
    const call = { ...readArguments(smoothCommand, ["CNN+noise:1", ...args]), say() {} };
    const { signal } = new AbortController();
    const error = await assertRejects(() => smoothCommand.run({ ...call, signal }), UsageError);
    assertMatch(error.message, message);
  };
  await refused(["--attack", "--n", "100"], /--n as it is for certificates: current value is 100/);
  await refused(["--votes", "100"], /--votes as it is for --attack: current value is 100/);
});
