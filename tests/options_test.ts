/**
 * Misspelt options, which types don't see behind a spread, are refused where users come in.
 *
 * @module
 */
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { checkAttackable } from "$lib/attackable.ts";
import { runAttack, runAttackSync } from "$lib/attacks/driver.ts";
import { fmn } from "$lib/attacks/fmn.ts";
import { attackNamed, runner } from "$lib/attacks/run.ts";
import { tf } from "$lib/backend.ts";
import { test } from "$lib/loader.ts";
import { minNorm } from "$lib/minnorm.ts";
import { loadNetwork } from "$lib/network.ts";
import { certify } from "$lib/protections/runtime/smoothing.ts";

const mlp = await loadNetwork("MLP");
const digits = await test(2);
const { images } = digits;

const misspelt = { seed: 1, maxPass: 100 };
const attackNames = "steps, maxPasses, seed, ids, labels, target, aims, beginnings, epsilons, " +
  "batchSize, signal, onStep";
const settings = { p: 2, norm: 1, learningRate: 0.01 };
const entry = runner(attackNamed("fmn"), settings);
const search = runner(attackNamed("pgd"), settings, { smallest: true });

for (
  const [name, call, action, names] of [
    [
      "runAttack",
      () => runAttack(fmn({ p: 2 }), mlp, images, { ...misspelt }),
      "attack",
      attackNames,
    ],
    ["run of a runner", () => entry.run(mlp, images, { ...misspelt }), "attack", attackNames],
    [
      "run of a runner that searches",
      () => search.run(mlp, images, { ...misspelt }),
      "search epsilon",
      "steps, rounds, maxPasses, seed, ids, labels, target, aims, batchSize, first, low, " +
      "tolerance, signal, onProgress",
    ],
    [
      "minNorm",
      () => minNorm(mlp, digits, { p: 2, ...misspelt }),
      "attack",
      "p, reference, target, ids, attack, polish, maxPasses, rounds, seed, signal, onProgress",
    ],
    [
      "checkAttackable",
      () => checkAttackable(mlp, digits, { ...misspelt }),
      "check a network",
      "attack, loss, steps, transferred, seed, signal",
    ],
    [
      "certify",
      () => certify(mlp, images, { sigma: 1, ...misspelt }).next(),
      "certify",
      "sigma, n0, n, alpha, seed, batch, ids, signal, onProgress",
    ],
  ] as const
) {
  Deno.test(`${name}() names an option that there is not, and those that there are`, async () => {
    const before = tf.memory().numTensors;
    const { message } = await assertRejects(call, TypeError);
    assertEquals(
      message,
      `Cannot ${action} as options must be among ${names}: current value is maxPass`,
    );
    assertEquals(tf.memory().numTensors, before);
  });
}

Deno.test("runAttackSync() names it, too", () => {
  assertThrows(
    () => runAttackSync(fmn({ p: 2 }), mlp, images, { ...misspelt }),
    TypeError,
    "current value is maxPass",
  );
});

Deno.test("what a search has no use for is taken, as other entries have", async () => {
  const [found] = await search.run(mlp, images, { maxPasses: 40, onStep: () => {} });
  assert(found!.forwards > 2);
});

Deno.test("all that an attack by name and a polish that is none may be given is taken", async () => {
  const options = { maxPasses: 20, polish: false, ids: [3, 4], seed: 1, onProgress: () => {} };
  const found = await minNorm(mlp, digits, { p: 2, attack: "fmn", reference: "label", ...options });
  assertEquals(found.map(({ image }) => image), [3, 4]);
});
