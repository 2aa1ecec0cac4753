/**
 * Distances between images, on images whose distances are known.
 *
 * @module
 */
import { assertAlmostEquals, assertEquals } from "@std/assert";
import { tf } from "$lib/backend.ts";
import { distanceRows } from "$lib/distances.ts";

/** Grey images of one level each: two of them lie 28 times their levels' difference apart. */
function grey(levels: number[], labels: number[]) {
  return {
    images: tf.tensor4d(levels.flatMap((level) => new Array(784).fill(level)), [
      levels.length,
      28,
      28,
      1,
    ]),
    labels: tf.tensor1d(labels, "int32"),
  };
}

Deno.test("distanceRows() tells pairs of one class from pairs of different classes", () => {
  const rows = distanceRows(grey([0, 0.25, 1], [7, 7, 1]));
  assertEquals(rows.map(({ count }) => count), [1, 2, 3]);
  const expected = [[7, 7], [24.5, 21], [(28 + 21 + 21) / 3, 21]];
  rows.forEach(({ mean, smallest }, i) => {
    assertAlmostEquals(mean, expected[i]![0]!, 1e-4);
    assertAlmostEquals(smallest, expected[i]![1]!, 1e-4);
  });
});

Deno.test("distanceRows() gives 0 for equal images and leaves out kinds that do not occur", () => {
  const rows = distanceRows(grey([0.3, 0.3, 0.3], [5, 5, 5]));
  assertEquals(rows.length, 1);
  assertEquals(rows[0]?.count, 3);
  assertAlmostEquals(rows[0]!.smallest, 0, 1e-2);
});

Deno.test("distanceRows() leaves no tensor behind", () => {
  const digits = grey([0, 1], [0, 1]);
  const before = tf.memory().numTensors;
  distanceRows(digits);
  assertEquals(tf.memory().numTensors, before);
});
