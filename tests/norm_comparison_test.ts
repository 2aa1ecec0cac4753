import { assertEquals, assertThrows } from "@std/assert";
import {
  bestIn,
  type BestNorms,
  bestOf,
  bestSingle,
  compareNorms,
  meanAfter,
} from "../bench/norm_comparison.ts";

Deno.test("norms are not above the best up to a hundredth more, pixel counts only if equal", () => {
  const [ours, best] = [[1.009, 1.011, 0.5, 0], [1, 1, 1, 0, 9]];
  const { images, notAbove, below } = compareNorms(2, ours, best);
  assertEquals([images, notAbove, below], [4, 0.75, 0.25]);
  assertEquals(compareNorms(0, ours, best).notAbove, 0.5);
  assertEquals(compareNorms(2, [Infinity, 1], [Infinity, 2]).ours.mean, Infinity);
  assertEquals(compareNorms(2, [1, 3], [2, 2]).best, { mean: 2, median: 2 });
});

const runs = [
  { name: "misses", seconds: 1, norms: [0.1, Infinity] },
  { name: "good", seconds: 2, norms: [1, 2] },
  { name: "bad", seconds: 3, norms: [3, 1] },
];

Deno.test("the best of all is taken image by image, the best single peer among those that find all", () => {
  assertEquals(bestOf(runs), [0.1, 1]);
  assertEquals(bestSingle(runs)?.name, "good");
  assertEquals(bestSingle(runs.slice(0, 1)), undefined);
});

Deno.test("where a run stood is what was known by then", () => {
  const moments = [1, 2, 3].map((seconds) => ({
    ...{ seconds, passes: seconds, mean: 10 - seconds, median: 0 },
  }));
  assertEquals([0.5, 2, 2.9, 9].map((seconds) => meanAfter(moments, seconds)), [Infinity, 8, 8, 7]);
});

Deno.test("a file of norms is of the first test images, and null is none found", () => {
  const file = (from: number): BestNorms => ({
    MLP: { inf: { subset: "test", from, best: [0.5, null] } },
  });
  assertEquals(bestIn(file(0), "MLP", "inf"), [0.5, Infinity]);
  assertEquals(bestIn(file(0), "MLP", "2"), undefined);
  assertEquals(bestIn(file(0), "CNN", "2"), undefined);
  assertThrows(() => bestIn(file(5), "MLP", "inf"), TypeError, "current value is test from 5");
});
