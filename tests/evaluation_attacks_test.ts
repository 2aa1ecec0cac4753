/**
 * Transfer and detectors where the truth is known, and a protection that only masks gradients.
 *
 * @module
 */
import { assert, assertAlmostEquals, assertEquals, assertMatch } from "@std/assert";
import { checkAttackable } from "$lib/attackable.ts";
import { runAttack } from "$lib/attacks/driver.ts";
import { abstention } from "$lib/attacks/judge.ts";
import { type Tensor2D, type Tensor4D, tf } from "$lib/backend.ts";
import { pastDetector } from "$lib/evaluation/abstain.ts";
import { evaluate, lackingResults } from "$lib/evaluation/evaluate.ts";
import { tableOf } from "$lib/evaluation/names.ts";
import { trialsOf } from "$lib/evaluation/plan.ts";
import type { Subject } from "$lib/evaluation/subject.ts";
import { readEvaluation } from "$lib/evaluation/report.ts";
import { scaling, transferFrom } from "$lib/evaluation/transfer.ts";
import { cellsOf } from "$lib/evaluation/worst_case.ts";
import { load, test } from "$lib/loader.ts";
import { type MinNorm, minNorm } from "$lib/minnorm.ts";
import { type Classifier, loadNetwork } from "$lib/network.ts";
import { distance } from "$lib/norms.ts";
import { bitDepth } from "$lib/protections/runtime/bit_depth.ts";
import { readRows, type ResultRow } from "$lib/results.ts";
import { identityOf } from "$lib/results/measure.ts";
import { Table } from "$lib/results/table.ts";
import { faultOf, verifyTable } from "$lib/results/verify.ts";
import { inFolder } from "./in_folder.ts";
import { digit, plane, smallest } from "./plane.ts";

const image: Tensor4D = tf.tensor4d(digit, [1, 28, 28, 1]);

/** The plane's margin `m`, with a zone before class 1 where the classifier abstains. */
function withDetector(distance: number, zone: number): Classifier {
  const inner = plane(digit, distance);
  return {
    ...inner,
    classes: abstention + 1,
    logits: (images: Tensor4D): Tensor2D =>
      tf.tidy(() => {
        const m: Tensor2D = inner.logits(images).slice([0, 0], [-1, 1]);
        const others: Tensor2D = tf.zeros([images.shape[0], 8]);
        const level: Tensor2D = tf.fill(m.shape, zone);
        return tf.concat([m, m.neg(), others.sub(100), level], 1) as Tensor2D;
      }),
  };
}

/** One attack is enough on a plane. */
const options = { p: 2, attack: "fmn", maxPasses: 600 };

const labelled = (label: number) => ({ images: image, labels: tf.tensor1d([label], "int32") });

/** The point at a share of the way along a perturbation, clipped. */
const at = (share: number, perturbation: Float32Array) =>
  digit.map((pixel, i) => Math.min(1, Math.max(0, pixel + share * perturbation[i]!)));

Deno.test("scaling() finds where a perturbation crosses the boundary, be it shorter or longer", async () => {
  const network = plane(digit, 2);
  const margin = (point: Float32Array) =>
    tf.tidy(() => network.logits(tf.tensor4d(point, [1, 28, 28, 1])).dataSync()[0]!);
  /** Within the box, so that the point where the scaling begins tells all of it. */
  const stripes = (sign: number, size: number) =>
    at(1, digit.map((_, i) => i % 3 === 0 ? sign * size : 0)).map((pixel, i) => pixel - digit[i]!);
  for (const size of [0.02, 0.9]) {
    const perturbation = [1, -1].map((sign) => stripes(sign, size))
      .find((one) => margin(at(50, one)) < 0)!;
    let [low, high] = [0, 50];
    for (let i = 0; i < 60; i++) {
      const middle = (low + high) / 2;
      if (margin(at(middle, perturbation)) < 0) high = middle;
      else low = middle;
    }
    assert(high < 0.5 || high > 1, `${high} is where it begins`);
    const begun = { images: image, point: tf.tensor4d(at(1, perturbation), [1, 28, 28, 1]) };
    const [outcome] = await runAttack(scaling(2), network, image, {
      ...{ labels: [0], beginnings: begun.point, steps: 26 },
    });
    assert(outcome!.found);
    assertAlmostEquals(outcome!.norm / distance(at(high, perturbation), digit, 2), 1, 1e-2);
    assertEquals(outcome!.backwards, 0);
  }
});

Deno.test("transferFrom() carries over what another network is deceived by, at its own distance", async () => {
  const [near, far] = [plane(digit, 2), plane(digit, 6)];
  const options = { p: 2, maxPasses: 200 };
  const [found] = await transferFrom(near)(far, labelled(0), options);
  const exact = smallest(digit, 6, 2);
  assertEquals([found!.attack, found!.adversarialClass], ["transfer", 1]);
  // The other plane is parallel, so that the nearest point of one lies on the way to that of the other.
  assert(
    found!.norm >= exact * (1 - 1e-3) && found!.norm < 1.1 * exact,
    `${found!.norm}, ${exact}`,
  );
  assert(found!.forwards + found!.backwards <= options.maxPasses);
  const [none] = await transferFrom(plane(digit, 1e5))(far, labelled(0), options);
  assertEquals([none!.found, none!.norm, none!.attack], [false, Infinity, null]);
});

