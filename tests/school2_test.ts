/**
 * The school's second attack and its resistances, beside a loop in plain numbers.
 *
 * @module
 */
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { type Architecture, CNN, MLP } from "$lib/architectures.ts";
import { type Outcome, runAttackSync } from "$lib/attacks/driver.ts";
import { type Resistance, resistances } from "$lib/attacks/resistance.ts";
import { school2 } from "$lib/attacks/school2.ts";
import { type Tensor2D, type Tensor4D, tf } from "$lib/backend.ts";
import { type Classifier, createNetwork } from "$lib/network.ts";
import { uniform } from "$lib/random.ts";

const pixels = 784;
const weights = uniform(pixels, 1, 0).map((value) => value - 0.5);

/** Class 0 has the margin `distance` + weights * (image - 0.5), class 1 has none. */
const plane = (distance: number): Classifier => ({
  name: "plane",
  classes: 2,
  revision: {},
  logits: (points: Tensor4D): Tensor2D =>
    tf.tidy(() => {
      const margin = points.sub(0.5).reshape<Tensor2D>([-1, pixels])
        .matMul<Tensor2D>(tf.tensor2d(weights, [pixels, 1])).add(distance);
      return tf.concat([margin, tf.zerosLike(margin)], 1) as Tensor2D;
    }),
});

const grey: Tensor4D = tf.fill([1, 28, 28, 1], 0.5);

/** The report's definition, word for word, in double precision. */
function inNumbers(distance: number, descent: "confidence" | "log", steps = 500) {
  const r = new Float64Array(pixels);
  const [mean, square] = [new Float64Array(pixels), new Float64Array(pixels)];
  const size = () => Math.hypot(...r);
  const confidence = () =>
    1 / (1 + Math.exp(-(distance + r.reduce((sum, value, i) => sum + value * weights[i]!, 0))));
  const seen = { norms: [] as number[], confidences: [] as number[], first: Infinity };
  for (let step = 1; step <= steps; step++) {
    const [c, length] = [confidence(), size()];
    const slope = descent === "log" ? 1 : c * (1 - c);
    r.forEach((value, i) => {
      const outward = length === 0 ? 0 : value / length;
      const gradient = c <= 0.2 ? outward : slope * weights[i]! + (c <= 0.9 ? outward : -outward);
      mean[i] = 0.9 * mean[i]! + 0.1 * gradient;
      square[i] = 0.999 * square[i]! + 0.001 * gradient ** 2;
      const root = Math.sqrt(square[i]! / (1 - 0.999 ** step)) + 1e-8;
      r[i] = value - 1e-3 * mean[i]! / (1 - 0.9 ** step) / root;
    });
    seen.norms.push(size());
    seen.confidences.push(confidence());
    if (seen.first === Infinity && confidence() <= 0.2) seen.first = step;
  }
  return seen;
}

for (const descent of ["confidence", "log"] as const) {
  // The first begins in the loss's middle part, the second in its upper one.
  for (const distance of [1, 4]) {
    Deno.test(`resistances() are the report's, from ${distance} (${descent})`, async () => {
      const [found] = await resistances(plane(distance), grey, { descent });
      const { norms, confidences, adversarial, resN, resMax, resMin } = found!;
      const wanted = inNumbers(distance, descent);
      assertEquals([norms.length, confidences.length, adversarial], [500, 500, true]);
      // Adam divides by roots of tiny means, so single steps differ by rounding.
      norms.forEach((norm, i) => assert(Math.abs(norm - wanted.norms[i]!) < 2e-3, `step ${i}`));
      confidences.forEach((c, i) =>
        assert(Math.abs(c - wanted.confidences[i]!) < 5e-3, `step ${i}: ${c}`)
      );
      assertEquals([resN, resMax], [norms[499], Math.max(...norms)]);
      assertEquals(resMin, wanted.first);
      assert(resMin > 1 && resMax > resN);
    });
  }
}

