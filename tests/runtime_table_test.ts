/**
 * Networks opened by names with run-time protections, and certificates in files.
 *
 * @module
 */
import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertMatch,
  assertRejects,
  assertThrows,
} from "@std/assert";
import { join } from "node:path";
import { tf } from "$lib/backend.ts";
import { test } from "$lib/loader.ts";
import { loadNetwork } from "$lib/network.ts";
import { bitDepth } from "$lib/protections/runtime/bit_depth.ts";
import { readCalibrations, writeCalibration } from "$lib/protections/runtime/calibration.ts";
import {
  certificateSetting,
  certifiedAccuracy,
  certifyInto,
  readCertificates,
  writeCertificates,
} from "$lib/protections/runtime/certificates.ts";
import {
  openAnswerer,
  openClassifier,
  partsOf,
  runtimeProtections,
} from "$lib/protections/runtime/index.ts";
import { smoothedClassifier } from "$lib/protections/runtime/smoothed.ts";
import { weightsSha256 } from "$lib/safetensors.ts";
import { root } from "$lib/setup/paths.ts";
import { runCommand } from "$lib/cli/command.ts";
import { calibrateCommand } from "$lib/cli/calibrate.ts";
import { smoothCommand } from "$lib/cli/smooth.ts";
import { toArrays } from "$lib/weights.ts";
import { quietly } from "./commands.ts";
import { inFolder } from "./in_folder.ts";

const digits = await test(12);
const { images } = digits;
const folder = await Deno.makeTempDir();
addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));

Deno.test("partsOf() tells training from run time, and writes numbers one way", () => {
  assertEquals(partsOf("CNN"), { network: "CNN", specs: [] });
  assertEquals(partsOf("CNN+pgd:linf:0.1"), { network: "CNN+pgd:linf:0.1", specs: [] });
  assertEquals(partsOf("CNN+noise:.5+decay:1+BITS:3.0+squeeze"), {
    ...{ network: "CNN+noise:.5+decay:1", specs: ["bits:3", "squeeze"] },
  });
  assertEquals(partsOf("MLP+smooth:.50:8").specs, ["smooth:0.5:8"]);
});

Deno.test("partsOf() refuses what can't be meant, in one line", () => {
  const refused = (name: string, why: string) => assertThrows(() => partsOf(name), RangeError, why);
  refused("CNN+bits", "it must be bits:BITS: current value is bits");
  refused("CNN+bits:1:2", "it must be bits:BITS: current value is bits:1:2");
  refused("CNN+smooth:x", "it must be smooth:SIGMA[:DRAWS]: current value is smooth:x");
  refused("CNN+bits:3+noise:0.5", "noise:0.5 must stand before run-time protections");
  refused("CNN+bits:3+bits:1", "no run-time protection may be there twice");
  refused("CNN+resistance+bits:1", "resistance has no logits, so it must be the last");
});

