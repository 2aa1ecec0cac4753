/**
 * The search over epsilon, in front of a plane and of made-up attacks.
 *
 * @module
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { MLP } from "$lib/architectures.ts";
import { apgd } from "$lib/attacks/apgd.ts";
import type { Attack } from "$lib/attacks/attack.ts";
import type { Outcome } from "$lib/attacks/driver.ts";
import { fgsm } from "$lib/attacks/fgsm.ts";
import { minimal } from "$lib/attacks/minimal.ts";
import { pgd } from "$lib/attacks/pgd.ts";
import {
  searchEpsilon,
  searchEpsilonSync,
  type SearchOptions,
  type SearchProgress,
} from "$lib/attacks/search.ts";
import { type Tensor2D, type Tensor4D, tf } from "$lib/backend.ts";
import { type Classifier, createNetwork } from "$lib/network.ts";
import { uniform } from "$lib/random.ts";
import { digit, pixels, plane, smallest } from "./plane.ts";

const mlp = createNetwork(MLP, { seed: 1 });
const images = tf.tensor4d(uniform(18 * pixels, 3, 0), [18, 28, 28, 1]);

// How far above the smallest norm the search ends at most.
for (
  const [name, attack, within] of [
    ["fgsm()", fgsm(), 0.001],
    ["pgd(), inf", pgd(), 0.001],
    ["pgd(), 2", pgd({ p: 2 }), 0.02],
    ["apgd(), inf", apgd(), 0.001],
    ["apgd(), 2", apgd({ p: 2 }), 0.005],
    ["apgd(), 1", apgd({ p: 1 }), 0.01],
  ] as const
) {
  Deno.test(`${name} under the search finds the smallest norm in front of a plane`, async () => {
    const image = tf.tensor4d(digit, [1, 28, 28, 1]);
    for (const distance of [5, 60]) {
      const steps = name === "fgsm()" ? 1 : 50;
      const network = plane(digit, distance);
      const found = await searchEpsilon(attack, network, image, { steps });
      const least = smallest(digit, distance + 1e-4, attack.p);
      const { norm } = found[0]!;
      assert(norm >= least * (1 - 1e-4), `${norm} is impossible: ${least}`);
      assert(norm <= least * (1 + within), `distance ${distance}: ${norm} and not ${least}`);
    }
    image.dispose();
  });
}

for (const p of [1.5, 2, 3, Infinity]) {
  Deno.test(`minimal() finds the smallest norm to within 0.001, p = ${p}`, async () => {
    // On grey and with weights of 1 and -1, Adam's direction is the best one in every norm.
    const grey: Tensor4D = tf.fill([1, 28, 28, 1], 0.5);
    const exact = 60 / (p === Infinity ? pixels : Math.pow(pixels, 1 - 1 / p));
    const options = { p, steps: 150 };
    const [found] = await minimal(signs(60), grey, options);
    assert(found!.norm >= exact * (1 - 1e-4), `${found!.norm} is impossible: ${exact}`);
    assert(found!.norm <= exact + 0.002, `${found!.norm} and not ${exact}`);
    grey.dispose();
  });
}

/** Class 0 on this side of a plane that is `distance` from grey, measured in its margin. */
const signs = (distance: number): Classifier => ({
  name: "signs",
  classes: 2,
  revision: {},
  logits: (points: Tensor4D): Tensor2D =>
    tf.tidy(() => {
      const weights = tf.tensor2d(Float32Array.from({ length: pixels }, (_, i) => i % 2 * 2 - 1), [
        ...[pixels, 1] as const,
      ]);
      const margin = points.sub(0.5).reshape<Tensor2D>([-1, pixels]).matMul<Tensor2D>(weights)
        .add(distance);
      return tf.concat([margin, tf.zerosLike(margin)], 1) as Tensor2D;
    }),
});

/** Class 1 is whatever is not the grey of its image: found from its brightness on. */
const bright: Classifier = {
  name: "bright",
  classes: 2,
  revision: {},
  logits: (points: Tensor4D): Tensor2D =>
    tf.tidy(() => {
      const mean = points.mean([1, 2, 3]).reshape<Tensor2D>([-1, 1]);
      return tf.concat([tf.onesLike(mean).mul(0.7), mean], 1) as Tensor2D;
    }),
};

/** Makes everything brighter by epsilon, and notes the epsilons of each round. */
function brighten(rounds: number[][]): Attack {
  const attack: Attack<{ point: Tensor4D; epsilon: Tensor4D; clean: Tensor4D }> = {
    name: "brighten",
    graph: "brighten",
    p: Infinity,
    stopsWhenFound: true,
    start({ images }, { epsilon }) {
      if (epsilon) rounds.push([...epsilon.dataSync()]);
      const radius: Tensor4D = epsilon ?? tf.zeros([images.shape[0], 1, 1, 1]);
      const point = tf.clipByValue(images.add<Tensor4D>(radius), 0, 1);
      return { point, epsilon: radius, clean: images };
    },
    step(state, _, oracle) {
      oracle.logits(state.point);
      return state;
    },
  };
  return attack;
}

