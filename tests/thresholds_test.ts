/**
 * Detectors' thresholds: in files, from test images, for the weights and the data set that they are for.
 *
 * @module
 */
import { assert, assertEquals, assertLess, assertRejects, assertThrows } from "@std/assert";
import { join } from "node:path";
import { tf } from "$lib/backend.ts";
import { calibrateCommand } from "$lib/cli/calibrate.ts";
import { readArguments, runCommand } from "$lib/cli/command.ts";
import { verifyCommand } from "$lib/cli/verify.ts";
import { load, test } from "$lib/loader.ts";
import { loadNetwork } from "$lib/network.ts";
import {
  calibrated,
  calibrationFile,
  readCalibrations,
  thresholdOf,
  writeCalibration,
} from "$lib/protections/runtime/calibration.ts";
import { openClassifier, partsOf } from "$lib/protections/runtime/index.ts";
import { squeezeScores } from "$lib/protections/runtime/squeezing.ts";
import { type ResultRow, writeRows } from "$lib/results.ts";
import { weightsSha256 } from "$lib/safetensors.ts";
import { toArrays } from "$lib/weights.ts";
import { quietly } from "./commands.ts";

const folder = await Deno.makeTempDir();
addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));

Deno.test("a detector without a threshold for its weights is refused", async () => {
  const calibration = join(folder, "thresholds.json");
  const before = tf.memory().numTensors;
  const open = () => openClassifier("MLP+squeeze", { calibration });
  await assertRejects(
    open,
    RangeError,
    "Cannot protect as MLP+squeeze needs a threshold from clean images, which is not there: " +
      "`deno task calibrate MLP+squeeze` makes it",
  );
  const entry = { threshold: 0.25, falsePositives: 0.05, images: 100 };
  await writeCalibration("MLP+squeeze", { ...entry, weightsSha256: "other" }, calibration);
  await assertRejects(open, RangeError, "which is for other weights");
  assertEquals(tf.memory().numTensors, before);
  const network = await loadNetwork("MLP");
  const own = await weightsSha256(toArrays(network.weights));
  await writeCalibration("MLP+squeeze", { ...entry, weightsSha256: own }, calibration);
  const { classifier, network: opened } = await open();
  assertEquals(classifier.classes, 11);
  network.dispose();
  opened.dispose();
  await Deno.writeTextFile(calibration, "{");
  await assertRejects(open, SyntaxError, "as thresholds: it is no JSON");
  const damaged: [content: unknown, why: string][] = [
    [[], "it must be an object: current value is []"],
    [{ "MLP+squeeze": null }, "MLP+squeeze must be an object: current value is null"],
    [{ "MLP+squeeze": { ...entry, threshold: "0.25", weightsSha256: own } }, 'value is "0.25"'],
    [{ "CNN+squeeze": { ...entry, threshold: 0, weightsSha256: own } }, "must be a number > 0"],
    [{ "MLP+squeeze": entry }, "weightsSha256 must be a text: current value is undefined"],
  ];
  for (const [content, why] of damaged) {
    await Deno.writeTextFile(calibration, JSON.stringify(content));
    await assertRejects(open, SyntaxError, why);
  }
});

Deno.test("thresholds for another data set have names of their own", async () => {
  const entry = { falsePositives: 0.05, images: 100, weightsSha256: "own" };
  const all = {
    "MLP+squeeze": { ...entry, threshold: 0.25 },
    "MLP+squeeze-FashionMNIST": { ...entry, threshold: 0.5 },
  };
  assertEquals(thresholdOf(all, "MLP+squeeze", "own"), 0.25);
  assertEquals(thresholdOf(all, "MLP+squeeze", "own", "FashionMNIST"), 0.5);
  assertThrows(
    () => thresholdOf(all, "CNN+squeeze", "own", "FashionMNIST"),
    RangeError,
    "`deno task calibrate CNN+squeeze --dataset FashionMNIST` makes it",
  );
  await assertRejects(
    () => openClassifier("MLP+squeeze", { dataset: "FashionMNIST" }),
    Deno.errors.NotFound,
    "MLP-FashionMNIST.safetensors",
  );
});

