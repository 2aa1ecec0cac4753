/**
 * Bit-depth reduction: what it answers, and what attacks see of it.
 *
 * @module
 */
import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertNotEquals,
  assertThrows,
} from "@std/assert";
import { runAttackSync } from "$lib/attacks/driver.ts";
import { pgd } from "$lib/attacks/pgd.ts";
import { type Tensor, type Tensor4D, tf } from "$lib/backend.ts";
import { test } from "$lib/loader.ts";
import { type Classifier, loadNetwork } from "$lib/network.ts";
import { bitDepth, reduceBits } from "$lib/protections/runtime/bit_depth.ts";
import { smoothedClassifier } from "$lib/protections/runtime/smoothed.ts";

const network = await loadNetwork("MLP");
const digits = await test(20);
const { images } = digits;
const labels = [...digits.labels.dataSync()];

/** Compared by hand, as a diff of thousands of numbers takes a minute. */
const same = (a: Tensor, b: Tensor) => {
  const values = b.dataSync();
  return a.dataSync().every((value, i) => value === values[i]);
};

/** Gradient of the sum of a classifier's first logits. */
const slope = (classifier: Classifier, at: Tensor4D) =>
  tf.tidy(() => tf.grad((x) => classifier.logits(x as Tensor4D).slice([0, 0], [-1, 1]).sum())(at));

Deno.test("reduceBits() rounds to even levels", () => {
  const values = [0, 0.16, 0.17, 0.49, 0.51, 0.84, 1];
  const reduced = (
    bits: number,
  ) => [...tf.tidy(() => reduceBits(tf.tensor4d(values, [7, 1, 1, 1]), bits).dataSync())];
  assertEquals(reduced(1), [0, 0, 0, 0, 1, 1, 1]);
  const thirds = [0, 0, 1, 1, 2, 3, 3].map((level) => Math.fround(level / 3));
  assertEquals(reduced(2), thirds);
});

Deno.test("8 bits leave the pixels of picture files as they are", () => {
  tf.tidy(() => assert(same(reduceBits(images, 8), images)));
});

Deno.test("both gradients go with the same answers, those to the rounded image", () => {
  tf.tidy(() => {
    const binary = images.round() as Tensor4D;
    const expected = network.logits(binary).dataSync();
    for (const gradient of ["none", "straight-through"] as const) {
      assertEquals(bitDepth(network, 1, { gradient }).logits(images).dataSync(), expected);
    }
    assertNotEquals(network.logits(images).dataSync(), expected);
  });
});

Deno.test("the straight-through gradient is the network's at the rounded image", () => {
  tf.tidy(() => {
    const straight = slope(bitDepth(network, 1), images);
    assert(same(straight, slope(network, images.round() as Tensor4D)));
    assert(straight.dataSync().some((value) => value !== 0));
    const none = slope(bitDepth(network, 1, { gradient: "none" }), images).dataSync();
    assert(none.every((value) => value === 0));
  });
});

Deno.test("PGD on a binarised network needs the straight-through gradient", () => {
  const found = (classifier: Classifier) =>
    runAttackSync(pgd({ epsilon: 0.6, randomStart: false }), classifier, images, {
      ...{ labels, steps: 20 },
    }).filter(({ found }) => found).length;
  const wrong = tf.tidy(() =>
    bitDepth(network, 1).logits(images).argMax(1).notEqual(digits.labels).sum().dataSync()[0]!
  );
  assertEquals(found(bitDepth(network, 1, { gradient: "none" })), wrong);
  assertEquals(found(bitDepth(network, 1)), 20);
});

Deno.test("a wrapper's revision is its own, and changes with the weights", () => {
  const [one, other] = [bitDepth(network, 1), bitDepth(network, 1, { gradient: "none" })];
  assertEquals(one.name, "MLP+bits:1");
  assert(one.revision === one.revision);
  assert(one.revision !== other.revision && one.revision !== network.revision);
  let revision = {};
  const changing: Classifier = {
    ...{ name: "changing", classes: 10, logits: (images) => network.logits(images) },
    get revision() {
      return revision;
    },
  };
  const before = bitDepth(changing, 1);
  const old = before.revision;
  revision = {};
  assert(before.revision !== old);
});

