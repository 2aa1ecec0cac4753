/**
 * The smallest norm of each image: budget, independence of the batch, and bad input.
 *
 * @module
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { type Tensor1D, type Tensor2D, type Tensor4D, tf } from "$lib/backend.ts";
import { type Digits, test } from "$lib/loader.ts";
import { type MinNorm, minNorm, type MinNormOptions } from "$lib/minnorm.ts";
import { type Classifier, loadNetwork } from "$lib/network.ts";
import { distance } from "$lib/norms.ts";
import { formatP } from "$lib/numbers.ts";

const norms = [0, 1, 2, Infinity];
const mlp = await loadNetwork("MLP");
const digits = await test(6);
const [first] = await minNorm(mlp, digits, { p: Infinity, maxPasses: 2 }) as [MinNorm];
/** The first image's label is wrong. */
const mislabelled: Digits = {
  ...digits,
  labels: tf.tensor1d(
    [...digits.labels.dataSync()].map((label, i) => i === 0 ? (label + 1) % 10 : label),
    "int32",
  ),
};

/** Some of the digits. */
const rows = ({ images, labels }: Digits, places: number[]): Digits => ({
  images: tf.tidy(() => images.gather<Tensor4D>(tf.tensor1d(places, "int32"))),
  labels: tf.tidy(() => labels.gather<Tensor1D>(tf.tensor1d(places, "int32"))),
});

/** What must not depend on the images beside it. */
const same = ({ seconds: _, ...result }: MinNorm) => result;

/** A network of two classes that answers the same, whatever the image. */
const answering = (...logits: number[]): Classifier => ({
  name: "constant",
  classes: logits.length,
  revision: {},
  logits: (images): Tensor2D =>
    tf.tidy(() => images.mean([1, 2, 3]).mul(0).reshape([-1, 1]).add(tf.tensor2d([logits]))),
});

async function withoutLeaks(check: () => unknown): Promise<void> {
  const before = tf.memory().numTensors;
  await check();
  assertEquals(tf.memory().numTensors, before, "tensors leak");
}

