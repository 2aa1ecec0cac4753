/**
 * Attacks that ask for logits alone, or for nothing but success.
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { MLP } from "$lib/architectures.ts";
import type { Attack } from "$lib/attacks/attack.ts";
import { type Dice, roll } from "$lib/attacks/dice.ts";
import { type Outcome, runAttack, runAttackSync } from "$lib/attacks/driver.ts";
import { hopSkipJump } from "$lib/attacks/hop_skip_jump.ts";
import { sparseRs } from "$lib/attacks/sparse_rs.ts";
import { square } from "$lib/attacks/square.ts";
import { type Tensor2D, type Tensor4D, tf } from "$lib/backend.ts";
import { type Classifier, createNetwork } from "$lib/network.ts";
import { uniform } from "$lib/random.ts";
import { attackPlane, digit, pixels, plane, smallest } from "./plane.ts";

const mlp = createNetwork(MLP, { seed: 1 });
const images = tf.tensor4d(uniform(18 * pixels, 3, 0), [18, 28, 28, 1]);

// The least multiple of the smallest norm with a success in 400 steps lies below; a plane of
// dense, random weights is as hard as can be for squares, stripes and single pixels.
for (
  const [name, create, p, multiple] of [
    ["square() at p = inf", square, Infinity, 8],
    ["square() at p = 2", square, 2, 8],
    ["sparseRs()", sparseRs, 0, 2.5],
  ] as const
) {
  Deno.test(`${name} succeeds within its epsilon, by forward passes alone`, () => {
    const least = smallest(digit, 10 + 1e-4, p);
    const attack = create({ p, epsilon: multiple * least });
    const { found, norm, backwards, perturbed } = attackPlane(attack, 10, 400);
    assertEquals([found, backwards], [true, 0]);
    assert(norm >= least * (1 - 1e-4) && norm <= multiple * least, `norm ${norm}`);
    assert(perturbed.every((pixel) => pixel >= 0 && pixel <= 1));
    const tooSmall = create({ p, epsilon: 0.95 * least });
    assertEquals(attackPlane(tooSmall, 10, 50).found, false);
  });

  Deno.test(`${name} gets below its first epsilon if it is to be minimal`, () => {
    const epsilon = multiple * smallest(digit, 5, p);
    const { found, norm } = attackPlane(create({ p, epsilon, minimal: true }), 5, 400);
    assert(found && norm < 0.8 * epsilon, `${norm} of ${epsilon}`);
  });

  Deno.test(`${name} begins where an adversarial point is known`, () => {
    const image = tf.tensor4d(digit, [1, 28, 28, 1]);
    const attack = create({ p, epsilon: multiple * smallest(digit, 5, p) });
    const [known] = runAttackSync(attack, plane(digit, 5), image, { steps: 400 }) as [Outcome];
    const beginnings = tf.tensor4d(known.perturbed, [1, 28, 28, 1]);
    const [again] = runAttackSync(attack, plane(digit, 5), image, { steps: 5, beginnings });
    assertEquals([again!.found, again!.steps], [true, 1]);
    tf.dispose([image, beginnings]);
  });

  Deno.test(`${name}: each image may have an epsilon of its own`, () => {
    const pair = tf.tidy(() => tf.tensor4d(digit, [1, 28, 28, 1]).tile<Tensor4D>([2, 1, 1, 1]));
    const enough = multiple * smallest(digit, 5, p);
    const outcomes = runAttackSync(create({ p, epsilon: 1 }), plane(digit, 5), pair, {
      epsilons: [enough / 20, enough],
      steps: 400,
    });
    assertEquals(outcomes.map(({ found }) => found), [false, true]);
    assert(outcomes[0]!.norm <= enough / 20);
    pair.dispose();
  });
}

for (const [p, multiple] of [[2, 2], [Infinity, 3]] as const) {
  Deno.test(`hopSkipJump() at p = ${p} comes near the smallest norm, told success alone`, () => {
    const least = smallest(digit, 10 + 1e-4, p);
    const { found, norm, backwards } = attackPlane(hopSkipJump({ p }), 10, 1000);
    assert(found && norm >= least * (1 - 1e-4) && norm < multiple * least, `${norm}, not ${least}`);
    assertEquals(backwards, 0);
  });
}

Deno.test("hopSkipJump() sees no more of the logits than which goal they reach", () => {
  const blind: Classifier = {
    name: "blind",
    classes: 10,
    revision: {},
    logits: (points: Tensor4D): Tensor2D =>
      tf.tidy(() => tf.oneHot(mlp.logits(points).argMax(1), 10).cast("float32")),
  };
  const brief = (network: Classifier) =>
    runAttackSync(hopSkipJump(), network, images, { steps: 120 }).map(({ norm }) => norm);
  // Not the same bits: where two logits differ by less than the margin, only one calls it success.
  const [seeing, told] = [brief(mlp), brief(blind)];
  seeing.forEach((norm, i) => assert(Math.abs(norm / told[i]! - 1) < 0.2, `${norm}, ${told[i]}`));
});

Deno.test("hopSkipJump() begins with the point given", () => {
  const image = tf.tensor4d(digit, [1, 28, 28, 1]);
  const begin = attackPlane(hopSkipJump(), 10, 300);
  const beginnings = tf.tensor4d(begin.perturbed, [1, 28, 28, 1]);
  const [outcome] = runAttackSync(hopSkipJump(), plane(digit, 10), image, { steps: 2, beginnings });
  assert(outcome!.found && outcome!.norm <= begin.norm);
  tf.dispose([image, beginnings]);
});

const all: Attack[] = [
  square({ p: Infinity, epsilon: 0.1 }),
  square({ p: 2, epsilon: 2 }),
  sparseRs({ epsilon: 60 }),
  sparseRs({ epsilon: 60, minimal: true }),
  hopSkipJump({ p: 2 }),
  hopSkipJump({ p: Infinity }),
];

for (const attack of all) {
  const name = `${attack.graph}${attack.stopsWhenFound ? "" : ", minimal"}`;
  Deno.test(`splitting the batch changes no bit of a result (${name})`, async () => {
    const options = { steps: 40 };
    const whole = await runAttack(attack, mlp, images, options);
    assertEquals(await runAttack(attack, mlp, images, { ...options, batchSize: 10 }), whole);
    assert(whole.filter(({ found }) => found).length > 5);
    const other = await runAttack(attack, mlp, images, { ...options, seed: 1 });
    assert(
      other.some(({ perturbed }, i) => perturbed.some((x, k) => x !== whole[i]!.perturbed[k])),
    );
  });

  Deno.test(`a target is reached (${name})`, async () => {
    // The second class of each image, as black boxes reach no class far away.
    const seconds = tf.tidy(() => tf.topk(mlp.logits(images), 2).indices.slice([0, 1], [-1, 1]));
    const target = [...seconds.dataSync()];
    seconds.dispose();
    const outcomes = await runAttack(attack, mlp, images, { steps: 100, target });
    const found = outcomes.filter(({ found }) => found);
    assert(found.length > 5, `${found.length} found`);
    for (const { image, adversarialClass } of found) assertEquals(adversarialClass, target[image]);
  });
}

Deno.test("a network that answers all alike is an honest failure", () => {
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
  for (const attack of all) {
    for (
      const { found, perturbed, backwards } of runAttackSync(attack, constant, images, { steps: 9 })
    ) {
      assertEquals([found, backwards], [false, 0]);
      assert(perturbed.every((pixel) => pixel >= 0 && pixel <= 1));
    }
  }
});

Deno.test("roll() is uniform, another one at each step, stream and image", () => {
  tf.tidy(() => {
    const shift: Tensor4D = tf.tensor4d(uniform(3 * pixels, 1, 0), [3, 28, 28, 1]);
    const dice = (done: number): Dice => ({ shift, done: tf.fill([3, 1, 1, 1], done) });
    const values = (dice: Dice, stream: number) => roll(dice, stream).dataSync<"float32">();
    const first = values(dice(1), 0);
    const others = [values(dice(2), 0), values(dice(1), 1)];
    assertEquals(values(dice(1), 0), first);
    assert(first.every((value) => value >= 0 && value < 1));
    const tenths = Array.from(
      { length: 10 },
      (_, i) => first.filter((value) => Math.floor(10 * value) === i).length / (0.3 * pixels),
    );
    assert(tenths.every((share) => Math.abs(share - 1) < 0.3), `${tenths}`);
    const correlation = (other: ArrayLike<number>) =>
      12 * first.reduce((sum, value, i) => sum + (value - 0.5) * (other[i]! - 0.5), 0) /
      first.length;
    for (const other of others) assert(Math.abs(correlation(other)) < 0.1);
    const alone: Dice = { shift: shift.slice([1], [1]), done: tf.fill([1, 1, 1, 1], 1) };
    assertEquals(values(alone, 0), first.slice(pixels, 2 * pixels));
  });
});

Deno.test("black boxes refuse norms that they cannot measure by, and bad epsilons", () => {
  for (const p of [0, 1, 3, NaN]) {
    assertThrows(() => square({ p }), RangeError, "Square needs p = 2 or inf");
    assertThrows(() => hopSkipJump({ p }), RangeError, "HopSkipJump needs p = 2 or inf");
  }
  for (const p of [1, 2, Infinity]) assertThrows(() => sparseRs({ p }), RangeError, "needs p = 0");
  for (const epsilon of [-1, NaN, Infinity]) {
    assertThrows(() => square({ epsilon }), RangeError, "epsilon must be finite");
    assertThrows(() => sparseRs({ epsilon }), RangeError, "epsilon must be finite");
  }
});