Deno.test("a row of the table is written as its usage says", () => {
  for (const [name, { usage, numbers: [least, most] }] of Object.entries(runtimeProtections)) {
    assertEquals(usage.split(":").length - 1, most);
    assertEquals(usage.replace(/\[.*/, "").split(":").length - 1, least);
    assert(usage.startsWith(name));
  }
});

Deno.test("openClassifier() puts protections around a network from the inside outwards", async () => {
  const { classifier, network } = await openClassifier("MLP+bits:1+smooth:0.25:4");
  assertEquals(classifier.name, "MLP+bits:1+smooth:0.25:4");
  const expected = smoothedClassifier(bitDepth(network, 1), { sigma: 0.25, draws: 4 });
  tf.tidy(() =>
    assertEquals([...classifier.logits(images).dataSync()], [...expected.logits(images).dataSync()])
  );
  network.dispose();
  const plain = await openClassifier("MLP");
  assert(plain.classifier === plain.network);
  assertEquals(plain.threshold, undefined);
  plain.network.dispose();
});

Deno.test("openClassifier() passes on how to differentiate", async () => {
  const { classifier, network } = await openClassifier("MLP+bits:1", { gradient: "none" });
  const slope = tf.tidy(() => tf.grad((x) => classifier.logits(x as typeof images).sum())(images));
  assert(slope.dataSync().every((value) => value === 0));
  slope.dispose();
  network.dispose();
});

Deno.test("openAnswerer() opens what has no logits, and abstains by null", async () => {
  const calibration = join(folder, "answers.json");
  const network = await loadNetwork("MLP");
  const own = await weightsSha256(toArrays(network.weights));
  const entry = { weightsSha256: own, falsePositives: 0.05, images: 100 };
  await writeCalibration("MLP+resistance", { ...entry, threshold: 1e9 }, calibration);
  await writeCalibration("MLP+squeeze", { ...entry, threshold: 1e-6 }, calibration);
  await assertRejects(
    () => openClassifier("MLP+resistance", { calibration }),
    RangeError,
    "resistance must have logits",
  );
  const { threshold, network: inner } = await openClassifier("MLP+squeeze", { calibration });
  assertEquals(threshold, 1e-6);
  inner.dispose();
  const squeezing = await openAnswerer("MLP+squeeze", { calibration });
  const answers = await squeezing.answerer.answer(images);
  const predictions = [...network.predict(images).dataSync()];
  assert(answers.includes(null));
  answers.forEach((answer, i) => assert(answer === null || answer === predictions[i]));
  for (const name of ["resistance", "correction"]) {
    const opened = await openAnswerer(`MLP+${name}`, { calibration });
    assertEquals(opened.answerer.name, `MLP+${name}`);
    opened.network.dispose();
  }
  squeezing.network.dispose();
  network.dispose();
});

Deno.test("certificates go into a table, each once, and come out as they were", async () => {
  const file = join(folder, "certificates.parquet");
  const network = await loadNetwork("MLP");
  const setting = await certificateSetting(network, { sigma: 0.25, n: 100 });
  const few = {
    images: images.slice([2, 0, 0, 0], [6, -1, -1, -1]) as typeof images,
    labels: digits.labels.slice(2, 6),
  };
  const stop = new AbortController();
  const onProgress = (done: number) => done === 3 && stop.abort(new Error("stopped"));
  const before = tf.memory().numTensors;
  await assertRejects(
    () => certifyInto(file, network, few, 2, setting, { signal: stop.signal, onProgress }),
    Error,
    "stopped",
  );
  const kept = await readCertificates(file);
  assertEquals(kept.map(({ image }) => image), [2, 3, 4]);
  const progress: string[] = [];
  const rows = await certifyInto(file, network, few, 2, setting, {
    onProgress: (done, of) => progress.push(`${done}/${of}`),
  });
  assertEquals(progress, ["1/3", "2/3", "3/3"]);
  assertEquals(rows.map(({ image }) => image), [2, 3, 4, 5, 6, 7]);
  assertEquals(rows.slice(0, 3), kept);
  const whole = join(folder, "whole.parquet");
  assertEquals(await certifyInto(whole, network, few, 2, setting), rows);
  assertEquals(rows.map(({ label }) => label), [...few.labels.dataSync()]);
  const other = await certificateSetting(network, { sigma: 0.25, n: 100, seed: 1 });
  assertEquals((await certifyInto(file, network, few, 2, other)).length, 6);
  assertEquals((await readCertificates(file)).length, 12);
  assertEquals(tf.memory().numTensors, before);
  tf.dispose([few.images, few.labels]);
  network.dispose();
});

Deno.test("an abstention stays one in the file", async () => {
  const file = join(folder, "null.parquet");
  const network = await loadNetwork("MLP");
  const setting = await certificateSetting(network, { sigma: 1 });
  const row = { ...setting, image: 0, label: 3, successes: 4000, radius: 0, prediction: null };
  await writeCertificates(file, [row, { ...row, image: 1, prediction: 0 }]);
  const rows = await readCertificates(file);
  assertEquals(rows.map(({ prediction }) => prediction), [null, 0]);
  network.dispose();
  await Deno.writeTextFile(file, "no table");
  await assertRejects(() => readCertificates(file), SyntaxError, "as a table of certificates");
  await assertRejects(() => readCertificates(`${file}.not`), Deno.errors.NotFound);
});

Deno.test("certifiedAccuracy() counts abstentions and wrong classes as wrong", () => {
  const row = (prediction: number | null, radius: number) => ({ label: 1, prediction, radius });
  const rows = [row(1, 0.6), row(1, 0.5), row(2, 3), row(null, 0)];
  assertEquals([0, 0.5, 0.55, 1].map((r) => certifiedAccuracy(rows, r)), [0.5, 0.5, 0.25, 0]);
});

Deno.test("the committed certificates hold up: radii follow from the draws", async () => {
  const { lowerBound, normalQuantile } = await import(
    "$lib/protections/runtime/clopper_pearson.ts"
  );
  const rows = await readCertificates(join(root, "data", "protections", "smoothing.parquet"));
  assert(rows.length > 0);
  for (const { successes, n, alpha, sigma, radius, prediction, n0 } of rows) {
    assertEquals([n, n0, alpha], [10_000, 100, 0.001]);
    const p = lowerBound(successes, n, alpha);
    assertEquals(prediction === null, p <= 0.5);
    assertAlmostEquals(radius, p > 0.5 ? sigma * normalQuantile(p) : 0, 1e-12);
  }
});

Deno.test("commands refuse wrong use in one line", async () => {
  const errors: string[] = [];
  const error = console.error;
  console.error = (line: string) => errors.push(line);
  try {
    assertEquals(await runCommand(smoothCommand, ["MLP", "--images", "2"]), 2);
    assertEquals(await runCommand(calibrateCommand, ["MLP+bits:1"]), 2);
    assertEquals(await runCommand(calibrateCommand, ["MLP+bits:1:1+squeeze"]), 2);
    assertEquals(await runCommand(calibrateCommand, ["MLP+squeeze", "Foo+squeeze"]), 2);
    assertEquals(await runCommand(smoothCommand, ["CNN+squeeze"]), 2);
    assertEquals(await runCommand(smoothCommand, ["CNN+noise:1", "--n", "9"]), 2);
    assertEquals(await runCommand(smoothCommand, ["CNN+noise:1", "--attack", "--votes", "10"]), 2);
  } finally {
    console.error = error;
  }
  assert(errors[0]!.includes("--sigma must be given for a network trained without noise"));
  assert(errors.some((line) => line.includes("each name must end in +squeeze or +resistance")));
  assert(errors.some((line) => line.includes("it must be bits:BITS")));
  const [stranger, around, few, votes] = errors.slice(-4);
  assertMatch(stranger!, /NETWORK.*current value is Foo/);
  assertMatch(around!, /without run-time protections here, such as squeeze: .* is CNN\+squeeze/);
  assertMatch(few!, /--n must be >= 10 to prove anything: current value is 9 /);
  assertMatch(votes!, /--votes must be >= 11 to prove anything: current value is 10 /);
});

Deno.test("calibrate finds a network whatever the case of its name", () =>
  inFolder(async (folder) => {
    const file = join(folder, "calibration.json");
    const args = ["mlp+Squeeze", "--images", "20", "--out", file, "--json"];
    assertEquals(await quietly(() => runCommand(calibrateCommand, args)), 0);
    assertEquals(Object.keys(await readCalibrations(file)), ["MLP+squeeze"]);
  }));
