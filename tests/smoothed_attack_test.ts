/**
 * Attacks on smoothed classifiers, judged as certificates count: who abstains is wrong.
 *
 * @module
 */
import { assert, assertEquals, assertLess, assertRejects } from "@std/assert";
import { type Tensor2D, type Tensor4D, tf } from "$lib/backend.ts";
import { factors, smoothedNorms, voteOn } from "$lib/evaluation/smoothed.ts";
import { type Digits, test } from "$lib/loader.ts";
import { type Classifier, loadNetwork } from "$lib/network.ts";
import { distance } from "$lib/norms.ts";
import { decision } from "$lib/protections/runtime/votes.ts";
import { pixelsOf } from "$lib/rows.ts";
import { plane, smallest } from "./plane.ts";

const { images } = await test(1);
const digits: Digits = { images, labels: tf.tensor1d([0], "int32") };
const [clean] = pixelsOf(images);
const options = { sigma: 0.1, ids: [5000], maxPasses: 40, draws: 4, votes: 100 };

Deno.test("smoothedNorms() finds a plane's distance, which smoothing does not change", async () => {
  const before = tf.memory().numTensors;
  const [found] = await smoothedNorms(plane(clean!, 8), digits, { ...options, votes: 4000 });
  assertEquals(tf.memory().numTensors, before);
  const { image, label, norm, factor, prediction, labelVotes, adversarial } = found!;
  assertEquals([image, label, distance(adversarial!, clean!, 2)], [5000, 0, norm]);
  // So many votes tell the sides apart from 0.07 sigma on; sizes are at most 15 % apart here.
  const least = smallest(clean!, 8, 2);
  assertLess(least - 0.1 * 0.1, norm);
  assertLess(norm, 1.15 * least);
  assert(factors.includes(factor) && prediction !== 0 && labelVotes < 2150);
});

Deno.test("smoothedNorms() is 0 where the vote is wrong as it is, or abstains", async () => {
  const [wrong] = await smoothedNorms(plane(clean!, -8), digits, options);
  assertEquals(
    [wrong!.norm, wrong!.factor, wrong!.prediction, wrong!.adversarial],
    [0, 0, 1, null],
  );
  const [torn] = await smoothedNorms(plane(clean!, 0), digits, options);
  assertEquals([torn!.norm, torn!.prediction], [0, null]);
});

/** Beyond the plane half of the noisy copies are seen as class 1 and half as class 2. */
function torn(distance: number): Classifier {
  const side = plane(clean!, distance);
  return {
    ...{ name: "torn", classes: 3, revision: {} },
    logits: (images: Tensor4D): Tensor2D =>
      tf.tidy(() => {
        const margin = side.logits(images).slice([0, 0], [-1, 1]);
        // The first pixel is black and no part of the descent: its noise is a coin.
        const coin = images.slice([0, 0, 0, 0], [-1, 1, 1, 1]).reshape([-1, 1]).mul(1e-3).sign();
        return tf.concat([margin, coin, coin.neg()], 1) as Tensor2D;
      }),
  };
}

Deno.test("smoothedNorms() counts a vote that abstains, and one without a majority, as deceived", async () => {
  const [found] = await smoothedNorms(torn(8), digits, { ...options, votes: 400 });
  assertLess(found!.norm, 1.5 * smallest(clean!, 8, 2));
  assertEquals(found!.prediction, null);
  // Copies of three kinds: 20 % for the label, 45 % for class 1, no more than half for any.
  assertEquals(decision([200, 450, 350], 0.001), 1);
});

Deno.test("decision() abstains just where the binomial test can't tell the first two apart", () => {
  for (const n of [20, 100, 501]) {
    let [term, tail] = [2 ** -n, 2 ** -n]; // of n successes in n tosses of a coin, and of as many
    for (let most = n; most > n / 2; most--) {
      const expected = 2 * tail <= 0.001 ? 1 : null;
      assertEquals(decision([n - most, most, 0], 0.001), expected, `${most} of ${n}`);
      term *= most / (n - most + 1);
      tail += term;
    }
  }
  assertEquals(decision([0, 0, 40], 0.001), 2);
  assertEquals(decision([5, 5], 0.001), null);
});

Deno.test("votes have fresh draws for each image and size, none of the attack's or of certificates'", () => {
  const seen: number[] = [];
  const count = (_: Tensor4D, stream: number, draws: number) => {
    for (let block = 0; block < draws / 100; block++) seen.push(stream + block);
    return [draws, 0];
  };
  for (const image of [0, 1, 5000, 131_071]) {
    for (const factor of factors) {
      voteOn(count, clean!, factor, { image, label: 0, votes: 200_000 });
    }
  }
  assertEquals(new Set(seen).size, 4 * factors.length * 2000);
  assert(seen.every((stream) => stream >= -(2 ** 31) && stream < -1));
});

Deno.test("smoothedNorms() depends on seed and images alone, not on what is attacked together", async () => {
  const network = await loadNetwork("MLP");
  const three = await test(3);
  const settings = { ...options, sigma: 0.25, maxPasses: 20, ids: [7, 8, 9], votes: 200 };
  const all = await smoothedNorms(network, three, settings);
  const last = {
    images: three.images.slice([2, 0, 0, 0], [1, -1, -1, -1]) as Tensor4D,
    labels: three.labels.slice(2, 1),
  };
  assertEquals(await smoothedNorms(network, last, { ...settings, ids: [9] }), all.slice(2));
  const [other] = await smoothedNorms(network, last, { ...settings, ids: [9], seed: 1 });
  assert(other!.norm !== all[2]!.norm);
  network.dispose();
  tf.dispose([three.images, three.labels, last.images, last.labels]);
});

Deno.test("smoothedNorms() refuses votes and numbers of images that its noise has no room for", async () => {
  const refused = (given: object, why: string) =>
    assertRejects(
      () => smoothedNorms(plane(clean!, 8), digits, { ...options, ...given }),
      Error,
      why,
    );
  await refused({ votes: 0 }, "votes must be a whole number from 1 to 200000: current value is 0");
  await refused({ ids: [131_072] }, "ids must be whole numbers below 131072");
  await refused({ vote: 3 }, "current value is vote");
});
