/**
 * The driver: judgement, seeds, batches, interruption and memory.
 *
 * @module
 */
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { CNN, MLP } from "$lib/architectures.ts";
import type { Attack } from "$lib/attacks/attack.ts";
import {
  type Outcome,
  type Progress,
  runAttack,
  runAttackSync,
  type RunOptions,
} from "$lib/attacks/driver.ts";
import { marginOf } from "$lib/attacks/judge.ts";
import { pictures } from "$lib/attacks/pictures.ts";
import { school } from "$lib/attacks/school.ts";
import { backend, type Tensor2D, type Tensor4D, tf } from "$lib/backend.ts";
import { type Classifier, createNetwork } from "$lib/network.ts";
import { argMax } from "$lib/numbers.ts";
import { uniform } from "$lib/random.ts";

// Untrained networks decide by small margins, so that small norms succeed on some images and not on
// others.
const mlp = createNetwork(MLP, { seed: 1 });
const cnn = createNetwork(CNN, { seed: 1 });
const images = tf.tensor4d(uniform(12 * 784, 3, 0), [12, 28, 28, 1]);
const small = school({ p: 2, norm: 0.7, learningRate: 0.003 });

/** Runs a check that leaves no tensor behind. */
async function withoutLeaks(check: () => unknown): Promise<void> {
  const before = tf.memory().numTensors;
  await check();
  assertEquals(tf.memory().numTensors, before, "tensors leak");
}

const brief = ({ image, found, norm, steps, adversarialClass }: Outcome) => ({
  image,
  found,
  norm,
  steps,
  adversarialClass,
});

Deno.test("what the driver reports as found is adversarial when judged alone", async () => {
  const outcomes = await runAttack(small, mlp, images, { steps: 40 });
  const found = outcomes.filter((outcome) => outcome.found);
  assert(found.length > 0 && found.length < 12, `found ${found.length} of 12: no test`);
  for (const { perturbed, prediction, adversarialClass, confidences } of found) {
    const logits = tf.tidy(() => mlp.logits(tf.tensor4d(perturbed, [1, 28, 28, 1])).dataSync());
    assert(marginOf(logits, prediction) <= -1e-4);
    assertEquals(argMax(logits), adversarialClass);
    assertEquals(argMax(confidences.perturbed), adversarialClass);
  }
});

/** Class 1 in a batch for all that is not plain grey; alone, the margin of class 0 is `alone`. */
function liar(alone: number): Classifier {
  const logits = (points: Tensor4D): Tensor2D =>
    tf.tidy(() => {
      const change = points.sub(0.5).abs().mean([1, 2, 3]);
      const together = tf.sub(0.001, change).reshape<Tensor2D>([-1, 1]);
      const margin = points.shape[0] === 1 ? tf.onesLike(together).mul<Tensor2D>(alone) : together;
      return tf.concat([margin, tf.zerosLike(margin)], 1) as Tensor2D;
    });
  return { name: "liar", classes: 2, revision: {}, logits };
}

for (const [alone, found] of [[1, false], [-5e-5, false], [-2e-4, true]] as const) {
  Deno.test(`what only a batch calls adversarial is ${found} if its margin alone is ${alone}`, () => {
    const grey: Tensor4D = tf.fill([1, 28, 28, 1], 0.5);
    const [outcome] = runAttackSync(small, liar(alone), grey, { steps: 2 });
    assertEquals(outcome!.found, found);
    grey.dispose();
  });
}

Deno.test("what is not found is no adversarial class and no clean image", async () => {
  const attack = school({ p: 2, norm: 0.01 });
  for (const outcome of await runAttack(attack, mlp, images, { steps: 3 })) {
    assertEquals([outcome.found, outcome.adversarialClass, outcome.steps], [false, null, 3]);
    assert(outcome.perturbed.some((pixel, i) => pixel !== outcome.clean[i]));
    assert(outcome.norm > 0.009 && outcome.norm <= 0.01);
    // A gradient each step, and the clean image and the last point besides.
    assertEquals([outcome.forwards, outcome.backwards], [5, 3]);
  }
});

for (const network of [mlp, cnn]) {
  Deno.test(`splitting the batch changes no bit of a result (${network.name})`, async () => {
    const all = await runAttack(small, network, images, { steps: 15 });
    const split = await runAttack(small, network, images, { steps: 15, batchSize: 5 });
    assertEquals(split, all);
    const alone = tf.tidy(() => images.slice([7], [1]));
    const [seventh] = await runAttack(small, network, alone, { steps: 15, ids: [7] });
    assertEquals(seventh, all[7]);
    alone.dispose();
  });
}