for (const p of norms) {
  const of = `p ${formatP(p)}`;

  Deno.test(`neither order nor splitting changes a bit of a result (${of})`, async () => {
    const options = { p, maxPasses: 200 };
    const whole = (await minNorm(mlp, digits, options)).map(same);
    const order = [4, 1, 5, 0, 3, 2];
    for (const ids of [order, [3, 1]]) {
      const some = await minNorm(mlp, rows(digits, ids), { ...options, ids });
      assertEquals(some.map(same), ids.map((id) => whole[id]));
    }
    assert(whole.every(({ found }) => found));
  });

  Deno.test(`no image gets more than maxPasses, and most of many are used (${of})`, async () => {
    const some = rows(digits, [4, 5]);
    for (const maxPasses of [2, 3, 10, 40, 41, 100, 2000]) {
      for (const { forwards, backwards } of await minNorm(mlp, some, { p, maxPasses })) {
        const passes = forwards + backwards;
        assert(passes <= maxPasses, `${passes} of ${maxPasses}`);
        if (maxPasses >= 100) assert(passes > 0.8 * maxPasses, `${passes} of ${maxPasses}`);
      }
    }
  });

  Deno.test(`a misclassified image has norm 0 by its label, not by its prediction (${of})`, async () => {
    const options = { p, maxPasses: 100 };
    const [byLabel, ...others] = await minNorm(mlp, mislabelled, options) as [MinNorm];
    const { found, norm, attack, forwards, backwards, perturbed, clean } = byLabel;
    assertEquals([found, norm, attack, forwards, backwards], [true, 0, null, 1, 0]);
    assertEquals(perturbed, clean);
    assert(others.every(({ norm }) => norm > 0));
    const all = await minNorm(mlp, mislabelled, { ...options, reference: "prediction" });
    for (const { found, norm, adversarialClass, prediction } of all) {
      assert(found && norm > 0 && adversarialClass !== prediction);
    }
  });

  Deno.test(`a target is reached, at a norm not below that of any class (${of})`, async () => {
    const target = 0; // none of the six
    const options = { p, maxPasses: 200 };
    const free = await minNorm(mlp, digits, options);
    const aimed = await minNorm(mlp, digits, { ...options, target });
    aimed.forEach(({ found, adversarialClass, norm }, i) => {
      assertEquals([found, adversarialClass], [true, target]);
      assert(norm > 0.97 * free[i]!.norm, `${norm} < ${free[i]!.norm}`);
    });
  });

  Deno.test(`a reported norm is that of an adversarial image in the box (${of})`, async () => {
    for (const one of await minNorm(mlp, digits, { p, maxPasses: 100 })) {
      const { clean, perturbed, norm, attack, adversarialClass, prediction, confidences } = one;
      assertEquals(distance(perturbed, clean, p), norm);
      assert(perturbed.every((pixel) => pixel >= 0 && pixel <= 1));
      assert(attack !== null && adversarialClass !== prediction);
      const { perturbed: now } = confidences;
      assertEquals(now.indexOf(Math.max(...now)), adversarialClass);
    }
  });

  Deno.test(`progress never falls and ends at 1 (${of})`, async () => {
    const seen: number[] = [];
    const onProgress = ({ done }: { done: number }) => seen.push(done);
    await minNorm(mlp, digits, { p, maxPasses: 100, onProgress });
    assert(seen.length > 20);
    seen.forEach((done, i) => assert(done >= (seen[i - 1] ?? 0)));
    assertEquals(seen.at(-1), 1);
    // Also where there is nothing to do.
    seen.length = 0;
    await minNorm(mlp, rows(mislabelled, [0]), { p, onProgress });
    assertEquals(seen.at(-1), 1);
  });

  Deno.test(`no tensor survives, and an abort gives the signal's reason (${of})`, async () => {
    await withoutLeaks(() => minNorm(mlp, digits, { p, maxPasses: 60 }));
    for (const share of [0.1, 0.5, 0.9]) {
      await withoutLeaks(async () => {
        const controller = new AbortController();
        const reason = await minNorm(mlp, digits, {
          p,
          maxPasses: 200,
          signal: controller.signal,
          onProgress: ({ done }) => done > share && controller.abort("enough"),
        }).catch((error) => error);
        assertEquals(reason, "enough");
      });
    }
  });

  Deno.test(`where there is nothing to find, nothing is found (${of})`, async () => {
    // The other class never wins, or nobody knows.
    const silent = p === 2 ? [answering(NaN, NaN)] : [];
    for (const network of [answering(1, 0), ...silent]) {
      const { images } = rows(digits, [0, 1]);
      const two = { images, labels: tf.tensor1d([0, 0], "int32") };
      for (const result of await minNorm(network, two, { p, maxPasses: 60 })) {
        const { found, norm, attack, adversarialClass, forwards, backwards, perturbed } = result;
        assertEquals([found, norm, attack, adversarialClass], [false, Infinity, null, null]);
        assert(forwards + backwards <= 60);
        assert(perturbed.every((pixel) => pixel >= 0 && pixel <= 1));
      }
    }
  });

  Deno.test(`where no gradient leads anywhere, something is found within the budget (${of})`, async () => {
    const quantised: Classifier = {
      name: "quantised",
      classes: 10,
      revision: {},
      logits: (images) => tf.tidy(() => mlp.logits(images.mul<Tensor4D>(3).round().div(3))),
    };
    const options = { p, maxPasses: 300 };
    const found = await minNorm(quantised, digits, options);
    for (const { found: isFound, norm, forwards, backwards } of found) {
      assert(isFound && norm < (p === 0 ? 60 : p === 1 ? 60 : p === 2 ? 8 : 0.5), `norm ${norm}`);
      assert(forwards + backwards <= 300);
    }
    const order = [3, 5];
    const some = await minNorm(quantised, rows(digits, order), { ...options, ids: order });
    assertEquals(some.map(same), order.map((id) => same(found[id]!)));
  });
}

Deno.test("a seed fixes the result", async () => {
  const run = async (seed: number) =>
    (await minNorm(mlp, digits, { p: Infinity, attack: "pgd", maxPasses: 150, seed })).map(same);
  const one = await run(1);
  assertEquals(await run(1), one);
  assert(JSON.stringify(await run(2)) !== JSON.stringify(one));
});