Deno.test("a detector that abstains is not deceived: the smallest norm lies beyond its zone", async () => {
  const [distance, zone] = [5, 2];
  const network = withDetector(distance, zone);
  const [left] = await minNorm(network, labelled(0), options);
  assertEquals(left!.adversarialClass, abstention); // as far as to leave the class
  assertAlmostEquals(left!.norm / smallest(digit, distance - zone, 2), 1, 0.01);
  const [found] = await pastDetector(minNorm)(network, labelled(0), options);
  assertEquals(found!.adversarialClass, 1);
  assertAlmostEquals(found!.norm / smallest(digit, distance + zone, 2), 1, 0.02);
  assert(found!.forwards + found!.backwards <= options.maxPasses);
});

Deno.test("an image that is rejected as it is has to be led to a wrong digit; one that has one has not", async () => {
  const rejected = withDetector(1, 2);
  const [found] = await pastDetector(minNorm)(rejected, labelled(0), options);
  assertEquals([found!.prediction, found!.adversarialClass], [abstention, 1]);
  assertAlmostEquals(found!.norm / smallest(digit, 3, 2), 1, 0.02);
  const [wrong] = await pastDetector(minNorm)(withDetector(-5, 2), labelled(0), options);
  assertEquals([wrong!.norm, wrong!.adversarialClass, wrong!.backwards], [0, 1, 0]);
});

Deno.test("verify refuses a point at which the detector abstains", async () => {
  const network = withDetector(5, 2);
  const rowOf = async (find: typeof minNorm): Promise<ResultRow> => {
    const [one] = await find(network, labelled(0), options);
    return {
      ...{ network: "plane", weightsSha256: "00", dataset: "MNIST", subset: "test", image: 0 },
      ...{ label: 0, prediction: 0, reference: "label", p: 2, attack: "portfolio", options: "{}" },
      ...{ found: true, minNorm: one!.norm, adversarialClass: one!.adversarialClass, seed: 0 },
      ...{ forwards: 1, backwards: 1, seconds: 1, survives8bit: null, minNorm8bit: null },
      ...{ certifiedNorm: null, certificate: null, adversarial: one!.perturbed, foundBy: "fmn" },
      optimal: null,
    };
  };
  const evidence = { network, clean: digit, label: 0 };
  assertEquals(faultOf(await rowOf(pastDetector(minNorm)), evidence), undefined);
  assertMatch(faultOf(await rowOf(minNorm), evidence) ?? "", /the detector abstains/);
  // Clean images that are rejected are not misclassified, so that norms beyond 0 are right.
  const rejecting = { ...evidence, network: withDetector(1, 2) };
  const [one] = await pastDetector(minNorm)(rejecting.network, labelled(0), options);
  const row = { ...await rowOf(minNorm), prediction: abstention, minNorm: one!.norm };
  const witness = { adversarial: one!.perturbed, adversarialClass: 1 };
  assertEquals(faultOf({ ...row, ...witness }, rejecting), undefined);
});

/** The cells and rows of an evaluation of a protection around the MLP, on a few images. */
async function evaluated(classifier: Classifier, plain: Classifier, folder: string) {
  const images = { from: 5000, to: 5030 };
  const subject = {
    ...{
      classifier,
      weightsSha256: "mlp",
      dataset: "MNIST" as const,
      through: "bits:1",
      dispose() {},
    },
    plain: { network: plain, weightsSha256: "plain" },
  };
  const file = tableOf(folder, classifier.name);
  const options = { norms: [Infinity], images, blackBox: 0, maxPasses: 60, seed: 0 };
  await evaluate(await Table.open(file), trialsOf(subject, options));
  const rows = await readRows(file);
  const digits = await load("test", images);
  const doubts = await checkAttackable(classifier, digits, { steps: 5 });
  tf.dispose([digits.images, digits.labels]);
  const verification = await verifyTable(file, { networkOf: () => Promise.resolve(classifier) });
  const [cell] = cellsOf(rows, { doubts: new Map([[classifier.name, doubts]]) });
  return { cell: cell!, verification };
}

