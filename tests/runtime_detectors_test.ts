/**
 * Detectors with their classifiers: squeezing, resistance, and their thresholds.
 *
 * @module
 */
import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertLess,
  assertRejects,
  assertThrows,
} from "@std/assert";
import { runAttackSync } from "$lib/attacks/driver.ts";
import { pgd } from "$lib/attacks/pgd.ts";
import { resistances } from "$lib/attacks/resistance.ts";
import { type Tensor, type Tensor4D, tf } from "$lib/backend.ts";
import { load } from "$lib/loader.ts";
import { type Classifier, loadNetwork } from "$lib/network.ts";
import { answererOf } from "$lib/protections/runtime/answers.ts";
import {
  calibrated,
  thresholdAbove,
  thresholdBelow,
} from "$lib/protections/runtime/calibration.ts";
import { resistanceDetector } from "$lib/protections/runtime/resisting.ts";
import { median2x2, squeezeDetector, squeezeScores } from "$lib/protections/runtime/squeezing.ts";

const network = await loadNetwork("MLP");
const { images, labels } = await load("test", { to: 1200 });
const part = (from: number, count: number): Tensor4D =>
  images.slice([from, 0, 0, 0], [count, -1, -1, -1]);
const calibrating = part(0, 1200);
const threshold = await calibrated(network, "squeeze", calibrating);
calibrating.dispose();
const detector = squeezeDetector(network, { threshold });

const valuesOf = (tensor: Tensor): number[] => {
  const values = [...tensor.dataSync()];
  tensor.dispose();
  return values;
};

Deno.test("median2x2() takes the larger middle value of pixels above and to the left", () => {
  const image = tf.tensor4d([1, 5, 2, 8, 3, 9, 4, 7, 6], [1, 3, 3, 1]);
  // Corner 1: 1 1 1 1. Beside it: 1 1 5 5, so 5; and so on, with edges repeated.
  assertEquals(valuesOf(median2x2(image)), [1, 5, 5, 8, 5, 5, 8, 7, 7]);
  image.dispose();
});

Deno.test("median2x2() passes gradients to the pixels that it picks", () => {
  const gradient = tf.tidy(() =>
    tf.grad((x) => median2x2(x as Tensor4D).slice([0, 1, 1, 0], [1, 1, 1, 1]).sum())(
      tf.tensor4d([1, 5, 8, 3], [1, 2, 2, 1]),
    )
  );
  assertEquals(valuesOf(gradient), [0, 1, 0, 0]);
});

Deno.test("squeezeScores() is the larger L1 distance of two squeezed copies", () => {
  const few = part(0, 3);
  const distances = tf.tidy(() => {
    const p = network.confidences(few);
    const to = (squeezed: Tensor) =>
      p.sub(network.confidences(squeezed as Tensor4D)).abs().sum(1).dataSync();
    return [to(few.round()), to(median2x2(few))];
  });
  const scores = valuesOf(squeezeScores(network, few));
  few.dispose();
  scores.forEach((score, i) =>
    assertAlmostEquals(score, Math.max(distances[0]![i]!, distances[1]![i]!), 1e-6)
  );
});

Deno.test("thresholds leave the share of scores that they are for", () => {
  const scores = [5, 1, 4, 2, 3, Infinity, 6, 9, 7, 8];
  assertEquals(scores.filter((score) => score > thresholdAbove(scores, 0.25)).length, 2);
  assertEquals(scores.filter((score) => score < thresholdBelow(scores, 0.25)).length, 2);
  assertThrows(() => thresholdAbove([]), RangeError, "there must be images");
});

Deno.test("the detector rejects 5 % of images that it was not calibrated on", async () => {
  const { images: others } = await load("test", { from: 5000, to: 6200 });
  const answers = await answererOf(detector).answer(others);
  const scores = valuesOf(squeezeScores(network, others));
  others.dispose();
  const rejected = answers.filter((answer) => answer === null).length;
  // Binomial, with the threshold's own spread: 60 of 1,200, deviation sqrt(2 * 57).
  assertLess(Math.abs(rejected - 60), 3.3 * Math.sqrt(2 * 57));
  assertEquals(rejected, scores.filter((score) => score > threshold).length);
});

Deno.test("what the detector does not reject has the network's own logits", () => {
  assertEquals([detector.classes, detector.name], [11, "MLP+squeeze"]);
  tf.tidy(() => {
    const few = part(0, 10);
    const logits = detector.logits(few);
    assertEquals(logits.shape, [10, 11]);
    const own = logits.slice([0, 0], [-1, 10]).dataSync();
    assertEquals([...own], [...network.logits(few).dataSync()]);
  });
});

