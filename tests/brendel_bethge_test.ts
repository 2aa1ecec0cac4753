/**
 * Brendel-Bethge: on a plane in the pixel box, and on a small network.
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { MLP } from "$lib/architectures.ts";
import { brendelBethge } from "$lib/attacks/brendel_bethge.ts";
import { type Outcome, runAttack, runAttackSync } from "$lib/attacks/driver.ts";
import { type Tensor2D, type Tensor4D, tf } from "$lib/backend.ts";
import { type Classifier, createNetwork } from "$lib/network.ts";
import { distance } from "$lib/norms.ts";
import { uniform } from "$lib/random.ts";
import { digit, pixels, plane, smallest } from "./plane.ts";

const mlp = createNetwork(MLP, { seed: 1 });
const images = tf.tensor4d(uniform(18 * pixels, 3, 0), [18, 28, 28, 1]);
const norms = [0, 1, 2, Infinity];

/** Attacks the digit, `far` from the plane, from a point or from the clean image. */
function fromPoint(p: number, far: number, point: Float32Array, steps: number): Outcome {
  const [image, beginnings] = [digit, point].map((pixels) => tf.tensor4d(pixels, [1, 28, 28, 1]));
  try {
    return runAttackSync(brendelBethge({ p }), plane(digit, far), image!, {
      steps,
      beginnings: beginnings!,
    })[0]!;
  } finally {
    tf.dispose([image!, beginnings!]);
  }
}

/** Random noise on the far side of any of the planes, and far from the digit. */
const noise = uniform(pixels, 7, 0);
const beyond = noise.map((value, i) => {
  const weight = 2 * uniform(pixels, 1, 0)[i]! - 1;
  return weight > 0 ? 0.4 * value : 1 - 0.4 * value;
});

for (const p of norms) {
  for (const [where, point] of [["the clean image", digit], ["a point beyond", beyond]] as const) {
    Deno.test(`from ${where} it finds the smallest norm of a plane at p = ${p}`, () => {
      for (const far of [0.5, 20]) {
        const least = smallest(digit, far + 1e-4, p);
        const { found, norm, perturbed } = fromPoint(p, far, point, 120);
        assert(found, `distance ${far}: not found`);
        assert(norm >= least * (1 - 1e-4), `distance ${far}: ${norm} is impossible: ${least}`);
        // The share is that of the margin kept against rounding, at the nearest plane.
        assert(norm <= least * 1.002, `distance ${far}: ${norm} and not ${least}`);
        assert(perturbed.every((pixel) => pixel >= 0 && pixel <= 1));
      }
    });
  }

  Deno.test(`splitting the batch changes no bit of a result (p = ${p})`, async () => {
    const attack = brendelBethge({ p });
    const whole = await runAttack(attack, mlp, images, { steps: 20 });
    assertEquals(await runAttack(attack, mlp, images, { steps: 20, batchSize: 10 }), whole);
    assert(whole.filter(({ found }) => found).length > 9);
  });

  Deno.test(`a target is reached, and aimed at (p = ${p})`, () => {
    const [{ prediction }] = runAttackSync(brendelBethge({ p }), mlp, images, { steps: 1 }) as [
      Outcome,
    ];
    const target = (prediction + 5) % 10;
    const one = tf.tidy(() => images.slice([0], [1]));
    const run = (options: { target: number } | { aims: number[] }) =>
      runAttackSync(brendelBethge({ p }), mlp, one, { steps: 40, ...options })[0]!;
    const [reached, aimed] = [run({ target }), run({ aims: [target] })];
    assertEquals([reached.found, reached.adversarialClass], [true, target]);
    assert(aimed.found && aimed.norm <= 1.001 * reached.norm, `${aimed.norm}, ${reached.norm}`);
    one.dispose();
  });
}

Deno.test("first it halves the way to the point given", () => {
  const { norm, steps } = fromPoint(2, 5, beyond, 10);
  // Where the straight way to the point crosses the plane.
  const whole = distance(beyond, digit, 2);
  const margin = (part: number) =>
    tf.tidy(() => {
      const between = digit.map((pixel, i) => pixel + part * (beyond[i]! - pixel));
      const logits = plane(digit, 5).logits(tf.tensor4d(between, [1, 28, 28, 1])).dataSync();
      return logits[0]! - logits[1]!;
    });
  const crossing = margin(0) / (margin(0) - margin(1));
  assertEquals(steps, 10);
  assert(norm >= crossing * whole && norm <= (crossing + 2 ** -8) * whole, `${norm}`);
});

Deno.test("at p = 1 no pixel moves farther than the cube reaches, which shrinks 128 times", () => {
  tf.tidy(() => {
    const attack = brendelBethge({ p: 1 });
    const clean: Tensor4D = tf.tensor4d(digit, [1, 28, 28, 1]);
    const zero = tf.tensor1d([0], "int32");
    const problem = { images: clean, references: zero, targets: zero, mode: "leave" } as const;
    const first = attack.start(problem, {
      point: tf.tensor4d(beyond, [1, 28, 28, 1]),
      epsilon: undefined,
      steps: 100,
      uniform: () => clean,
    });
    // A network so flat that the plane is out of reach.
    const oracle = {
      logits: () => tf.tensor2d([[1, 0]]),
      gradient: (points: Tensor4D) => ({
        logits: tf.tensor2d([[1, 0]]),
        gradient: tf.onesLike(points).mul<Tensor4D>(1e-6),
      }),
    };
    const next = attack.step({ ...first, done: first.steps }, problem, oracle);
    const move = next.point.sub(first.point).abs().max().dataSync()[0]!;
    assert(move > 0.99 / 128 && move < 1.01 / 128, `${move}`);
  });
});

Deno.test("a gradient that is zero everywhere is an honest failure", () => {
  const constant: Classifier = {
    name: "constant",
    classes: 2,
    revision: {},
    logits: (points: Tensor4D): Tensor2D =>
      tf.tidy(() => {
        const zero = points.mean([1, 2, 3]).mul(0).reshape<Tensor2D>([-1, 1]);
        return tf.concat([zero.add(1), zero], 1) as Tensor2D;
      }),
  };
  for (const p of norms) {
    const outcomes = runAttackSync(brendelBethge({ p }), constant, images, { steps: 5 });
    for (const { found, perturbed } of outcomes) {
      assertEquals(found, false);
      assert(perturbed.every((pixel) => pixel >= 0 && pixel <= 1));
    }
  }
});

Deno.test("it refuses norms that it cannot measure by", () => {
  for (const p of [-1, 0.5, 3, NaN]) {
    assertThrows(() => brendelBethge({ p }), RangeError, "needs p = 0, 1, 2 or inf");
  }
});
