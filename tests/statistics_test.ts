/**
 * Statistics of minimal norms, against closed forms and laws that hold for all norms.
 *
 * @module
 */
import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { mean, median, quantile, robustAccuracy, wilson } from "$lib/statistics.ts";

const norm = fc.oneof(
  fc.double({ min: 0, max: 1e6, noNaN: true }),
  fc.constantFrom(0, 1, 2, Infinity),
);
const norms = fc.array(norm, { minLength: 1, maxLength: 40 });
const seed = { seed: 1, numRuns: 300 };

Deno.test("quantile() uses the R-7 method", () => {
  const values = [10, 3, 7, 6, 20, 8, 9, 16, 8, 13, 15]; // as NumPy's default gives
  const shares = [0, 0.01, 0.25, 0.4, 0.5, 0.75, 0.99, 1];
  const expected = [3, 3.3, 7.5, 8, 9, 14, 19.6, 20];
  shares.forEach((share, i) => assertAlmostEquals(quantile(values, share), expected[i]!, 1e-12));
  assertEquals(median([3, 6, 7, 8, 8, 10, 13, 15, 16, 20]), 9);
  assertEquals(median([4]), 4);
});

Deno.test("quantile() sorts by value and leaves its input alone", () => {
  const values = [10, 9, 2];
  assertEquals(quantile(values, 0), 2);
  assertEquals(values, [10, 9, 2]);
});

Deno.test("infinities are the largest values, and never NaN", () => {
  assertEquals(median([1, 2, Infinity]), 2);
  assertEquals(median([1, Infinity]), Infinity);
  assertEquals(median([Infinity, Infinity]), Infinity);
  assertEquals(quantile([1, 2, 3, Infinity], 2 / 3), 3);
  assertEquals(mean([1, 2, 6]), 3);
  assertEquals(mean([1, Infinity]), Infinity);
});

Deno.test("quantile() never falls with its share and stays among the values", () => {
  const share = fc.double({ min: 0, max: 1, noNaN: true });
  fc.assert(
    fc.property(norms, share, share, (values, a, b) => {
      const [low, high] = [quantile(values, Math.min(a, b)), quantile(values, Math.max(a, b))];
      assert(low <= high && low >= Math.min(...values) && high <= Math.max(...values));
    }),
    seed,
  );
});

Deno.test("robustAccuracy() counts the norms above epsilon, of all images", () => {
  const found = [0, 0.5, 1, 2, Infinity];
  assertEquals([0, 0.5, 0.7, 2, 100].map((e) => robustAccuracy(found, e)), [
    0.8,
    0.6,
    0.6,
    0.2,
    0.2,
  ]);
});

Deno.test("robustAccuracy() never rises with epsilon", () => {
  fc.assert(
    fc.property(norms, norm, norm, (values, a, b) => {
      const [near, far] = [Math.min(a, b), Math.max(a, b)];
      assert(robustAccuracy(values, near) >= robustAccuracy(values, far));
    }),
    seed,
  );
});

Deno.test("wilson() gives the published intervals", () => {
  // Newcombe 1998, table I, method 3: 81/263, 15/148, 0/20, 1/29.
  const published = [[81, 263, 0.2553, 0.3662], [15, 148, 0.0624, 0.1605], [0, 20, 0, 0.1611]]
    .concat([[1, 29, 0.0061, 0.1718]]) as [number, number, number, number][];
  for (const [successes, count, low, high] of published) {
    const [from, to] = wilson(successes, count);
    assertAlmostEquals(from, low, 5e-5);
    assertAlmostEquals(to, high, 5e-5);
  }
});

Deno.test("wilson() ends exactly at a share of 0 or 1", () => {
  for (let count = 1; count <= 300; count++) {
    assertEquals([wilson(0, count)[0], wilson(count, count)[1]], [0, 1]);
  }
});

Deno.test("wilson() ends solve (p - share)^2 = z^2 p (1 - p) / n, around the share", () => {
  const sample = fc.integer({ min: 1, max: 20_000 }).chain((count) =>
    fc.tuple(fc.integer({ min: 0, max: count }), fc.constant(count))
  );
  fc.assert(
    fc.property(sample, fc.double({ min: 0, max: 5, noNaN: true }), ([successes, count], z) => {
      const ends = wilson(successes, count, z);
      const share = successes / count;
      assert(0 <= ends[0] && ends[0] <= share + 1e-12);
      assert(share - 1e-12 <= ends[1] && ends[1] <= 1);
      for (const end of ends) {
        assertAlmostEquals((end - share) ** 2, z * z * end * (1 - end) / count, 1e-12);
      }
    }),
    seed,
  );
});

for (
  const [what, call, message] of [
    ["no values", () => median([]), "there must be values"],
    ["a NaN", () => mean([1, NaN]), "current value is NaN"],
    ["a share above 1", () => quantile([1], 1.1), "in [0, 1]: current value is 1.1"],
    ["no norms", () => robustAccuracy([], 1), "there must be values"],
    ["a negative norm", () => robustAccuracy([1, -2], 1), "current value is -2"],
    ["epsilon NaN", () => robustAccuracy([1], NaN), "epsilon must be >= 0: current value is NaN"],
    ["an empty sample", () => wilson(0, 0), "the sample must have images: current value is 0"],
    ["more successes than images", () => wilson(3, 2), "at most 2: current value is 3"],
    ["half an image", () => wilson(0.5, 2), "current value is 0.5"],
    ["an infinite z", () => wilson(1, 2, Infinity), "z must be finite"],
  ] as const
) {
  Deno.test(`statistics of ${what} are refused`, () => {
    assertThrows(call, RangeError, message);
  });
}