Deno.test("bits are whole numbers from 1 to 8", () => {
  for (const bits of [0, 1.5, 9, NaN]) {
    assertThrows(() => bitDepth(network, bits), RangeError, `current value is ${bits}`);
  }
});

Deno.test("the smoothed classifier's confidences are means over noisy copies", () => {
  tf.tidy(() => {
    const two = images.slice([0, 0, 0, 0], [2, -1, -1, -1]) as Tensor4D;
    const many = smoothedClassifier(network, { sigma: 0.5, draws: 400, seed: 1 });
    const mean = many.logits(two).exp();
    const noisy = (image: number) =>
      two.slice([image, 0, 0, 0], [1, -1, -1, -1]).add<Tensor4D>(
        tf.randomNormal([400, 28, 28, 1], 0, 0.5, "float32", 7),
      );
    for (const image of [0, 1]) {
      const expected = network.logits(noisy(image)).softmax().mean(0).dataSync();
      const got = mean.slice([image, 0], [1, -1]).dataSync();
      // Two means of 400 values in [0, 1]: their difference is below 0.1 nearly always.
      expected.forEach((value, i) => assertAlmostEquals(got[i]!, value, 0.1));
    }
    const sums = mean.sum(1).dataSync();
    sums.forEach((sum) => assertAlmostEquals(sum, 1, 1e-5));
  });
});

Deno.test("the smoothed classifier is deterministic by its seed, and no batch changes it", () => {
  const smooth = (seed: number) => smoothedClassifier(network, { sigma: 0.5, draws: 8, seed });
  tf.tidy(() => {
    const all = smooth(1).logits(images).dataSync();
    assertEquals(smooth(1).logits(images).dataSync(), all);
    assertNotEquals(smooth(2).logits(images).dataSync(), all);
    const last = images.slice([19, 0, 0, 0], [1, -1, -1, -1]) as Tensor4D;
    const alone = smooth(1).logits(last).dataSync();
    alone.forEach((value, i) => assertAlmostEquals(value, all[190 + i]!, 1e-4));
  });
});

Deno.test("attacks descend on the smoothed classifier, as its gradient is that of its values", () => {
  const smooth = smoothedClassifier(network, { sigma: 0.25, draws: 8 });
  tf.tidy(() => {
    const image = images.slice([0, 0, 0, 0], [1, -1, -1, -1]) as Tensor4D;
    const gradient = slope(smooth, image) as Tensor4D;
    const step = gradient.div<Tensor4D>(gradient.norm().mul(100));
    const first = (at: Tensor4D) => smooth.logits(at).dataSync()[0]!;
    const difference = first(image.add(step)) - first(image.sub(step));
    const expected = 2 * gradient.norm().dataSync()[0]! / 100;
    assertAlmostEquals(difference / expected, 1, 0.05);
  });
  const outcomes = runAttackSync(pgd({ p: 2, epsilon: 3 }), smooth, images, { labels, steps: 10 });
  assert(outcomes.filter(({ found }) => found).length >= 18);
});

Deno.test("wrappers leave nothing in memory", () => {
  const before = tf.memory().numTensors;
  for (const one of [bitDepth(network, 2), smoothedClassifier(network, { sigma: 1, draws: 2 })]) {
    one.logits(images).dispose();
    slope(one, images).dispose();
  }
  assertEquals(tf.memory().numTensors, before);
});

Deno.test("a smoothed classifier with settings out of range is refused", () => {
  const make = (options: object) => () => smoothedClassifier(network, { sigma: 1, ...options });
  assertThrows(make({ sigma: 0 }), RangeError, "sigma must be finite and > 0: current value is 0");
  for (const draws of [0, 1.5, 1001, 1e9]) {
    const message = `draws must be a whole number from 1 to 1000: current value is ${draws}`;
    assertThrows(make({ draws }), RangeError, message);
  }
  assertThrows(make({ seed: 0.5 }), RangeError, "seed must be an int32");
});