Deno.test("all three resistances are infinite where the last image is not adversarial", async () => {
  // A confidence that does not depend on the image: r stays 0.
  const constant: Classifier = {
    ...plane(1),
    revision: {},
    logits: (x) => plane(1).logits(x.mul(0)),
  };
  const [found] = await resistances(constant, grey, { steps: 20 });
  const { resN, resMax, resMin, adversarial, norms } = found!;
  assertEquals([resN, resMax, resMin, adversarial], [Infinity, Infinity, Infinity, false]);
  assertEquals(norms, new Float32Array(20));
  // Too few steps to get anywhere.
  const [short] = await resistances(plane(4), grey, { steps: 3 });
  assertEquals([short!.resN, short!.adversarial], [Infinity, false]);
  assert(short!.norms[2]! > 0);
});

/** An untrained network, but sure of itself: the second attack leaves alone what is in doubt. */
function sure(architecture: Architecture): Classifier {
  const network = createNetwork(architecture, { seed: 1 });
  const { name, classes, revision } = network;
  return { name, classes, revision, logits: (x) => tf.tidy(() => network.logits(x).mul(30)) };
}

const images = tf.tensor4d(uniform(20 * pixels, 3, 0), [20, 28, 28, 1]);

for (const architecture of [MLP, CNN]) {
  Deno.test(`splitting the batch changes no bit of a resistance (${architecture.name})`, async () => {
    const network = sure(architecture);
    const options = { steps: 60, descent: "log" } as const;
    const whole = await resistances(network, images, options);
    assertEquals(await resistances(network, images, { ...options, batchSize: 7 }), whole);
    assert(whole.some(({ adversarial }) => adversarial));
    for (const { adversarial, prediction, lastClass } of whole) {
      assertEquals(adversarial, lastClass !== prediction);
    }
  });
}

Deno.test("resistances() leaves no tensor, also when aborted, and tells how far it is", async () => {
  const network = sure(MLP);
  const before = tf.memory().numTensors;
  const seen: number[] = [];
  const onProgress = (done: number) => seen.push(done);
  await resistances(network, images, { steps: 2, batchSize: 10, onProgress });
  assertEquals(seen, [0.25, 0.5, 0.75, 1]);
  const controller = new AbortController();
  const reason: unknown = await resistances(network, images, {
    signal: controller.signal,
    onProgress: () => controller.abort("enough"),
  }).catch((error) => error);
  assertEquals(reason, "enough");
  assertEquals(tf.memory().numTensors, before);
  for (const options of [{ steps: 0 }, { batchSize: 1.5 }]) {
    const [name] = Object.keys(options);
    await assertRejects(
      (): Promise<Resistance[]> => resistances(network, images, options),
      RangeError,
      `${name} must be at least 1`,
    );
  }
});

Deno.test("school2() settles near the plane, in the box, and runs all its steps", () => {
  // Nearest point: margin 1 over the norm of the weights; there is room for it.
  const least = 1 / Math.hypot(...weights);
  for (const descent of ["confidence", "log"] as const) {
    const [found] = runAttackSync(school2({ descent }), plane(1), grey);
    assertEquals([found!.found, found!.steps, found!.backwards], [true, 500, 500]);
    assert(found!.norm >= least && found!.norm < 1.3 * least, `${found!.norm} and not ${least}`);
  }
  const white: Tensor4D = tf.onesLike(grey);
  // White leaves room downwards only: half of the pixels.
  const offset = weights.reduce((sum, weight) => sum + weight / 2, 0);
  const [found] = runAttackSync(school2({ descent: "log" }), plane(4 - offset), white);
  assert(found!.found && found!.perturbed.every((pixel) => pixel >= 0 && pixel <= 1));
  white.dispose();
});

Deno.test("school2() reaches a target", () => {
  const network = sure(MLP);
  const [{ prediction }] = runAttackSync(school2(), network, images, { steps: 1 }) as [Outcome];
  const target = (prediction + 5) % 10;
  const one = tf.tidy(() => images.slice([0], [1]));
  const [found] = runAttackSync(school2({ descent: "log" }), network, one, { target });
  assertEquals(found!.adversarialClass, target);
  one.dispose();
});

Deno.test("school2() refuses settings out of range", () => {
  for (const p of [0, 1, Infinity, NaN]) {
    assertThrows(() => school2({ p }), RangeError, "school2 needs p = 2");
  }
  const descent = "loss" as "log";
  assertThrows(() => school2({ descent }), RangeError, "descent must be confidence or log");
});
