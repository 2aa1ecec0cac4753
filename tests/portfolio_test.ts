/**
 * What the portfolio makes of what its attacks found of one image.
 *
 * @module
 */
import { assertAlmostEquals, assertEquals } from "@std/assert";
import type { Outcome } from "$lib/attacks/driver.ts";
import { look } from "$lib/attacks/look.ts";
import { runAttack, runCandidates } from "$lib/attacks/driver.ts";
import { fmn } from "$lib/attacks/fmn.ts";
import { argMax } from "$lib/numbers.ts";
import { test } from "$lib/loader.ts";
import { loadNetwork } from "$lib/network.ts";
import { bestNorm, conclude, learn, startKnown } from "$lib/portfolio/known.ts";

const mlp = await loadNetwork("MLP");
const { images } = await test(3);
const [clean] = await runAttack(look(1), mlp, images, { steps: 1 }) as [Outcome];
const pixels = 784;

/** The clean image with its first pixels, which are black, painted. */
const painted = (values: readonly number[]) => {
  const point = clean.clean.slice();
  values.forEach((value, i) => point[i] = value);
  return point;
};

const cost = { steps: 1, forwards: 1, backwards: 1, adversarialClass: undefined };
const other = (clean.prediction + 1) % 10;

/** A network, alone, that sees another class where some rule of the pixels says so. */
const judge = (rule: (image: Float32Array) => boolean) => (image: Float32Array) =>
  Array.from({ length: 10 }, (_, i) => Number(i === (rule(image) ? other : clean.prediction)));

Deno.test("the smallest norm that stands alone is reported, not the smallest in its batch", () => {
  const known = startKnown(0, clean, undefined);
  learn(known, 1, "small", { norm: 0.5, point: painted([0.5]), ...cost });
  learn(known, 2, "large", { norm: 0.6, point: painted([0, 0.6]), ...cost });
  assertEquals(bestNorm(known), 0.5);
  const { outcome, attack } = conclude(known, judge((image) => image[1]! > 0.3));
  assertEquals([outcome.found, attack, outcome.adversarialClass], [true, "large", other]);
  assertAlmostEquals(outcome.norm, 0.6, 1e-6);
  assertEquals(outcome.forwards, clean.forwards + 2);
});

Deno.test("a point is pushed further only where that is smaller than the next best", () => {
  const rule = (image: Float32Array) => image[0]! > 0.52 || image[1]! > 0.3;
  for (const [second, attack, norm] of [[0.6, "near", 0.55], [0.51, "far", 0.51]] as const) {
    const known = startKnown(0, clean, undefined);
    learn(known, 1, "near", { norm: 0.5, point: painted([0.5]), ...cost });
    learn(known, 2, "far", { norm: second, point: painted([0, second]), ...cost });
    const conclusion = conclude(known, judge(rule));
    assertEquals(conclusion.attack, attack);
    assertAlmostEquals(conclusion.outcome.norm, norm, 1e-6);
  }
});

Deno.test("where no point stands, nothing is found", () => {
  const known = startKnown(0, clean, undefined);
  learn(known, 1, "none", { norm: 0.5, point: painted([0.5]), ...cost });
  const { outcome, attack } = conclude(known, judge(() => false));
  assertEquals([outcome.found, outcome.adversarialClass, attack], [false, null, null]);
  assertEquals(outcome.perturbed.length, pixels);
});

Deno.test("candidates are what outcomes are made of, with the class that they reach", async () => {
  const settings = { steps: 40, ids: [0, 1, 2] };
  const outcomes = await runAttack(fmn({ p: 2 }), mlp, images, settings);
  const candidates = await runCandidates(fmn({ p: 2 }), mlp, images, settings);
  candidates.forEach(({ norm, point, adversarialClass, forwards, backwards }, i) => {
    const outcome = outcomes[i]!;
    assertEquals([...point], [...outcome.perturbed]);
    assertAlmostEquals(norm, outcome.norm, 1e-5);
    assertEquals(adversarialClass, argMax(outcome.confidences.perturbed));
    // The class is asked for once more.
    assertEquals([forwards, backwards], [outcome.forwards + 1, outcome.backwards]);
  });
});
