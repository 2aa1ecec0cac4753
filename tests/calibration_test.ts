/**
 * Isotonic fits, temperatures, reliability: what they promise.
 *
 * @module
 */
import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { uniform } from "$lib/random.ts";
import {
  calibration,
  fitIsotonic,
  fitTemperature,
  isotonic,
  reliability,
  tempered,
} from "$lib/statistics/calibration.ts";

const cases = fc.array(fc.tuple(fc.integer({ min: 0, max: 6 }), fc.boolean()), { minLength: 1 });

Deno.test("an isotonic fit never falls, keeps the mean, and nothing that rises is nearer", () => {
  fc.assert(
    fc.property(
      cases,
      fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 7, maxLength: 7 }),
      (all, steps) => {
        const [scores, outcomes] = [all.map(([score]) => score), all.map(([, one]) => one)];
        const fit = fitIsotonic(scores, outcomes);
        assertEquals(fit.probability, fit.probability.toSorted((a, b) => a - b));
        const error = (promise: (score: number) => number) =>
          all.reduce((sum, [score, one]) => sum + (promise(score) - Number(one)) ** 2, 0);
        const given = scores.map((score) => isotonic(fit, score));
        assertAlmostEquals(
          given.reduce((a, b) => a + b),
          outcomes.filter(Boolean).length,
          1e-9,
        );
        const rising = steps.toSorted((a, b) => a - b);
        assert(error((score) => isotonic(fit, score)) <= error((score) => rising[score]!) + 1e-9);
      },
    ),
    { seed: 1 },
  );
});

Deno.test("an isotonic fit takes infinities, and minds nothing but the order of scores", () => {
  const outcomes = [false, true, false, true];
  const fit = fitIsotonic([1, 2, 3, Infinity], outcomes);
  assertEquals(fit.probability, [0, 0.5, 1]);
  assertEquals(isotonic(fit, -5), 0);
  assertEquals(isotonic(fit, 1e9), 0.5);
  const squeezed = fitIsotonic([0.5, 2 / 3, 0.75, 1], outcomes);
  assertEquals(squeezed.probability, fit.probability);
});

Deno.test("fitTemperature() finds the temperature that labels were drawn with", () => {
  const draws = uniform(3000 * 4, 2, 0);
  const logits = Array.from(
    { length: 3000 },
    (_, i) => [0, 1, 2].map((k) => 8 * draws[4 * i + k]!),
  );
  const labels = logits.map((own, i) => {
    let left = draws[4 * i + 3]!;
    return Math.max(0, tempered(own, 3).findIndex((share) => (left -= share) < 0));
  });
  const found = fitTemperature(logits, labels);
  assert(Math.abs(found - 3) < 0.25, String(found));
  // Logits twice as large want twice the temperature.
  const doubled = fitTemperature(logits.map((own) => own.map((one) => 2 * one)), labels);
  assertAlmostEquals(doubled, 2 * found, 1e-2);
  assertThrows(() => fitTemperature([], []), RangeError, "each label needs logits");
});

Deno.test("tempered() is the softmax, also of large logits", () => {
  assertEquals(tempered([1000, 0], 1), [1, 0]);
  assertAlmostEquals(tempered([2, 0], 2)[0]!, 1 / (1 + Math.exp(-1)), 1e-12);
});

Deno.test("reliability() doubles its bins from the top, and keeps equal probabilities together", () => {
  const probabilities = [0.1, 0.2, 0.9, 0.2, 0.8, 0.2, 0.05];
  const outcomes = [false, false, true, true, false, false, false];
  const bins = reliability(probabilities, outcomes, 1);
  // The second bin would end among equal ones.
  assertEquals(bins.map(({ count }) => count), [1, 4, 2]);
  assertAlmostEquals(bins[1]!.promised, 0.35);
  assertEquals(bins.map(({ kept }) => kept), [1, 0.25, 0]);
  const { ece, brier } = calibration(probabilities, outcomes, 1);
  assertAlmostEquals(ece, (0.1 + 4 * 0.1 + 2 * 0.075) / 7);
  assertAlmostEquals(brier, (0.01 + 0.04 + 0.01 + 0.64 + 0.64 + 0.04 + 0.0025) / 7);
  assertThrows(() => reliability([], []), RangeError, "there must be cases");
  assertThrows(() => reliability([1, NaN], [true, false]), RangeError, "must be numbers");
});