Deno.test("the seed fixes the result, another seed starts elsewhere", () => {
  const run = (seed: number) => runAttackSync(small, mlp, images, { steps: 1, seed });
  assertEquals(run(5), run(5));
  assert(run(5).some(({ perturbed }, i) => perturbed[0] !== run(6)[i]!.perturbed[0]));
});

Deno.test("an image's number fixes its start, its place in the batch does not", () => {
  const same = tf.tidy(() => images.slice([0], [1]).tile<Tensor4D>([2, 1, 1, 1]));
  const run = (ids: number[]) =>
    runAttackSync(small, mlp, same, { steps: 1, ids }).map(({ perturbed }) => perturbed);
  const [first, second] = run([3, 4]);
  assert(first!.some((pixel, i) => pixel !== second![i]), "two numbers share a start");
  assertEquals(run([4, 3]), [second!, first!]);
  same.dispose();
});

Deno.test("runAttackSync() and runAttack() agree", async () => {
  const options = { steps: 10 };
  assertEquals(
    runAttackSync(small, mlp, images, options),
    await runAttack(small, mlp, images, options),
  );
});

Deno.test("a target is reached, not merely another class", async () => {
  const attack = school({ p: 2, norm: 4, learningRate: 0.01 });
  const [{ prediction }] = runAttackSync(attack, mlp, images, { steps: 1 }) as [Outcome];
  const target = (prediction + 5) % 10;
  const one = tf.tidy(() => images.slice([0], [1]));
  const [outcome] = await runAttack(attack, mlp, one, { target });
  assertEquals([outcome!.found, outcome!.adversarialClass], [true, target]);
  await withoutLeaks(() =>
    assertRejects(
      () => runAttack(attack, mlp, one, { target: prediction }),
      RangeError,
      "another class than that of image 0",
    )
  );
  one.dispose();
});

Deno.test("an image that its label calls misclassified is found with norm 0", () => {
  const [plain] = runAttackSync(small, mlp, images, { steps: 1 }) as [Outcome];
  const labels = new Array(12).fill((plain.prediction + 1) % 10);
  const [outcome] = runAttackSync(small, mlp, images, { labels, steps: 1 }) as [Outcome];
  assertEquals(brief(outcome), {
    image: 0,
    found: true,
    norm: 0,
    steps: 0,
    adversarialClass: plain.prediction,
  });
  assertEquals(outcome.perturbed, outcome.clean);
});

Deno.test("a network that answers NaN is never found adversarial", () => {
  const broken: Classifier = {
    name: "broken",
    classes: 10,
    revision: {},
    logits: (points: Tensor4D): Tensor2D => tf.tidy(() => mlp.logits(points).mul(NaN)),
  };
  const outcomes = runAttackSync(small, broken, images, { steps: 2 });
  assert(outcomes.every(({ found }) => !found));
});

/** Class 1 is a mean above a half or, judged alone, above another bound. */
function brightness(boundAlone = 0.5): Classifier {
  return {
    name: "brightness",
    classes: 2,
    revision: {},
    logits: (points: Tensor4D): Tensor2D =>
      tf.tidy(() => {
        const mean = points.mean([1, 2, 3]).reshape<Tensor2D>([-1, 1]);
        const bound = tf.onesLike(mean).mul(points.shape[0] === 1 ? boundAlone : 0.5);
        return tf.concat([bound, mean], 1) as Tensor2D;
      }),
  };
}

/** Paints everything in one of three greys after the other. */
const painter = (
  greys: [number, number, number],
): Attack<{ point: Tensor4D; greys: Tensor2D }> => ({
  name: "painter",
  graph: "painter",
  p: Infinity,
  stopsWhenFound: false,
  start: ({ images }) => ({
    point: images,
    greys: tf.tensor2d([greys]).tile([images.shape[0], 1]),
  }),
  step({ greys }, { images }, oracle) {
    const grey = greys.slice([0, 0], [-1, 1]).reshape<Tensor4D>([-1, 1, 1, 1]);
    const point: Tensor4D = tf.onesLike(images).mul(grey);
    oracle.logits(point);
    const next = tf.concat([greys.slice([0, 1]), greys.slice([0, 0], [-1, 1])], 1) as Tensor2D;
    return { point, greys: next };
  },
});

