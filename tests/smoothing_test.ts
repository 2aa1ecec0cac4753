/**
 * Randomized smoothing, against what is known in closed form.
 *
 * @module
 */
import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertLess,
  assertNotEquals,
  assertRejects,
  assertThrows,
} from "@std/assert";
import { runAttackSync } from "$lib/attacks/driver.ts";
import { pgd } from "$lib/attacks/pgd.ts";
import { type Tensor2D, type Tensor4D, tf } from "$lib/backend.ts";
import { test } from "$lib/loader.ts";
import { type Classifier, loadNetwork } from "$lib/network.ts";
import { lowerBound, normalQuantile } from "$lib/protections/runtime/clopper_pearson.ts";
import { smoothedClassifier } from "$lib/protections/runtime/smoothed.ts";
import {
  type Certificate,
  certify,
  type CertifyOptions,
} from "$lib/protections/runtime/smoothing.ts";

const network = await loadNetwork("MLP");
const { images } = await test(12);
const all = (network: Classifier, images: Tensor4D, options: CertifyOptions) =>
  Array.fromAsync(certify(network, images, options));
const part = (images: Tensor4D, from: number, count: number): Tensor4D =>
  images.slice([from, 0, 0, 0], [count, -1, -1, -1]);

/** Class 1 where the mean pixel is above one half: smoothing changes nothing but the confidence. */
const half: Classifier = {
  name: "half",
  classes: 2,
  revision: {},
  logits: (images) =>
    tf.tidy(() => {
      const above = images.mean([1, 2, 3]).sub(0.5).reshape<Tensor2D>([-1, 1]);
      return tf.concat2d([above.neg(), above], 1);
    }),
};

Deno.test("lowerBound() is where the binomial tail has probability alpha", () => {
  // Roots of the tail, summed with 60 digits.
  const known: [number, number, number, number][] = [
    [1, 20, 0.025, 0.0012650894979416862],
    [9_900, 10_000, 0.001, 0.986531159323806],
    [10_000, 10_000, 0.001, 0.99930946300259],
    [1, 10_000, 0.001, 1.0005002835334893e-7],
    [15, 20, 0.05, 0.5444176],
  ];
  for (const [successes, draws, alpha, bound] of known) {
    const found = lowerBound(successes, draws, alpha);
    assertAlmostEquals(found / bound, 1, 1e-6);
  }
  assertEquals(lowerBound(0, 10, 0.001), 0);
});

Deno.test("lowerBound() never lies above the exact bound, and grows with the successes", () => {
  let last = 0;
  for (let successes = 1; successes <= 100; successes++) {
    const p = lowerBound(successes, 100, 0.01);
    assertLess(tail(successes, 100, p), 0.01);
    assertAlmostEquals(tail(successes, 100, p), 0.01, 1e-8);
    assertLess(last, p);
    last = p;
  }
});

/** Probability of at least so many successes, summed in logarithms. */
function tail(successes: number, draws: number, p: number): number {
  let [sum, choose] = [0, 0];
  for (let k = 0; k <= draws; k++) {
    if (k > 0) choose += Math.log((draws - k + 1) / k);
    if (k >= successes) sum += Math.exp(choose + k * Math.log(p) + (draws - k) * Math.log1p(-p));
  }
  return sum;
}

Deno.test("normalQuantile() has the values of tables", () => {
  const known = {
    0.5: 0,
    0.8413447460685429: 1,
    0.975: 1.959963984540054,
    0.001: -3.090232306167813,
  };
  for (const [p, point] of Object.entries(known)) {
    assertAlmostEquals(normalQuantile(Number(p)), point, 1e-12);
  }
});

Deno.test("a bound of what can't be is refused", () => {
  assertThrows(
    () => lowerBound(1, 10, 0),
    RangeError,
    "alpha must be in (0, 1): current value is 0",
  );
  assertThrows(() => lowerBound(11, 10, 0.1), RangeError, "current value is 11 of 10");
});

