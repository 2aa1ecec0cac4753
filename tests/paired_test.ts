/**
 * Paired comparisons and exact tests, against closed forms and laws.
 *
 * @module
 */
import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { median } from "$lib/statistics.ts";
import {
  bootstrapMedians,
  comparePairs,
  holm,
  type Measured,
  pairsOf,
  resamples,
  signTest,
} from "$lib/statistics/paired.ts";
import { leastPValue, rankTest } from "$lib/statistics/permutation.ts";

const rowsOf = (network: string, minNorms: readonly number[], p = 2): Measured[] =>
  minNorms.map((minNorm, image) => ({ network, p, image, minNorm }));

Deno.test("comparePairs() takes differences image by image, whatever the order of the rows", () => {
  const a = rowsOf("A", [5, 1, 3, 2, 9]);
  const b = rowsOf("B", [4, 1, 1, 3, 2]).toReversed();
  const [one, ...others] = comparePairs([...a, ...b]);
  assertEquals(others, []);
  const { first, second, images, firstLarger, secondLarger, difference } = one!;
  assertEquals([first, second, images, firstLarger, secondLarger], ["A", "B", 5, 3, 1]);
  assertEquals(difference, 1); // of 1, 0, 2, -1, 7; the medians differ by 3 - 2
});

Deno.test("comparePairs() uses images that both networks have, and none twice", () => {
  const [one] = comparePairs([...rowsOf("A", [1, 2, 3, 4]), ...rowsOf("B", [2, 3])]);
  assertEquals([one!.images, one!.difference], [2, -1]);
  const apart = [{ network: "A", p: 2, image: 0, minNorm: 1 }, {
    network: "B",
    p: 2,
    image: 1,
    minNorm: 1,
  }];
  assertThrows(() => comparePairs(apart), RangeError, "A with B as they must have images in");
});

Deno.test("comparePairs() takes images that neither has a norm for as ties", () => {
  const [one] = comparePairs([
    ...rowsOf("A", [Infinity, Infinity, 1, 1, 1]),
    ...rowsOf("B", [Infinity, 1, Infinity, 2, 3]),
  ]);
  assertEquals([one!.firstLarger, one!.secondLarger, one!.difference], [1, 3, -1]);
});

Deno.test("comparePairs() corrects over all pairs and norms together", () => {
  const shift = (by: number) => Array.from({ length: 8 }, (_, i) => i + by);
  const all = [2, 1].flatMap((p) =>
    ["A", "B", "C"].flatMap((network, i) => rowsOf(network, shift(i), p))
  );
  const compared = comparePairs(all);
  assertEquals(compared.map(({ p, first, second }) => `${p} ${first}${second}`), [
    ...["1 AB", "1 AC", "1 BC"],
    ...["2 AB", "2 AC", "2 BC"],
  ]);
  compared.forEach(({ pValue, adjusted }) => {
    assertAlmostEquals(pValue, 2 / 256, 1e-12);
    assertAlmostEquals(adjusted, 12 / 256, 1e-12);
  });
  assert(compared.every(({ low, high, difference }) => low === difference && high === difference));
});

Deno.test("comparePairs() gives the same figures for the same seed, and others for another", () => {
  const wild = (by: number) => Array.from({ length: 40 }, (_, i) => (i * 7.3 + by * i * i) % 11);
  const rows = [...rowsOf("A", wild(1)), ...rowsOf("B", wild(2))];
  assertEquals(comparePairs(rows, { seed: 4 }), comparePairs(rows, { seed: 4 }));
  const [one, other] = [comparePairs(rows, { seed: 4 })[0]!, comparePairs(rows, { seed: 5 })[0]!];
  assert(one.low !== other.low || one.high !== other.high);
});

Deno.test("pairsOf() has each pair once", () => {
  assertEquals(pairsOf(["a", "b", "c"]), [["a", "b"], ["a", "c"], ["b", "c"]]);
  assertEquals(pairsOf(["a"]), []);
});

Deno.test("resamples() draws as many items as there are, each as often as the others", () => {
  const draws = resamples(50, 400, 3);
  assert(draws.every((times) => times.reduce((a, b) => a + b) === 50));
  const each = Array.from({ length: 50 }, (_, i) => draws.reduce((sum, one) => sum + one[i]!, 0));
  // 400 expected; the standard deviation is 19.8.
  assert(Math.min(...each) > 320 && Math.max(...each) < 480, `${each}`);
  assert(new Set(draws.map(String)).size === 400);
});