/** Plain grey images. */
const plain = (...greys: number[]): Tensor4D =>
  tf.tidy(() => tf.tensor4d(greys, [greys.length, 1, 1, 1]).tile([1, 28, 28, 1]));

Deno.test("the smallest adversarial point ever evaluated counts, not the last one", () => {
  const dark = plain(0.25, 0.25);
  for (const outcome of runAttackSync(painter([0.9, 0.6, 0.8]), brightness(), dark, { steps: 3 })) {
    assertEquals(brief(outcome).steps, 3);
    assert(outcome.found);
    assert(Math.abs(outcome.norm - 0.35) < 1e-6, `norm ${outcome.norm}`);
    assertEquals(outcome.perturbed[0], Math.fround(0.6));
    assertEquals([outcome.forwards, outcome.backwards], [5, 0]);
  }
  dark.dispose();
});

Deno.test("where the best point does not stand alone, one a little further out is reported", () => {
  const dark = plain(0.25);
  const run = (network: Classifier) =>
    runAttackSync(painter([0.9, 0.8, 0.6]), network, dark, { steps: 3 })[0]!;
  assertEquals(run(brightness()).perturbed[0], Math.fround(0.6));
  // 0.35 times 1.3, and never twice as far.
  assert(Math.abs(run(brightness(0.7)).perturbed[0]! - 0.705) < 1e-6);
  assertEquals(run(brightness(0.96)).found, false);
  dark.dispose();
});

Deno.test("progress tells the median of the best norms, of batches before as well", () => {
  const dark = plain(0.25, 0.15, 0.05, 0.45);
  const medians: number[] = [];
  const onStep = ({ median }: Progress) => medians.push(median());
  const options = { steps: 3, batchSize: 2, onStep };
  runAttackSync(painter([0.4, 0.8, 0.6]), brightness(), dark, options);
  // The third image: 0.75, then 0.55; the fourth: 0.35, then 0.15.
  const expected = [Infinity, 0.6, 0.4, Infinity, 0.4, 0.4];
  assertEquals(medians.map((median) => Math.round(median * 1e5) / 1e5), expected);
  dark.dispose();
});

Deno.test("no image gets more passes than maxPasses, and none that would fit is left", async () => {
  const attack = school({ norm: 0.01 });
  for (const maxPasses of [2, 3, 4, 5, 10, 11]) {
    const outcomes = await runAttack(attack, mlp, images, { maxPasses });
    for (const { steps, forwards, backwards } of outcomes) {
      assert(forwards + backwards <= maxPasses && forwards + backwards > maxPasses - 2);
      assertEquals(steps, Math.floor(maxPasses / 2) - 1);
    }
  }
  const outcomes = await runAttack(attack, mlp, images, { steps: 1 });
  assertEquals([outcomes[0]!.steps, outcomes[0]!.forwards], [1, 3]);
});

Deno.test("attacks hear how many steps there will be", () => {
  const seen: number[] = [];
  const paint = painter([0.1, 0.2, 0.3]);
  const attack: Attack<{ point: Tensor4D; greys: Tensor2D }> = {
    ...paint,
    start(problem, beginning) {
      seen.push(beginning.steps);
      return paint.start(problem, beginning);
    },
  };
  const dark = plain(0.25);
  runAttackSync(attack, brightness(), dark, { steps: 9, maxPasses: 6 });
  assertEquals(seen.at(-1), 4);
  dark.dispose();
});

Deno.test("finished images leave the batch, and that changes no bit of a result", async () => {
  const many = tf.tensor4d(uniform(40 * 784, 3, 1), [40, 28, 28, 1]);
  const sizes = new Set<number>();
  const watched: Classifier = {
    name: "watched",
    classes: 10,
    revision: {},
    logits: (points: Tensor4D) => {
      sizes.add(points.shape[0]);
      return mlp.logits(points);
    },
  };
  const all = await runAttack(small, watched, many, { steps: 60 });
  assertEquals([...sizes].sort((a, b) => b - a), [48, 32, 16, 1]);
  const split = await runAttack(small, mlp, many, { steps: 60, batchSize: 7 });
  assertEquals(split, all);
  assert(all.some(({ found }) => !found));
  many.dispose();
});