Deno.test("calibrate takes the first test images, and puts the threshold where it is told", async () => {
  const out = join(folder, "made.json");
  const args = ["MLP+squeeze", "--images", "20", "--out", out];
  assertEquals(await quietly(() => runCommand(calibrateCommand, args)), 0);
  const network = await loadNetwork("MLP");
  const { images } = await test(20);
  const threshold = await calibrated(network, "squeeze", images);
  assertEquals((await readCalibrations(out))["MLP+squeeze"], {
    ...{ threshold, falsePositives: 0.05, images: 20 },
    weightsSha256: await weightsSha256(toArrays(network.weights)),
  });
  images.dispose();
  network.dispose();
});

Deno.test("verify judges a row by the threshold that it was made under", async () => {
  const { threshold } = (await readCalibrations())["MLP+squeeze"]!;
  const network = await loadNetwork("MLP");
  const { images, labels } = await test(20);
  const scores = tf.tidy(() => squeezeScores(network, images).dataSync());
  const image = scores.findIndex((score) => score > 0.01 && score < threshold / 2);
  const label = labels.dataSync()[image]!;
  const row: ResultRow = {
    network: "MLP+squeeze",
    weightsSha256: await weightsSha256(toArrays(network.weights)),
    ...{ dataset: "MNIST", subset: "test", image, label, reference: "label" },
    ...{ p: 2, attack: "pgd", seed: 0, forwards: 0, backwards: 0, seconds: 0, foundBy: null },
    ...{ found: false, minNorm: Infinity, adversarialClass: null, survives8bit: null },
    ...{ minNorm8bit: null, certifiedNorm: null, certificate: null, adversarial: null },
    ...{ optimal: null, prediction: label, options: JSON.stringify({ threshold }) },
  };
  const abstained = { ...row, prediction: 10, options: '{"threshold":0.005}' };
  const file = join(folder, "rows.parquet");
  const failedOf = async (rows: ResultRow[]) => {
    await writeRows(file, rows);
    const { values } = readArguments(verifyCommand, []);
    const { signal } = new AbortController();
    const call = { values, positionals: [file], signal, json: true, say() {} };
    return (await verifyCommand.run(call)).failed;
  };
  assertEquals(await failedOf([row, abstained, { ...row, options: "{}" }]), []);
  const why = `the network predicts 10 for the clean image, not ${label}`;
  assertEquals(await failedOf([row, { ...abstained, prediction: label }]), [
    { network: "MLP+squeeze", image, p: "2", why },
  ]);
  tf.dispose([images, labels]);
  network.dispose();
});

Deno.test("the committed thresholds are for the committed networks", async () => {
  const all = await readCalibrations(calibrationFile);
  assert(Object.keys(all).length > 0);
  for (const [name, { weightsSha256: sha256, threshold }] of Object.entries(all)) {
    const network = await loadNetwork(partsOf(name).network);
    assertEquals(sha256, await weightsSha256(toArrays(network.weights)), name);
    assert(threshold > 0, name);
    network.dispose();
  }
});

Deno.test("the committed thresholds of squeezing reject 5 % of images that they do not come from", async () => {
  const all = await readCalibrations(calibrationFile);
  const others = await load("test", { from: 5000 });
  for (const name of ["MLP", "CNN"]) {
    const { threshold, images: count } = all[`${name}+squeeze`]!;
    assertEquals(count, 5000);
    const network = await loadNetwork(name);
    let rejected = 0;
    for (let from = 0; from < 5000; from += 500) {
      const scores = tf.tidy(() =>
        squeezeScores(network, others.images.slice([from, 0, 0, 0], [500, -1, -1, -1])).dataSync()
      );
      rejected += scores.filter((score) => score > threshold).length;
    }
    // Binomial, with the threshold's own spread; 300 and more for thresholds from train images.
    assertLess(Math.abs(rejected - 250), 2.2 * Math.sqrt(2 * 250 * 0.95), `${name}: ${rejected}`);
    network.dispose();
  }
  tf.dispose([others.images, others.labels]);
});