/** Plain grey images. */
const plain = (...greys: number[]): Tensor4D =>
  tf.tidy(() => tf.tensor4d(greys, [greys.length, 1, 1, 1]).tile([1, 28, 28, 1]));

Deno.test("epsilon doubles until it succeeds, then halves each image's own bracket", async () => {
  const rounds: number[][] = [];
  const three = plain(0.4, 0.65, 0.9);
  const options: SearchOptions = { first: 0.1, tolerance: 0.03, steps: 1, labels: [0, 0, 0] };
  const outcomes = await searchEpsilon(brighten(rounds), bright, three, options);
  const tried = (image: number) => rounds.map((round) => round[image]!);
  const near = (seen: number[], wanted: number[]) => {
    assertEquals(seen.length, wanted.length, `${seen}`);
    seen.forEach((value, i) => assert(Math.abs(value - wanted[i]!) < 1e-6, `${seen}`));
  };
  // 0.4 needs 0.3001; 0.65 needs 0.0501; the third is adversarial already, and so left out.
  near(tried(0), [0.1, 0.2, 0.4, 0.3, 0.35, 0.325]);
  near(tried(1).slice(0, 3), [0.1, 0.05, 0.075]);
  near(outcomes.map(({ norm }) => norm), [0.325, 0.075, 0]);
  // Each round: the clean image, the step, and where the last step led to if it found nothing.
  assertEquals(outcomes.map(({ forwards }) => forwards), [15, 7, 1]);
  assertEquals(outcomes.map(({ image }) => image), [0, 1, 2]);
  three.dispose();
});

Deno.test("what no epsilon fools is not found, after all that double and halve", async () => {
  const rounds: number[][] = [];
  const dark = plain(0.2);
  const never: Classifier = { ...bright, revision: {}, logits: (x) => bright.logits(x.mul(0.5)) };
  const options: SearchOptions = { first: 0.3, tolerance: 0.1, steps: 1 };
  const [outcome] = await searchEpsilon(brighten(rounds), never, dark, options);
  assertEquals(outcome!.found, false);
  const tried = rounds.map(([epsilon]) => Math.round(epsilon! * 100));
  assertEquals(tried, [30, 60, 100, 15]);
  dark.dispose();
});

Deno.test("so many rounds to their end take all the passes, whatever the default of steps", async () => {
  const rounds: number[][] = [];
  const dark = plain(0.2);
  const never: Classifier = { ...bright, revision: {}, logits: (x) => bright.logits(x.mul(0.5)) };
  const options: SearchOptions = { first: 0.3, tolerance: 0.01, rounds: 3, maxPasses: 600 };
  const [outcome] = await searchEpsilon(brighten(rounds), never, dark, options);
  // A round: the clean image, 198 steps, and where the last one led to.
  assertEquals([rounds.length, outcome!.forwards, outcome!.steps], [3, 600, 594]);
  await assertRejects(
    () => searchEpsilon(brighten([]), never, dark, { rounds: 0 }),
    RangeError,
    "rounds must be at least 1: current value is 0",
  );
  dark.dispose();
});

Deno.test("an attack that fails with more and succeeds with less is found with less", async () => {
  const dark = plain(0.2);
  // Class 1 is a grey between 0.3 and 0.35.
  const band: Classifier = {
    ...bright,
    revision: {},
    logits: (points) =>
      tf.tidy(() => {
        const away = points.mean([1, 2, 3]).sub(0.325).abs().reshape<Tensor2D>([-1, 1]);
        return tf.concat([away, tf.onesLike(away).mul(0.025)], 1) as Tensor2D;
      }),
  };
  const options: SearchOptions = { first: 0.5, tolerance: 0.001, steps: 1 };
  const [{ found, norm }] = await searchEpsilon(brighten([]), band, dark, options) as [Outcome];
  assert(found && norm >= 0.1 && norm <= 0.102, `${norm}`);
  dark.dispose();
});

Deno.test("no image gets more than maxPasses over all rounds, and rounds that fit are run", () => {
  for (const maxPasses of [2, 3, 4, 23, 24, 100, 101]) {
    const options = { steps: 10, maxPasses, first: 0.001, tolerance: 1e-9 };
    const outcomes = searchEpsilonSync(apgd(), mlp, images, options);
    for (const { forwards, backwards } of outcomes) {
      const spent = forwards + backwards;
      assert(spent <= maxPasses, `${spent} of ${maxPasses}`);
      assert(spent + 22 > maxPasses, `only ${spent} of ${maxPasses}`);
    }
  }
});