Deno.test("a protection that masks its gradients is marked, and its rows verify", () =>
  inFolder(async (folder) => {
    const network = await loadNetwork("MLP");
    const masked = bitDepth(network, 1, { gradient: "none" });
    const { cell, verification } = await evaluated(masked, network, folder);
    assertMatch(cell.reasons.join("; "), /transfer beats all attacks with gradients/);
    assertMatch(cell.reasons.join("; "), /gradient of the attack's loss vanishes/);
    assertEquals([verification.rows, verification.failed], [120, []]);
    assert(verification.verified >= 45, String(verification.verified));
    network.dispose();
  }));

Deno.test("in L2 and L-infinity APGD stands beside the portfolio, on all images with as many passes", () => {
  const classifier = plane(digit, 2);
  const subject: Subject = { classifier, weightsSha256: "plane", dataset: "MNIST", dispose() {} };
  const images = { from: 5000, to: 5030 };
  const all = { norms: [0, 1, 2, Infinity], images, blackBox: 10, maxPasses: 60, seed: 0 };
  const namesOf = (p: number) =>
    trialsOf(subject, all).filter(({ measurement }) => measurement.p === p)
      .map(({ measurement: { attack = "portfolio", maxPasses }, images: { from, to } }) =>
        `${attack} ${to - from} ${maxPasses}`
      );
  const apgd = ["portfolio 30 60", "apgd 30 60", "apgd-dlr 30 60"];
  for (const p of [2, Infinity]) assertEquals(namesOf(p).slice(0, 3), apgd);
  for (const p of [0, 1]) assert(!namesOf(p).join().includes("apgd"), String(p));
});

Deno.test("attacks whose norms are searched spend their passes, and their options say how", async () => {
  const classifier = plane(digit, 5);
  const subject: Subject = { classifier, weightsSha256: "plane", dataset: "MNIST", dispose() {} };
  const images = { from: 5000, to: 5001 };
  const trials = trialsOf(subject, {
    ...{ norms: [0, Infinity], images, blackBox: 1, maxPasses: 600, seed: 0 },
  });
  const optionsOf: Record<string, string> = {};
  for (const { measurement, find } of trials) {
    const { attack = "portfolio", p, maxPasses } = measurement;
    optionsOf[attack] = identityOf(measurement).options;
    if (attack !== "square" && attack !== "sparse-rs") continue;
    const [{ forwards, backwards }] = await find(classifier, labelled(0), {
      ...{ p, attack, maxPasses },
    }) as [MinNorm];
    assertEquals(backwards, 0);
    assert(forwards > 600 && forwards <= maxPasses, `${attack}: ${forwards}`);
  }
  assertEquals(optionsOf["square"], '{"maxPasses":2000,"rounds":6}');
  assertEquals(optionsOf["sparse-rs"], '{"maxPasses":2000,"rounds":6}');
  assertEquals(optionsOf["apgd"], '{"maxPasses":600,"rounds":8}');
  assertEquals(optionsOf["hop-skip-jump"], '{"maxPasses":2000}');
});

Deno.test("rows of a detector tell its threshold, so that others are computed anew", () =>
  inFolder(async (folder) => {
    const classifier = { ...plane(digit, 5), name: "MLP+squeeze" };
    const file = tableOf(folder, classifier.name);
    const trialsAt = (threshold: number) =>
      trialsOf(
        {
          classifier,
          weightsSha256: "plane",
          dataset: "MNIST",
          through: "squeeze",
          threshold,
          dispose() {},
        },
        {
          ...{ norms: [1], images: { from: 5000, to: 5002 }, blackBox: 0, maxPasses: 20, seed: 0 },
        },
      );
    await evaluate(await Table.open(file), trialsAt(0.1));
    const table = await Table.open(file);
    assertEquals([lackingResults(table, trialsAt(0.1)), lackingResults(table, trialsAt(0.2))], [
      ...[[0], [2]],
    ]);
    const imagesAt = async (threshold?: number) =>
      (await readEvaluation(file, "plane", { threshold })).length;
    assertEquals([await imagesAt(0.1), await imagesAt(0.2), await imagesAt()], [2, 0, 0]);
  }));

Deno.test("APGD leads through a detector to a wrong digit", async () => {
  const [distance, zone] = [5, 2];
  const network = withDetector(distance, zone);
  for (const attack of ["apgd", "apgd-dlr"]) {
    const [found] = await pastDetector(minNorm)(network, labelled(0), { ...options, attack });
    assertEquals([found!.attack, found!.adversarialClass], [attack, 1]);
    assertAlmostEquals(found!.norm / smallest(digit, distance + zone, 2), 1, 0.02);
  }
});

Deno.test("transfer from the plain network deceives one that was trained robustly", async () => {
  const [robust, plain] = [await loadNetwork("MLP+pgd:linf:0.1"), await loadNetwork("MLP")];
  const digits = await test(20);
  const options = { p: Infinity, maxPasses: 100 };
  const found = await transferFrom(plain)(robust, digits, options);
  const own = await minNorm(plain, digits, options);
  assert(found.filter((one) => one.found).length >= 18);
  // Farther out than at the plain network, on nearly all images.
  assert(found.filter(({ norm }, i) => norm > own[i]!.norm).length >= 18);
  tf.dispose([digits.images, digits.labels]);
  [robust, plain].forEach((one) => one.dispose());
});