Deno.test("progress tells norm and confidences of every step", async () => {
  const seen: number[] = [];
  const one = tf.tidy(() => images.slice([0], [1]));
  const options: RunOptions = {
    steps: 4,
    onStep: ({ step, images: [image] }) => {
      seen.push(step);
      assert(image!.norm > 0.009 && image!.norm <= 0.01);
      assert(Math.abs(image!.confidences.reduce((a, b) => a + b) - 1) < 1e-9);
    },
  };
  await runAttack(school({ p: 2, norm: 0.01 }), mlp, one, options);
  assertEquals(seen, [1, 2, 3, 4]);
  one.dispose();
});

Deno.test("pictures() gives the digit, the perturbation and their sum", () => {
  const [outcome] = runAttackSync(small, mlp, images, { steps: 3 }) as [Outcome];
  const { image, perturbation, adversarial } = pictures(mlp, outcome);
  assertEquals(perturbation.confidences.length, 10);
  image.pixels.forEach((pixel, i) => {
    assert(Math.abs(pixel + perturbation.pixels[i]! - adversarial.pixels[i]!) < 1e-6);
  });
});

Deno.test("no tensor survives a run", () =>
  withoutLeaks(() => runAttack(small, mlp, images, { steps: 5, batchSize: 5 })));

Deno.test("an aborted run rejects with the signal's reason and leaves no tensor", () =>
  withoutLeaks(async () => {
    const controller = new AbortController();
    const onStep = ({ step }: { step: number }) => step === 2 && controller.abort("enough");
    const reason = await runAttack(school({ norm: 0.01 }), mlp, images, {
      signal: controller.signal,
      onStep,
    }).catch((error) => error);
    assertEquals(reason, "enough");
  }));

Deno.test("a network that throws leaves no tensor", () =>
  withoutLeaks(() => {
    const broken: Classifier = {
      name: "broken",
      classes: 10,
      revision: {},
      logits: (points: Tensor4D): Tensor2D => {
        if (points.shape[0] === 1) throw new Error("not alone");
        return mlp.logits(points);
      },
    };
    assertThrows(() => runAttackSync(school({ norm: 5 }), broken, images), Error, "not alone");
  }));

Deno.test("a run gives timers their turn", async () => {
  let turns = 0;
  const timer = setInterval(() => turns++, 1);
  await runAttack(school({ norm: 0.01 }), cnn, images, { steps: 60 });
  clearInterval(timer);
  assert(turns > 0);
});

Deno.test("bad input is refused", () => {
  const run = (input: Tensor4D, options: RunOptions = {}) => () =>
    runAttackSync(small, mlp, input, options);
  tf.tidy(() => {
    assertThrows(run(images.add(0.5)), RangeError, "pixels must be in [0, 1]");
    assertThrows(run(images.mul(NaN)), RangeError, "pixels must be in [0, 1]");
    assertThrows(run(tf.zeros([0, 28, 28, 1])), RangeError, "there must be images");
    assertThrows(run(tf.zeros([28, 28, 1]) as unknown as Tensor4D), RangeError, "rank 4");
  });
  assertThrows(run(images, { steps: 0 }), RangeError, "steps");
  for (const maxPasses of [1, 2.5, NaN]) {
    assertThrows(run(images, { maxPasses }), RangeError, "maxPasses must be at least 2");
  }
  assertThrows(run(images, { batchSize: 1.5 }), RangeError, "batchSize");
  for (const seed of [2 ** 31, -(2 ** 31) - 1, 0.5, NaN]) {
    assertThrows(run(images, { seed }), RangeError, `an int32: current value is ${seed}`);
  }
  assertThrows(run(images, { target: 10 }), RangeError, "target must be a class from 0 to 9");
  assertThrows(run(images, { ids: [1] }), RangeError, "ids");
  assertThrows(run(images, { labels: [1] }), RangeError, "label");
});

Deno.test("attacks that differ only in norm and step size share their graphs", async () => {
  let traces = 0;
  const counting: Classifier = {
    name: "counting",
    classes: 10,
    revision: {},
    logits: (points) => {
      traces++;
      return mlp.logits(points);
    },
  };
  const options = { steps: 2 };
  const [first] = await runAttack(school({ norm: 0.1 }), counting, images, options);
  const before = traces;
  const [second] = await runAttack(
    school({ norm: 0.3, learningRate: 0.1 }),
    counting,
    images,
    options,
  );
  assertEquals(first!.norm < 0.101 && second!.norm > 0.2, true);
  // What is judged runs each time; the step itself does not.
  if (backend.native) assertEquals(traces - before < before, true, `${traces} traces`);
});
