/**
 * Attacks within a fixed budget: in front of a plane, in the ball and the box.
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { MLP } from "$lib/architectures.ts";
import { apgd } from "$lib/attacks/apgd.ts";
import { inBallAndBox } from "$lib/attacks/apgd1.ts";
import type { Attack, Mode } from "$lib/attacks/attack.ts";
import { type Outcome, runAttack, runAttackSync } from "$lib/attacks/driver.ts";
import { fgsm } from "$lib/attacks/fgsm.ts";
import { dlr, type FixedLoss, type Goals } from "$lib/attacks/losses.ts";
import { pgd } from "$lib/attacks/pgd.ts";
import { school } from "$lib/attacks/school.ts";
import { type Tensor2D, type Tensor4D, tf } from "$lib/backend.ts";
import { createNetwork } from "$lib/network.ts";
import { distance } from "$lib/norms.ts";
import { uniform } from "$lib/random.ts";
import { attackPlane, digit, pixels, plane, smallest } from "./plane.ts";

const mlp = createNetwork(MLP, { seed: 1 });
const images = tf.tensor4d(uniform(18 * pixels, 3, 0), [18, 28, 28, 1]);

/** Attacks by name, within an epsilon. */
const makers: Record<string, (epsilon: number) => Attack> = {
  "fgsm()": (epsilon) => fgsm({ epsilon }),
  "pgd(), inf": (epsilon) => pgd({ epsilon }),
  "pgd(), 2": (epsilon) => pgd({ p: 2, epsilon }),
  "apgd(), inf": (epsilon) => apgd({ epsilon }),
  "apgd(), 2": (epsilon) => apgd({ p: 2, epsilon }),
  "apgd(), 1": (epsilon) => apgd({ p: 1, epsilon }),
};

// How far above the smallest norm each must succeed.
const within: Record<string, number> = { "apgd(), 1": 1.002, "apgd(), 2": 1.002, "pgd(), 2": 1.02 };

for (const [name, make] of Object.entries(makers)) {
  Deno.test(`${name} crosses a plane a little above its distance, and not below it`, () => {
    for (const beyond of [0.5, 20]) {
      const least = smallest(digit, beyond + 1e-4, make(1).p);
      const above = least * (within[name] ?? 1.001);
      const { found, norm, perturbed } = attackPlane(make(above), beyond, 100);
      assert(found, `distance ${beyond}: not found within ${above}, where ${least} suffices`);
      assert(norm <= above, `distance ${beyond}: ${norm} and not ${above}`);
      assert(perturbed.every((pixel) => pixel >= 0 && pixel <= 1));
      assertEquals(attackPlane(make(least * 0.999), beyond, 30).found, false);
    }
  });

  Deno.test(`splitting the batch changes no bit of a result: ${name}`, async () => {
    const attack = make(name.endsWith("1") ? 1 : name.endsWith("2") ? 0.2 : 0.005);
    const options = { steps: 12 };
    const whole = await runAttack(attack, mlp, images, options);
    assertEquals(await runAttack(attack, mlp, images, { ...options, batchSize: 4 }), whole);
    assert(whole.some(({ steps }) => steps > 1));
  });

  Deno.test(`each image's own epsilon counts, not the attack's: ${name}`, () => {
    const { p } = make(1);
    const epsilons = Array.from({ length: 18 }, (_, i) => i % 3 === 0 ? 0 : 0.01 * i);
    const options = { steps: 3, epsilons };
    for (const { image, norm, found } of runAttackSync(make(50), mlp, images, options)) {
      assert(norm <= epsilons[image]!, `image ${image}: ${norm} beyond ${epsilons[image]}`);
      if (!found) assert(norm >= 0.9 * epsilons[image]! || p === 1, `image ${image}: only ${norm}`);
    }
  });
}