Deno.test("certify() comes near the exact radius of a plane, and stays below it", async () => {
  // The noise's mean has deviation sigma / 28: the smoothed class is the class, the radius the distance.
  const means = [0.5, 0.501, 0.51, 0.55, 0.6, 0.44, 0.7];
  const flat: Tensor4D = tf.tidy(() =>
    tf.concat4d(means.map((mean) => tf.fill([1, 28, 28, 1], mean)), 0)
  );
  const sigma = 1;
  const found = await all(half, flat, { sigma, n: 4000, seed: 5 });
  flat.dispose();
  found.forEach(({ prediction, radius, successes }, i) => {
    const distance = 28 * Math.abs(means[i]! - 0.5);
    if (i === 0) return assertEquals([prediction, radius], [null, 0]);
    if (prediction === null) return assertEquals([i, radius], [1, 0]);
    assertEquals(prediction, means[i]! > 0.5 ? 1 : 0);
    assertLess(radius, distance);
    // The bound lies about 3.1 deviations of the share of successes below it.
    const share = successes / 4000;
    const slope = Math.sqrt(2 * Math.PI) * Math.exp(distance ** 2 / 2);
    const loss = 4 * Math.sqrt(share * (1 - share) / 4000) * slope + 0.03;
    if (i < 6) assertLess(sigma * normalQuantile(share) - radius, loss, `${means[i]}`);
    // All draws right: as far as so many can prove.
    else assertAlmostEquals(radius, normalQuantile(0.001 ** (1 / 4000)), 1e-5);
  });
});

Deno.test("certify() scales with sigma", async () => {
  const gray: Tensor4D = tf.fill([1, 28, 28, 1], 0.53);
  const [one] = await all(half, gray, { sigma: 1, n: 1000 });
  const shifted = tf.tidy(() => gray.sub(0.5).mul(0.5).add<Tensor4D>(0.5));
  const [other] = await all(half, shifted, { sigma: 0.5, n: 1000 });
  assertAlmostEquals(other!.radius / one!.radius, 0.5, 0.01);
  tf.dispose([gray, shifted]);
});

Deno.test("certificates depend on seed and image alone, not on what is run together", async () => {
  const settings = { sigma: 0.5, n: 250, n0: 130, seed: 3 };
  const whole = await all(network, images, settings);
  assertEquals(await all(network, images, { ...settings, batch: 200 }), whole);
  const last = part(images, 9, 3);
  assertEquals(await all(network, last, { ...settings, ids: [9, 10, 11] }), whole.slice(9));
  const counts = (certificates: Certificate[]) => certificates.map(({ successes }) => successes);
  const other = await all(network, images, { ...settings, seed: 4 });
  assert(String(counts(other)) !== String(counts(whole)));
  last.dispose();
});

Deno.test("images of other numbers have other noise", async () => {
  const same = tf.tidy(() => tf.concat([part(images, 0, 1), part(images, 0, 1)])) as Tensor4D;
  const found = await all(network, same, { sigma: 1, n: 1000, ids: [3, 4] });
  same.dispose();
  assertEquals(found.map(({ image }) => image), [3, 4]);
  assertNotEquals(found[0]!.successes, found[1]!.successes);
  assertEquals(found[0]!.prediction, found[1]!.prediction);
});

Deno.test("draws that choose the class are none of those that count", async () => {
  // A classifier that tells draws apart: class 1 where a noisy pixel of a black image is positive.
  const first: Classifier = {
    ...{ name: "first pixel", classes: 2, revision: {} },
    logits: (images) =>
      tf.tidy(() => {
        const pixel = images.slice([0, 0, 0, 0], [-1, 1, 1, 1]).reshape<Tensor2D>([-1, 1]);
        return tf.concat2d([pixel.neg(), pixel], 1);
      }),
  };
  const black: Tensor4D = tf.zeros([40, 28, 28, 1]);
  const found = await all(first, black, { sigma: 1, n0: 100, n: 100 });
  black.dispose();
  // Were they the same draws, the class chosen would have the majority: 54 of 100 in the mean, not 50.
  const mean = found.reduce((sum, { successes }) => sum + successes, 0) / 40;
  assertAlmostEquals(mean, 50, 2.4); // three deviations
  assert(found.every(({ prediction }) => prediction === null));
});