Deno.test("bootstrapMedians() are the medians of the values drawn", () => {
  const value = fc.oneof(fc.double({ min: -9, max: 9, noNaN: true }), fc.constant(Infinity));
  fc.assert(
    fc.property(fc.array(value, { minLength: 1, maxLength: 30 }), (values) => {
      const draws = resamples(values.length, 5, 1);
      const expected = draws.map((times) =>
        median(values.flatMap((one, i) => Array<number>(times[i]!).fill(one)))
      );
      bootstrapMedians(values, draws).forEach((found, i) => {
        if (expected[i] === Infinity) assertEquals(found, Infinity);
        else assertAlmostEquals(found, expected[i]!, 1e-12);
      });
    }),
    { seed: 2, numRuns: 200 },
  );
});

Deno.test("the bootstrap's interval is that of order statistics, for many values", () => {
  const values = Array.from({ length: 401 }, (_, i) => i);
  const medians = bootstrapMedians(values, resamples(401, 2000, 0)).sort((a, b) => a - b);
  // The median's standard error is half the root of the count, in ranks: 200 -+ 1.96 * 10.
  assertAlmostEquals(medians[50]!, 180.4, 2.5);
  assertAlmostEquals(medians[1949]!, 219.6, 2.5);
});

Deno.test("signTest() is the binomial test's two-sided p-value", () => {
  assertEquals(signTest(0, 0), 1);
  assertAlmostEquals(signTest(5, 0), 2 / 32, 1e-12);
  assertAlmostEquals(signTest(9, 1), 22 / 1024, 1e-12); // 1 + 10 of each tail
  assertEquals(signTest(4, 4), 1);
  assertAlmostEquals(signTest(530, 470), 0.0620231951, 1e-9); // by whole numbers, in Python
  assertEquals(signTest(530, 470), signTest(470, 530));
  assertAlmostEquals(Math.log2(signTest(1000, 0)), -999, 1e-9);
  assert(signTest(10_000, 0) >= 0);
  assertThrows(() => signTest(1.5, 2), RangeError, "whole and >= 0: current value is 1.5");
});

Deno.test("holm() steps down, and never lets a larger p-value end below a smaller one", () => {
  assertEquals(holm([0.01, 0.04, 0.03, 0.005]).map((p) => Number(p.toFixed(9))), [
    ...[0.03, 0.06],
    ...[0.06, 0.02],
  ]);
  assertEquals(holm([0.5, 0.9]), [1, 1]);
  assertEquals(holm([]), []);
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 20 }), (all) => {
      const adjusted = holm(all);
      all.forEach((p, i) => {
        assert(adjusted[i]! >= p && adjusted[i]! <= Math.min(1, all.length * p) + 1e-15);
        all.forEach((q, j) => assert(p <= q ? adjusted[i]! <= adjusted[j]! : true));
      });
    }),
    { seed: 5, numRuns: 100 },
  );
});

Deno.test("rankTest() counts the splits that are as uneven", () => {
  assertEquals(rankTest([4, 5, 6], [1, 2, 3]), 0.1);
  assertEquals(rankTest([1, 2, 4], [3, 5, 6]), 4 / 20);
  assertEquals(rankTest([1, 4], [2, 3]), 1);
  assertEquals(rankTest([7, 7, 7], [7, 7, 7]), 1);
  assertEquals(rankTest([1, 2, 3], [Infinity, Infinity, 9]), 0.1);
  assertEquals(rankTest([1, 2, 3, 4, 5], [6, 7, 8, 9, 10]), 2 / 252);
});

Deno.test("leastPValue() is what groups entirely apart give", () => {
  for (const [a, b] of [[1, 1], [2, 3], [3, 3], [4, 4], [5, 2]] as const) {
    const apart = [
      Array.from({ length: a }, (_, i) => i),
      Array.from({ length: b }, (_, i) => 9 + i),
    ];
    assertAlmostEquals(rankTest(apart[0]!, apart[1]!), leastPValue(a, b), 1e-12);
  }
});

Deno.test("rankTest() refuses empty groups, values that are none, and endless work", () => {
  const many = Array.from({ length: 30 }, (_, i) => i);
  assertThrows(() => rankTest([], [1]), RangeError, "each must have values");
  assertThrows(() => rankTest([NaN], [1]), RangeError, "current value is NaN");
  assertThrows(() => rankTest(many, many), RangeError, "at most 1000000 splits");
});