Deno.test("PGD is rejected where it knows the network alone, and evades where it aims at both", () => {
  const count = 24;
  const clean = part(0, count);
  const own = [...labels.dataSync().slice(0, count)];
  const targets = own.map((label) => (label + 1) % 10);
  const settings = { labels: own, target: targets, steps: 30 };
  // Enough for grey pixels to cross the step at one half, wherever they are.
  const attack = pgd({ epsilon: 0.6 });
  const judged = (attacked: Classifier) => {
    const outcomes = runAttackSync(attack, attacked, clean, settings);
    return outcomes.map(({ perturbed, found }, i) => {
      const point = tf.tensor4d(perturbed, [1, 28, 28, 1]);
      const answer = valuesOf(tf.tidy(() => detector.logits(point).argMax(1)))[0]!;
      point.dispose();
      return { found, answer, wanted: targets[i] };
    });
  };
  const blind = judged(network);
  const both = judged(detector);
  clean.dispose();
  assertEquals(blind.filter(({ found }) => found).length, count);
  assert(blind.filter(({ answer }) => answer === 10).length > count / 2, "mostly rejected");
  const evading = both.filter(({ answer, wanted }) => answer === wanted);
  assert(evading.length > 0.8 * count, `${evading.length} evade`);
  assertEquals(evading.length, both.filter(({ found }) => found).length);
});

Deno.test("the detector's gradient does not vanish where both answers are certain", () => {
  // Two classes, certain of opposite answers for a grey image and its binarised copy.
  const certain: Classifier = {
    ...{ name: "certain", classes: 2, revision: {} },
    logits: (images) =>
      tf.tidy(() => {
        const score = images.sum([1, 2, 3]).sub(0.8 * 784).mul(2).reshape([-1, 1]);
        return tf.concat([score, score.neg()], 1) as ReturnType<Classifier["logits"]>;
      }),
  };
  const grey: Tensor4D = tf.fill([1, 28, 28, 1], 0.7);
  const abstain = squeezeDetector(certain, { threshold: 0.1 });
  const slope = tf.tidy(() =>
    tf.grad((x) => {
      const logits = abstain.logits(x as Tensor4D);
      return logits.slice([0, 2], [1, 1]).sub(logits.slice([0, 0], [1, 2]).max()).sum();
    })(grey)
  );
  assertEquals(valuesOf(tf.tidy(() => abstain.logits(grey).argMax(1))), [2]);
  assert(valuesOf(slope.abs().max())[0]! > 0.1);
  tf.dispose([grey, slope]);
});

Deno.test("the resistance detector abstains below its threshold, or corrects", async () => {
  const few = part(0, 12);
  const found = await resistances(network, few, { steps: 60 });
  const middle = thresholdBelow(found.map(({ resN }) => resN), 0.5);
  assert(middle < Infinity, "some give way within 60 steps");
  const settings = { threshold: middle, steps: 60 };
  const expected = (suspect: (one: typeof found[number]) => number | null) =>
    found.map((one) => one.resN < middle ? suspect(one) : one.prediction);
  const abstaining = resistanceDetector(network, settings);
  assertEquals(abstaining.name, "MLP+resistance");
  assertEquals(await abstaining.answer(few), expected(() => null));
  const correcting = resistanceDetector(network, { ...settings, suspect: "correct" });
  assertEquals(correcting.name, "MLP+correction");
  const corrected = await correcting.answer(few);
  assertEquals(corrected, expected(({ lastClass }) => lastClass));
  assert(corrected.some((answer, i) => answer !== found[i]!.prediction));
  few.dispose();
});

Deno.test("calibration can be stopped", async () => {
  const some = part(0, 400);
  for (const detector of ["squeeze", "resistance"] as const) {
    const stop = new AbortController();
    const shares: number[] = [];
    const stopping = calibrated(network, detector, some, {
      signal: stop.signal,
      onProgress: (done) => {
        shares.push(done);
        stop.abort(new Error("stopped"));
      },
    });
    await assertRejects(() => stopping, Error, "stopped");
    assert(shares.length === 1 && shares[0]! > 0 && shares[0]! < 1);
  }
  some.dispose();
});

Deno.test("detectors leave nothing in memory", async () => {
  const few = part(0, 4);
  const before = tf.memory().numTensors;
  detector.logits(few).dispose();
  squeezeScores(network, few).dispose();
  await answererOf(detector).answer(few);
  await resistanceDetector(network, { threshold: 1, steps: 3 }).answer(few);
  await calibrated(network, "squeeze", few);
  assertEquals(tf.memory().numTensors, before);
  few.dispose();
});

Deno.test("thresholds out of range are refused", () => {
  assertThrows(
    () => squeezeDetector(network, { threshold: 2 }),
    RangeError,
    "the threshold must be in (0, 2): current value is 2",
  );
  assertThrows(
    () => resistanceDetector(network, { threshold: 0 }),
    RangeError,
    "the threshold must be > 0: current value is 0",
  );
});