/** Attacks the smoothed classifier, and counts the images that a vote confirms as deceived. */
async function deceived(
  network: Classifier,
  images: Tensor4D,
  { sigma, epsilons }: { sigma: number; epsilons: number[] },
): Promise<number> {
  const settings = { sigma, n: 500, seed: 11 };
  const clean = await all(network, images, settings);
  const labels = clean.map(({ prediction }) => prediction ?? 0);
  const smooth = smoothedClassifier(network, { sigma, draws: 8 });
  const options = { labels, epsilons, steps: 10 };
  // Whole steps: it stays on the sphere, where votes are clearer than at the border.
  const attack = pgd({ p: 2, epsilon: 1, stepSize: 1, randomStart: false });
  const outcomes = runAttackSync(attack, smooth, images, options);
  let confirmed = 0;
  for (const [i, { found, perturbed, norm }] of outcomes.entries()) {
    if (!found || clean[i]!.prediction === null) continue;
    const moved = tf.tensor4d(perturbed, [1, 28, 28, 1]);
    const [there] = await all(network, moved, { ...settings, ids: [1000 + i] });
    moved.dispose();
    if (there!.prediction === null || there!.prediction === clean[i]!.prediction) continue;
    confirmed++;
    assertLess(clean[i]!.radius, norm);
  }
  return confirmed;
}

Deno.test("no image's radius reaches an adversarial image of the smoothed classifier", async () => {
  const digits = { sigma: 0.25, epsilons: new Array<number>(12).fill(1.6) };
  assertLess(2, await deceived(network, images, digits));
  // Near the plane a vote is deceived little farther out than what is certified.
  const means = [0.52, 0.53, 0.54, 0.48];
  const greys = tf.tidy(() => tf.concat4d(means.map((mean) => tf.fill([1, 28, 28, 1], mean)), 0));
  const epsilons = means.map((mean) => 1.3 * 28 * Math.abs(mean - 0.5));
  assertEquals(await deceived(half, greys, { sigma: 0.25, epsilons }), 4);
  greys.dispose();
});

Deno.test("certify() can be stopped, tells how far it is, and leaves nothing in memory", async () => {
  const before = tf.memory().numTensors;
  const stop = new AbortController();
  const shares: number[] = [];
  const onProgress = (share: number) => {
    shares.push(share);
    if (shares.length === 2) stop.abort(new Error("stopped"));
  };
  const settings = { sigma: 0.5, n: 100, signal: stop.signal, onProgress };
  await assertRejects(() => all(network, images, settings), Error, "stopped");
  assertEquals(shares, [1 / 12, 2 / 12]);
  assertEquals(tf.memory().numTensors, before);
});

Deno.test("certify() refuses settings out of range", async () => {
  const refused = (options: Partial<CertifyOptions>, why: string) =>
    assertRejects(() => all(network, images, { sigma: 1, ...options }), RangeError, why);
  await refused({ sigma: -1 }, "sigma must be finite and > 0: current value is -1");
  await refused({ n: 0 }, "n must be a whole number >= 1: current value is 0");
  await refused({ n0: 1.5 }, "n0 must be a whole number >= 1: current value is 1.5");
  await refused({ n: 2_000_000 }, "n0 + n must be at most 1638400");
  await refused({ alpha: 1 }, "alpha must be in (0, 1): current value is 1");
  await refused({ batch: 150 }, "batch must be a multiple of 100: current value is 150");
  await refused({ ids: [1] }, "there must be 12 ids: current value is 1");
  await refused({ ids: [...Array(11).keys(), 131_072] }, "below 131072: current value is 131072");
});