Deno.test("attacks within a budget stay in ball and box, whatever they are given", () => {
  const names = fc.constantFrom(...Object.keys(makers));
  const pixel = fc.constantFrom(0, 1, 0.5, 1e-9, 0.3);
  const image = fc.array(pixel, { minLength: 16, maxLength: 16 });
  const options = { numRuns: 60, seed: 5 };
  fc.assert(
    fc.property(names, image, fc.double({ min: 0, max: 40, noNaN: true }), (name, few, epsilon) => {
      const attack = makers[name]!(epsilon);
      const input = tf.tensor4d(Float32Array.from({ length: pixels }, (_, i) => few[i % 16]!), [
        ...[1, 28, 28, 1] as const,
      ]);
      const seen: Outcome[] = runAttackSync(attack, mlp, input, { steps: 3 });
      input.dispose();
      for (const { clean, perturbed, norm } of seen) {
        assert(perturbed.every((value) => value >= 0 && value <= 1));
        assert(norm <= epsilon && distance(clean, perturbed, attack.p) <= epsilon);
      }
    }),
    options,
  );
});

Deno.test("inBallAndBox() is the nearest point of the L1 ball that the box holds", () => {
  tf.tidy(() => {
    const image = tf.tensor4d([0.9, 0.5, 0.5, 0.5, 0], [1, 1, 5, 1]);
    const to = tf.tensor4d([1.7, 0.9, 0.2, 0.5, -3], [1, 1, 5, 1]);
    const inside = (epsilon: number) =>
      inBallAndBox(to, image, tf.tensor4d([epsilon], [1, 1, 1, 1])).sub(image).dataSync();
    const near = (seen: ArrayLike<number>, wanted: number[]) =>
      wanted.forEach((value, i) => assert(Math.abs(seen[i]! - value) < 1e-6, `${[...wanted]}`));
    // Shrunk by 0.2: 0.6, 0.2, 0.1, and cut off where there is no room.
    near(inside(0.4), [0.1, 0.2, -0.1, 0, 0]);
    near(inside(0.05), [0.05, 0, 0, 0, 0]);
    near(inside(2), [0.1, 0.4, -0.3, 0, 0]);
    near(inside(0), [0, 0, 0, 0, 0]);
  });
});

Deno.test("an attack begins at the adversarial point known, drawn into the ball", () => {
  const clean = tf.tensor4d(digit, [1, 28, 28, 1]);
  const known: Tensor4D = tf.tidy(() => tf.clipByValue(clean.add(0.4), 0, 1));
  const { attack, points } = watched(apgd({ epsilon: 0.1 }));
  runAttackSync(attack, plane(digit, 20), clean, { steps: 1, beginnings: known });
  const towards = known.sub(clean).minimum(0.1).add(clean).dataSync();
  points[0]!.forEach((pixel, i) => assert(Math.abs(pixel - towards[i]!) < 1e-6));
  tf.dispose([clean, known]);
});

/** An attack, and the points that it begins at. */
function watched(attack: Attack): { attack: Attack; points: ArrayLike<number>[] & number[][] } {
  const points: number[][] = [];
  return {
    points,
    attack: {
      ...attack,
      start(problem, beginning) {
        const state = attack.start(problem, beginning);
        if (problem.images.shape[0] > 1) points.push([...state.point.slice([0], [1]).dataSync()]);
        return state;
      },
    },
  };
}

Deno.test("APGD halves its steps where it wavers, and goes back to the best point", () => {
  // Each step crosses the valley, so the loss never falls after the first.
  const lengths: number[] = [];
  const attack = apgd({ p: Infinity, epsilon: 0.001 });
  const state = attack.start(problemOf(images), {
    point: images,
    epsilon: undefined,
    uniform: () => tf.zerosLike(images),
    steps: 50,
  });
  let next = state;
  for (let i = 0; i < 25; i++) {
    next = attack.step(next, problemOf(images), {
      logits: () => assert(false) as never,
      // A gradient without a loss that follows it: no step lowers the loss.
      gradient: (points) => ({
        logits: tf.tensor2d(new Array(18).fill([1, 0]).flat(), [18, 2]),
        gradient: tf.onesLike(points),
      }),
    });
    lengths.push(next["length"]!.dataSync()[0]!);
  }
  // Checkpoints at 11, 11 + 10, ...: a checkpoint is seen one evaluation later.
  assertEquals(lengths.slice(0, 11).every((length) => length === 2), true);
  assertEquals(lengths[11], 1);
  assertEquals(lengths.slice(11, 21).every((length) => length === 1), true);
  assertEquals(lengths[21], 0.5);
  // Back at the best point, the first one, and one step on: clipped to the ball, not wandering.
  const moved = next.point.sub(images).abs().max().dataSync()[0]!;
  assert(moved <= 0.001);
});

