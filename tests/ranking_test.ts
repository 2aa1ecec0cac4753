/**
 * ROC, precision and recall, risk and coverage: beside counts by hand and by brute force.
 *
 * @module
 */
import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { mcnemar } from "$lib/statistics/mcnemar.ts";
import {
  auroc,
  averagePrecision,
  delong,
  foundAt,
  precisionRecall,
  riskCoverage,
  roc,
  thresholds,
} from "$lib/statistics/ranking.ts";

const scores = [Infinity, 3, 3, 2, 1, -Infinity];
const positives = [true, true, false, true, false, false];

Deno.test("thresholds() counts equal scores together, infinite ones too", () => {
  const { steps, positives: all, negatives } = thresholds({ scores, positives });
  assertEquals([all, negatives], [3, 3]);
  assertEquals(steps.map(({ found, falseAlarms }) => [found, falseAlarms]), [
    [0, 0],
    [1, 0],
    [2, 1],
    [3, 1],
    [3, 2],
    [3, 3],
  ]);
});

Deno.test("the curves are those of a count by hand", () => {
  assertEquals(roc({ scores, positives })[2], {
    threshold: 3,
    falseAlarms: 1 / 3,
    found: 2 / 3,
  });
  assertEquals(foundAt(roc({ scores, positives }), 0.34).threshold, 2);
  assertEquals(foundAt(roc({ scores, positives }), 0).found, 1 / 3);
  const precisions = precisionRecall({ scores, positives }).map(({ precision }) => precision);
  assertEquals(precisions, [1, 2 / 3, 3 / 4, 3 / 5, 1 / 2]);
  assertAlmostEquals(averagePrecision({ scores, positives }), (1 + 2 / 3 + 3 / 4) / 3);
  assertEquals(riskCoverage({ scores, positives }), [
    { coverage: 1 / 6, risk: 0 },
    { coverage: 2 / 6, risk: 0 },
    { coverage: 3 / 6, risk: 1 / 3 },
    { coverage: 5 / 6, risk: 2 / 5 },
    { coverage: 1, risk: 1 / 2 },
  ]);
});

const cases = fc.array(fc.tuple(fc.integer({ min: 0, max: 5 }), fc.boolean()), { minLength: 2 })
  .filter((all) => all.some(([, one]) => one) && all.some(([, one]) => !one));

Deno.test("auroc() is the share of pairs in the right order, and does not mind the scale", () => {
  fc.assert(
    fc.property(cases, (all) => {
      const [scores, positives] = [all.map(([score]) => score), all.map(([, one]) => one)];
      let [sum, pairs] = [0, 0];
      for (const [a, ofA] of all) {
        for (const [b, ofB] of all) {
          if (!ofA || ofB) continue;
          pairs++;
          sum += a > b ? 1 : a === b ? 0.5 : 0;
        }
      }
      const value = auroc({ scores, positives });
      assertAlmostEquals(value, sum / pairs, 1e-12);
      const squeezed = scores.map((score) => score === 5 ? Infinity : Math.exp(score));
      assertAlmostEquals(auroc({ scores: squeezed, positives }), value, 1e-12);
    }),
    { seed: 1 },
  );
});

Deno.test("a case of weight 3 is three cases", () => {
  const weights = [1, 1, 3, 1, 3, 1];
  const copies = weights.flatMap((weight, i) => new Array<number>(weight).fill(i));
  const copied = {
    scores: copies.map((i) => scores[i]!),
    positives: copies.map((i) => positives[i]!),
  };
  const ranked = { scores, positives, weights };
  assertEquals(riskCoverage(ranked), riskCoverage(copied));
  assertEquals(averagePrecision(ranked), averagePrecision(copied));
  assertAlmostEquals(auroc(ranked), auroc(copied), 1e-12);
});

Deno.test("delong() gives the area and a difference in which what is shared cancels out", () => {
  const { value, low, high } = delong(scores, positives);
  assertAlmostEquals(value, auroc({ scores, positives }), 1e-12);
  assert(low < value && value < high && high < 1.5);
  assertEquals(delong(scores, positives, scores), { value: 0, low: 0, high: 0 });
  const other = [1, 2, 3, 4, 5, 6];
  const difference = delong(scores, positives, other);
  assertAlmostEquals(difference.value, value - auroc({ scores: other, positives }), 1e-12);
  const turned = delong(other, positives, scores);
  assertAlmostEquals(turned.low, -difference.high, 1e-12);
});

Deno.test("delong()'s interval is that of placements counted by hand", () => {
  // Placements of the positives: 1 and 1/2; of the negatives: 1 and 1/2. Variances 1/8 each, halved.
  const { value, high } = delong([4, 2, 3, 1], [true, true, false, false]);
  assertAlmostEquals(value, 0.75);
  assertAlmostEquals(high - value, 1.959964 * Math.sqrt(1 / 8), 1e-9);
});

Deno.test("what can't be ranked is refused", () => {
  const refuse = (ranked: Parameters<typeof roc>[0], message: string) =>
    assertThrows(() => roc(ranked), RangeError, message);
  refuse({ scores: [1], positives: [true, false] }, "positives must be 1");
  refuse({ scores: [1, NaN], positives: [true, false] }, "scores must be numbers");
  refuse({ scores: [1, 2], positives: [true, true] }, "cases of both kinds");
  refuse({ scores: [1, 2], positives: [true, false], weights: [1, 0] }, "finite and > 0");
  assertThrows(() => delong([1, 2], [true, false]), RangeError, "two cases of either kind");
});

Deno.test("mcnemar() looks only at what two ways disagree on", () => {
  const answers = (both: number, first: number, second: number, neither: number) =>
    mcnemar(
      [both, first].flatMap((n) => Array<boolean>(n).fill(true))
        .concat(Array<boolean>(second + neither).fill(false)),
      Array<boolean>(both).fill(true).concat(Array<boolean>(first).fill(false))
        .concat(Array<boolean>(second).fill(true), Array<boolean>(neither).fill(false)),
    );
  const { p, ...counts } = answers(5, 2, 3, 4);
  assertEquals(counts, { both: 5, first: 2, second: 3, neither: 4 });
  assertAlmostEquals(p, 1, 1e-12);
  // Two-sided binomial: 2 (1 + 8) / 2 ** 8.
  assertAlmostEquals(answers(0, 1, 7, 0).p, 18 / 256, 1e-12);
  assertAlmostEquals(answers(1000, 1, 7, 50).p, 18 / 256, 1e-12);
  assert(answers(0, 600, 700, 0).p > 0.005 && answers(0, 600, 700, 0).p < 0.0062);
  assertThrows(() => mcnemar([true], []), RangeError, "of the same cases");
});