Deno.test("one attack alone has the whole budget and signs for what it finds", async () => {
  const results = await minNorm(mlp, mislabelled, { p: 2, attack: "ddn", maxPasses: 100 });
  assertEquals(results.map(({ attack }) => attack), [null, "ddn", "ddn", "ddn", "ddn", "ddn"]);
  for (const { forwards, backwards } of results.slice(1)) assertEquals(forwards + backwards, 100);
});

Deno.test("scaled logits change little, outputs of a softmax are attacked as well", async () => {
  const scaled = (name: string, change: (logits: Tensor2D) => Tensor2D): Classifier => ({
    name,
    classes: 10,
    revision: {},
    logits: (images) => tf.tidy(() => change(mlp.logits(images))),
  });
  const options: MinNormOptions = { p: Infinity, maxPasses: 200 };
  const plain = await minNorm(mlp, digits, options);
  for (const factor of [1e3, 1e-3]) {
    const found = await minNorm(
      scaled(`times ${factor}`, (one) => one.mul(factor)),
      digits,
      options,
    );
    // A margin of 1e-4 is more of small logits, and less of large ones.
    found.forEach(({ found, norm }, i) => {
      const ratio = norm / plain[i]!.norm;
      assert(found && ratio > 0.99 && ratio < (factor < 1 ? 1.1 : 1.01), `${ratio}`);
    });
  }
  const softmaxed = await minNorm(scaled("softmax", (one) => one.softmax()), digits, options);
  assert(softmaxed.every(({ found }) => found));
});

Deno.test("bad input is refused in one line", async () => {
  const refused = async (rule: string, options: Partial<MinNormOptions>, input = digits) => {
    await withoutLeaks(async () => {
      const error = await assertRejects(
        () => minNorm(mlp, input, { p: 2, ...options }),
        RangeError,
      );
      assert(error.message.includes(rule) && !error.message.includes("\n"), error.message);
      assert(/^Cannot .* as .* current value is /.test(error.message), error.message);
    });
  };
  for (const p of [3, 0.5, -1, NaN]) await refused(`current value is ${p}`, { p });
  for (const maxPasses of [1, 0, -5, 2.5, NaN, Infinity]) {
    await refused("maxPasses must be at least 2", { maxPasses });
    await refused("maxPasses must be at least 2", { maxPasses, attack: "pgd" });
  }
  await refused("the attack must be one of", { attack: "nonsense" });
  await refused("the attack must be one of", { attack: "toString" });
  for (const p of [0, 1, Infinity]) await refused("DDN needs p = 2", { attack: "ddn", p });
  await refused("rounds must be at least 1", { attack: "pgd", rounds: 0 });
  await refused("rounds must be left out where no norms are searched", { rounds: 8 });
  await refused("rounds must be left out where", { attack: "fmn", rounds: 8 });
  await refused("a class from 0 to 9", { target: 10 });
  await refused("another class than that of image", { target: first.prediction });
  await refused("an int32", { seed: 0.5 });
  await refused("each image needs one of the ids", { ids: [0, 1, 2, 3, 4, 5, 6] });
  await refused("ids must be whole numbers", { ids: [0, 1, NaN, 3, 4, 5] });
  await refused("reference must be", { reference: "labels" as "label" });
  const { images, labels } = digits;
  const other = (change: (images: Tensor4D) => Tensor4D): Digits => ({
    images: change(images),
    labels,
  });
  await refused("pixels must be in [0, 1]", {}, other((one) => one.add(0.5)));
  await refused("pixels must be in [0, 1]", {}, other((one) => one.sub(0.1)));
  await refused("pixels must be in [0, 1]", {}, other((one) => one.mul(NaN)));
  const none = { images: images.slice([0], [0]), labels: labels.slice([0], [0]) };
  await refused("there must be images", {}, none);
  await refused("each image needs a label", {}, { images, labels: labels.slice([0], [5]) });
  for (const label of [-1, 10]) {
    await refused("labels must be from 0 to 9", {}, {
      images,
      labels: tf.fill<Tensor1D["rankType"]>([6], label, "int32"),
    });
  }
});