Deno.test("splitting the batch changes no bit of a search", async () => {
  const options: SearchOptions = { steps: 8, maxPasses: 150 };
  const whole = await searchEpsilon(apgd({ p: 2 }), mlp, images, options);
  const split = await searchEpsilon(apgd({ p: 2 }), mlp, images, { ...options, batchSize: 5 });
  assertEquals(split, whole);
  assertEquals(searchEpsilonSync(apgd({ p: 2 }), mlp, images, options), whole);
  const few = tf.tidy(() => images.gather(tf.tensor1d([7, 3], "int32")));
  const [seventh, third] = await searchEpsilon(apgd({ p: 2 }), mlp, few, {
    ...options,
    ids: [7, 3],
  });
  assertEquals([seventh, third], [whole[7], whole[3]]);
  few.dispose();
  assert(whole.every(({ found }) => found));
});

Deno.test("an image's number fixes its random starts, also after others are done", async () => {
  // The first image is misclassified, so done at once; the others fail a few times.
  const labels = searchEpsilonSync(pgd(), mlp, images, { steps: 1, maxPasses: 4 })
    .map(({ prediction }, i) => i === 0 ? (prediction + 1) % 10 : prediction);
  const options: SearchOptions = { steps: 2, maxPasses: 60, first: 1e-4, labels };
  const ids = labels.map((_, i) => i);
  const found = await searchEpsilon(pgd(), mlp, images, options);
  assertEquals(found[0]!.norm, 0);
  assertEquals(await searchEpsilon(pgd(), mlp, images, { ...options, ids }), found);
});

Deno.test("targets, aims and labels are each image's own in every round", async () => {
  const options: SearchOptions = { steps: 10, maxPasses: 300 };
  const free = await searchEpsilon(pgd(), mlp, images, options);
  const target = free.map(({ prediction }, i) => (prediction + 1 + i % 9) % 10);
  const reached = await searchEpsilon(pgd(), mlp, images, {
    ...options,
    target,
  });
  assertEquals(reached.map(({ adversarialClass }) => adversarialClass), target);
  const aimed = await searchEpsilon(pgd(), mlp, images, {
    ...options,
    aims: target,
  });
  aimed.forEach((one) => assert(one.found && one.adversarialClass !== one.prediction));
  // Half of the labels are right; the others are misclassified from the start.
  const labels = free.map(({ prediction }, i) => i % 2 ? prediction : (prediction + 1) % 10);
  const labelled = await searchEpsilon(pgd(), mlp, images, {
    ...options,
    labels,
  });
  labelled.forEach(({ norm }, i) => assertEquals(norm === 0, i % 2 === 0));
});

Deno.test("progress of a search rises step by step, also for one image", async () => {
  const image: Tensor4D = images.slice([0], [1]);
  const seen: number[] = [];
  const onProgress = ({ round, done }: SearchProgress) => round === 1 && seen.push(done);
  // In vain, so that it makes all steps; each is a pass forward and one backward of 100.
  await searchEpsilon(pgd(), mlp, image, { steps: 10, first: 0.001, maxPasses: 100, onProgress });
  image.dispose();
  const expected = Array.from({ length: 10 }, (_, i) => (i + 1) * 0.022);
  assertEquals(seen.map((done) => done.toFixed(9)), expected.map((done) => done.toFixed(9)));
});

Deno.test("an aborted search rejects with the signal's reason, and no tensor survives", async () => {
  const before = tf.memory().numTensors;
  const controller = new AbortController();
  const seen: number[] = [];
  const options: SearchOptions = {
    steps: 5,
    first: 0.001,
    signal: controller.signal,
    onProgress({ round, done }) {
      assert(done >= (seen.at(-1) ?? 0) && done <= 1);
      seen.push(done);
      if (round === 3) controller.abort("enough");
    },
  };
  const reason = await searchEpsilon(apgd(), mlp, images, options).catch((error) => error);
  assertEquals(reason, "enough");
  assert(seen.length > 3);
  await searchEpsilon(apgd(), mlp, images, { steps: 5, maxPasses: 60 });
  assertEquals(tf.memory().numTensors, before);
});

Deno.test("a search refuses settings out of range", async () => {
  const run = (options: SearchOptions) => () => searchEpsilon(apgd(), mlp, images, options);
  await assertRejects(run({ first: 0 }), RangeError, "first must be finite and greater than low");
  await assertRejects(run({ low: -1 }), RangeError, "low must be finite and >= 0");
  await assertRejects(run({ tolerance: 0 }), RangeError, "tolerance must be finite and > 0");
  for (const maxPasses of [1, NaN, 2.5]) {
    await assertRejects(run({ maxPasses }), RangeError, "maxPasses must be at least 2");
  }
  await assertRejects(run({ steps: 0 }), RangeError, "steps must be at least 1");
  await assertRejects(run({ labels: [1] }), RangeError, "label");
  const none = images.slice([0], [0]);
  await assertRejects(() => searchEpsilon(apgd(), mlp, none), RangeError, "there must be images");
  none.dispose();
});
