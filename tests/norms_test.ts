import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { type Tensor4D, tf } from "$lib/backend.ts";
import { formatP, norm, parseP, rescale } from "$lib/norms.ts";

const perturbation = (...rows: number[][]): Tensor4D =>
  tf.tensor4d(rows.flat(), [rows.length, 1, rows[0]!.length, 1]);

Deno.test("norm() measures each example by itself", () => {
  tf.tidy(() => {
    const r = perturbation([3, -4, 0], [0, 0, 0]);
    const measure = (p: number) => [...norm(r, p).dataSync()];
    assertEquals(measure(0), [2, 0]);
    assertEquals(measure(1), [7, 0]);
    assertEquals(measure(2), [5, 0]);
    assertEquals(measure(Infinity), [4, 0]);
    assertAlmostEquals(measure(3)[0]!, (27 + 64) ** (1 / 3), 1e-5);
  });
});

Deno.test("norm() keeps small pixels under high powers", () => {
  tf.tidy(() => {
    const r = perturbation([1e-6, 1e-6, 0]);
    assertAlmostEquals(norm(r, 10).dataSync()[0]! / 1e-6, 2 ** 0.1, 1e-4);
  });
});

Deno.test("rescale() reaches the norm for any p >= 1, and leaves zeros alone", () => {
  const values = fc.array(fc.double({ min: -1, max: 1, noNaN: true }), {
    minLength: 4,
    maxLength: 4,
  });
  const p = fc.constantFrom(1, 1.5, 2, 3, 5, 10, Infinity);
  fc.assert(
    fc.property(values, p, fc.double({ min: 0.01, max: 20, noNaN: true }), (row, p, target) => {
      tf.tidy(() => {
        const r = perturbation(row.map(Math.fround).map((v) => Math.abs(v) < 1e-6 ? 0 : v));
        const reached = norm(rescale(r, p, target), p).dataSync()[0]!;
        const zero = norm(r, Infinity).dataSync()[0]! === 0;
        assertAlmostEquals(reached, zero ? 0 : target, 1e-4 * target);
      });
    }),
    { seed: 1, numRuns: 100 },
  );
});

Deno.test("parseP() and formatP() undo each other; orders below 1 are refused", () => {
  for (const text of ["0", "1", "2", "3", "inf"]) assertEquals(formatP(parseP(text)), text);
  assertEquals(parseP("Infinity"), Infinity);
  for (const text of ["", "x", "0.5", "-1", "NaN"]) {
    assertThrows(() => parseP(text), RangeError, "p must be 0 or >= 1");
  }
  tf.tidy(() => {
    assertThrows(() => norm(perturbation([1]), 0.5), RangeError);
    assertThrows(() => rescale(perturbation([1]), 0, 1), RangeError);
  });
});
