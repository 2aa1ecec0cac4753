/**
 * The school's attack on a plane, where the smallest perturbation of every norm is known.
 *
 * @module
 */
import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { type Outcome, runAttackSync } from "$lib/attacks/driver.ts";
import { school } from "$lib/attacks/school.ts";
import { type Tensor2D, type Tensor4D, tf } from "$lib/backend.ts";
import type { Classifier } from "$lib/network.ts";

const pixels = 784;

/**
 * Two classes parted by a plane: margin = sum of signs[i] * (x[i] - 0.5) + distance.
 *
 * All weights are 1 or -1, so the direction of the signs, Adam's, is the shortest in every p.
 */
function plane(distance: number): Classifier {
  const signs = Float32Array.from({ length: pixels }, (_, i) => i % 3 === 0 ? -1 : 1);
  // Scaled, so that the confidence is not saturated far from the plane.
  const scale = 4 / distance;
  return {
    name: "plane",
    classes: 2,
    revision: {},
    logits: (images: Tensor4D): Tensor2D =>
      tf.tidy(() => {
        const weights = tf.tensor2d(signs, [pixels, 1]);
        const margin = images.sub(0.5).reshape<Tensor2D>([-1, pixels]).matMul(weights)
          .add(distance).mul(scale);
        return tf.concat([margin, tf.zerosLike(margin)], 1) as Tensor2D;
      }),
  };
}

/** Distance from the plane in norm p: |margin| over the dual norm of the weights. */
const minimal = (distance: number, p: number) =>
  distance / (p === Infinity ? pixels : Math.pow(pixels, 1 - 1 / p));

function attackGrey(p: number, norm: number): Outcome {
  const grey: Tensor4D = tf.fill([1, 28, 28, 1], 0.5);
  try {
    return runAttackSync(school({ p, norm, learningRate: 0.01 }), plane(8), grey)[0]!;
  } finally {
    grey.dispose();
  }
}

for (const p of [1, 1.5, 2, 3, 10, Infinity]) {
  Deno.test(`school() crosses a plane just above its distance and not below it, p = ${p}`, () => {
    const distance = minimal(8, p);
    const above = attackGrey(p, 1.01 * distance);
    assert(above.found);
    assertEquals([above.prediction, above.adversarialClass], [0, 1]);
    assertAlmostEquals(above.norm, 1.01 * distance, 0.02 * distance);
    assert(above.norm <= 1.01 * distance);
    const below = attackGrey(p, 0.99 * distance);
    assert(!below.found);
    assertEquals([below.adversarialClass, below.steps], [null, 500]);
  });
}

Deno.test("school() stays in the pixel box and below the norm", () => {
  const image: Tensor4D = tf.fill([1, 28, 28, 1], 0.01); // no room downwards
  const network = plane(16 + 784 * 0.49 / 3);
  const [outcome] = runAttackSync(school({ p: 2, norm: 3 }), network, image, { steps: 50 });
  assert(outcome!.perturbed.every((pixel) => pixel >= 0 && pixel <= 1));
  assert(outcome!.norm <= 3);
  assert(outcome!.perturbed.some((pixel) => pixel === 0), "no pixel reached the box's edge");
  image.dispose();
});

Deno.test("school() hands the norm that clipping cut off to pixels that can use it", () => {
  // White pixels can't get whiter, so half of the way must be made by the black ones.
  const image = tf.tensor4d(
    Float32Array.from({ length: pixels }, (_, i) => i % 3 === 0 ? 0 : i % 2),
    [1, 28, 28, 1],
  );
  const attack = school({ p: 2, norm: 3 });
  const [outcome] = runAttackSync(attack, plane(500), image, { steps: 100 });
  assertAlmostEquals(outcome!.norm, 3, 0.01);
  image.dispose();
});

Deno.test("school() keeps to numbers at the largest norm and step size it takes", () => {
  const grey: Tensor4D = tf.fill([1, 28, 28, 1], 0.5);
  for (const p of [1, 2, Infinity]) {
    const attack = school({ p, norm: 1e30, learningRate: 1e30 });
    const [outcome] = runAttackSync(attack, plane(500), grey, { steps: 3 });
    assert(outcome!.norm > 0 && outcome!.norm < Infinity, `norm ${outcome!.norm}`);
    assert(outcome!.perturbed.every((pixel) => pixel >= 0 && pixel <= 1));
  }
  grey.dispose();
});

Deno.test("school() refuses settings out of range", () => {
  for (const p of [0, 0.5, -1, NaN]) assertThrows(() => school({ p }), RangeError, "p must be");
  for (const norm of [-1, NaN, Infinity, 1e31]) {
    assertThrows(() => school({ norm }), RangeError, "norm");
  }
  for (const learningRate of [0, -1, NaN, Infinity, 1e31]) {
    assertThrows(() => school({ learningRate }), RangeError, "learningRate");
  }
});
