/**
 * White-box attacks that look for the smallest norm.
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { MLP } from "$lib/architectures.ts";
import { alma } from "$lib/attacks/alma.ts";
import type { Attack } from "$lib/attacks/attack.ts";
import { carliniWagner } from "$lib/attacks/carlini_wagner.ts";
import { deepfool } from "$lib/attacks/deepfool.ts";
import { type Outcome, runAttack, runAttackSync } from "$lib/attacks/driver.ts";
import { fab } from "$lib/attacks/fab.ts";
import { pdpgd } from "$lib/attacks/pdpgd.ts";
import { superDeepfool } from "$lib/attacks/super_deepfool.ts";
import { tf } from "$lib/backend.ts";
import { createNetwork } from "$lib/network.ts";
import { uniform } from "$lib/random.ts";
import { attackPlane, digit, pixels, plane, smallest } from "./plane.ts";

interface Case {
  attack: Attack;
  /** Distances of planes, steps, and the largest excess over the optimum. */
  distances: number[];
  steps: number;
  within: number;
  /** Steps that surely find something on an untrained network. */
  enough: number;
}

const all: Case[] = [
  // Its step size suits norms of digits: the optimum of a plane at 0.5 is a twentieth of those.
  { attack: alma({ p: 1 }), distances: [5, 20], steps: 200, within: 0.03, enough: 150 },
  { attack: alma({ p: 2 }), distances: [5, 20], steps: 200, within: 0.03, enough: 100 },
  { attack: fab({ p: 1 }), distances: [0.5, 20], steps: 20, within: 0.001, enough: 10 },
  { attack: fab({ p: 2 }), distances: [0.5, 20], steps: 20, within: 0.001, enough: 10 },
  { attack: fab({ p: Infinity }), distances: [0.5, 20], steps: 20, within: 0.001, enough: 10 },
  { attack: pdpgd(), distances: [0.5, 20], steps: 250, within: 0.04, enough: 80 },
  { attack: deepfool(), distances: [0.5, 20], steps: 50, within: 0.001, enough: 30 },
  {
    attack: deepfool({ p: Infinity }),
    distances: [0.5, 20],
    steps: 50,
    within: 0.001,
    enough: 30,
  },
  { attack: carliniWagner(), distances: [0.5, 20], steps: 500, within: 0.03, enough: 120 },
  { attack: superDeepfool(), distances: [0.5, 20], steps: 20, within: 0.001, enough: 20 },
];

for (const { attack, distances, within, steps } of all) {
  Deno.test(`${attack.graph} finds the smallest norm in front of a plane, in the box`, () => {
    for (const distance of distances) {
      const { found, norm, perturbed } = attackPlane(attack, distance, steps);
      const least = smallest(digit, distance + 1e-4, attack.p);
      assert(found, `distance ${distance}: not found`);
      assert(norm >= least * (1 - 1e-4), `distance ${distance}: ${norm} is impossible: ${least}`);
      assert(norm <= least * (1 + within), `distance ${distance}: ${norm} and not ${least}`);
      assert(perturbed.every((pixel) => pixel >= 0 && pixel <= 1));
    }
  });
}

const mlp = createNetwork(MLP, { seed: 1 });
const images = tf.tensor4d(uniform(18 * pixels, 3, 0), [18, 28, 28, 1]);

for (const { attack, enough } of all) {
  Deno.test(`splitting the batch changes no bit of a result (${attack.graph})`, async () => {
    const whole = await runAttack(attack, mlp, images, { steps: enough });
    assertEquals(await runAttack(attack, mlp, images, { steps: enough, batchSize: 10 }), whole);
    assert(whole.filter(({ found }) => found).length > 9);
  });

  Deno.test(`a target is reached, or aimed at (${attack.graph})`, () => {
    const one = tf.tidy(() => images.slice([0], [1]));
    const [{ prediction }] = runAttackSync(attack, mlp, one, { steps: 1 }) as [Outcome];
    const target = (prediction + 5) % 10;
    const [reached] = runAttackSync(attack, mlp, one, { steps: 2 * enough, target });
    assertEquals([reached!.found, reached!.adversarialClass], [true, target]);
    const [left] = runAttackSync(attack, mlp, one, { steps: 2 * enough, aims: [target] });
    assert(left!.found && left!.norm <= reached!.norm * 1.05, `${left!.norm}, ${reached!.norm}`);
    one.dispose();
  });
}

Deno.test("attacks refuse norms that they were not made for", () => {
  for (const p of [0, 1.5, Infinity, NaN]) {
    assertThrows(() => alma({ p }), RangeError, "ALMA needs p = 1 or 2");
  }
  for (const p of [0, 1.5, NaN]) {
    assertThrows(() => fab({ p }), RangeError, "FAB needs p = 1, 2 or inf");
  }
  for (const p of [0, 2, Infinity]) {
    assertThrows(() => pdpgd({ p }), RangeError, "PDPGD needs p = 1");
  }
  for (const p of [0, 1, NaN]) {
    assertThrows(() => deepfool({ p }), RangeError, "DeepFool needs p = 2 or inf");
    assertThrows(() => carliniWagner({ p }), RangeError, "Carlini-Wagner needs p = 2");
    assertThrows(() => superDeepfool({ p }), RangeError, "SuperDeepFool needs p = 2");
  }
  assertThrows(() => fab({ rivals: 0 }), RangeError, "rivals must be at least 1");
});

Deno.test("alma() and pdpgd() begin at the best point known", async () => {
  const far = await runAttack(fab({ p: Infinity }), mlp, images, { steps: 10 });
  const beginnings = tf.tensor4d(
    Float32Array.from(far.flatMap(({ perturbed }) => [...perturbed])),
    [18, 28, 28, 1],
  );
  for (const attack of [alma(), pdpgd()]) {
    const outcomes = await runAttack(attack, mlp, images, { beginnings, steps: 1 });
    assert(outcomes.every(({ found }) => found), attack.name);
  }
  beginnings.dispose();
});

for (const attack of [fab({ p: 1 }), fab({ p: 2 }), fab({ p: Infinity }), superDeepfool()]) {
  Deno.test(`${attack.graph} finds its way back from a point far off`, () => {
    const image = tf.tensor4d(digit, [1, 28, 28, 1]);
    const beginnings = tf.tensor4d(uniform(pixels, 9, 0), [1, 28, 28, 1]);
    const options = { beginnings, steps: 40 };
    const [{ norm }] = runAttackSync(attack, plane(digit, 5), image, options) as [Outcome];
    const least = smallest(digit, 5 + 1e-4, attack.p);
    assert(norm <= least * 1.04, `${norm} and not ${least}`);
    tf.dispose([image, beginnings]);
  });
}

Deno.test("fab() in front of several classes looks at as many as it is told to", () => {
  const one = tf.tidy(() => images.slice([0], [1]));
  const passes = [1, 3, 20].map((rivals) => {
    const [{ forwards, backwards }] = runAttackSync(fab({ rivals }), mlp, one, { steps: 1 }) as [
      Outcome,
    ];
    return [forwards, backwards];
  });
  assertEquals(passes, [[4, 1], [6, 3], [12, 9]]);
  one.dispose();
});