const problemOf = (images: Tensor4D) => ({
  images,
  references: tf.zeros([images.shape[0]], "int32") as never,
  targets: tf.zeros([images.shape[0]], "int32") as never,
  mode: "leave" as const,
});

for (const loss of ["ce", "dlr"] as FixedLoss[]) {
  Deno.test(`a target is reached, and one aimed at need not be (${loss})`, () => {
    const [{ prediction }] = runAttackSync(fgsm(), mlp, images, { steps: 1 }) as [Outcome];
    const target = (prediction + 5) % 10;
    const one = tf.tidy(() => images.slice([0], [1]));
    for (const attack of [apgd({ p: 2, epsilon: 5, loss }), pgd({ p: 2, epsilon: 5, loss })]) {
      const [reached] = runAttackSync(attack, mlp, one, { steps: 60, target });
      assertEquals([reached!.found, reached!.adversarialClass], [true, target]);
      const [aimed] = runAttackSync(attack, mlp, one, { steps: 60, aims: [target] });
      assert(aimed!.found && aimed!.adversarialClass !== prediction);
    }
    one.dispose();
  });
}

Deno.test("dlr() is the margin over the spread of the largest logits", () => {
  tf.tidy(() => {
    const logits = tf.tensor2d([[9, 1, 5, 3, 2], [2, 8, 7, 4, 0]]);
    const goals = (mode: Mode): Goals => ({
      references: tf.tensor1d([0, 0], "int32"),
      targets: tf.tensor1d([2, 3], "int32"),
      mode,
    });
    const values = (mode: Mode) => [...dlr(logits, goals(mode)).dataSync()];
    // Largest: 9 5 3 2 and 8 7 4 2.
    const near = (seen: number[], wanted: number[]) =>
      seen.forEach((value, i) => assert(Math.abs(value - wanted[i]!) < 1e-6, `${value}`));
    near(values("leave"), [4 / 6, -6 / 4]);
    near(values("aim"), [4 / 6.5, -2 / 5]);
    near(values("reach"), [4 / 6.5, 4 / 5]);
    const slope = tf.grad((x) => dlr(x as Tensor2D, goals("leave")))(logits) as Tensor2D;
    // d/dz of (z0 - z2) / (z0 - z3): 1/6 - 4/36, 0, -1/6, 4/36, 0.
    near([...slope.slice([0], [1]).dataSync()], [2 / 36, 0, -1 / 6, 4 / 36, 0]);
    const few = tf.tensor2d([[1, 2, 3]]);
    assertThrows(() => dlr(few, goals("leave")), RangeError, "needs 4 classes");
  });
});

Deno.test("the school's attack takes each image's own norm", () => {
  const epsilons = Array.from({ length: 18 }, (_, i) => 0.01 * i);
  const options = { steps: 2, epsilons };
  for (const descent of ["confidence", "log"] as const) {
    const attack = school({ norm: 50, descent });
    for (const { image, norm } of runAttackSync(attack, mlp, images, options)) {
      assert(norm <= epsilons[image]! && norm >= 0.98 * epsilons[image]!, `${image}: ${norm}`);
    }
  }
});

Deno.test("attacks within a budget refuse settings out of range", () => {
  for (const epsilon of [-1, NaN, Infinity]) {
    assertThrows(() => fgsm({ epsilon }), RangeError, "FGSM as epsilon must be finite and >= 0");
    assertThrows(() => pgd({ epsilon }), RangeError, "PGD as epsilon must be finite and >= 0");
    assertThrows(() => apgd({ epsilon }), RangeError, "APGD as epsilon must be finite and >= 0");
  }
  for (const p of [0, 3, NaN]) {
    assertThrows(() => fgsm({ p }), RangeError, "FGSM needs p = inf");
    assertThrows(() => pgd({ p }), RangeError, "PGD needs p = 2 or inf");
    assertThrows(() => apgd({ p }), RangeError, "APGD needs p = 1, 2 or inf");
  }
  for (const stepSize of [0, -1, NaN]) {
    assertThrows(() => pgd({ stepSize }), RangeError, "stepSize must be finite and > 0");
  }
  const loss = "hinge" as FixedLoss;
  assertThrows(() => apgd({ loss }), RangeError, "the loss must be ce or dlr");
  assertThrows(() => apgd({ p: 1, loss }), RangeError, "the loss must be ce or dlr");
});
