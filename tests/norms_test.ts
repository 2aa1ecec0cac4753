import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { type Tensor4D, tf } from "$lib/backend.ts";
import { dualP, norm, project, rescale } from "$lib/norms.ts";

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

Deno.test("norm() counts pixels changed at all, however little", () => {
  tf.tidy(() => assertEquals([...norm(perturbation([1e-7, 0, -1e-4]), 0).dataSync()], [2]));
});

Deno.test("norm() keeps small pixels under high powers", () => {
  tf.tidy(() => {
    const r = perturbation([1e-6, 1e-6, 0]);
    assertAlmostEquals(norm(r, 10).dataSync()[0]! / 1e-6, 2 ** 0.1, 1e-4);
  });
});

Deno.test("norm() at p = 2 measures from 1e-28 to 2.1e9, and tells what is beyond from it", () => {
  tf.tidy(() => {
    for (const size of [1e-28, 1e-10, 1, 4.2e8]) {
      const r = perturbation([3 * size, -4 * size, 0]);
      assertAlmostEquals(norm(r, 2).dataSync()[0]! / size, 5, 1e-5);
    }
    assertEquals(norm(perturbation([2.2e9, 0]), 2).dataSync()[0], Infinity);
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

Deno.test("orders of norms below 1 are refused, but 0", () => {
  tf.tidy(() => {
    assertThrows(() => norm(perturbation([1]), 0.5), RangeError);
    assertThrows(() => rescale(perturbation([1]), 0, 1), RangeError);
  });
});

/** Few values, so that ties and zeros occur; multiples of 1/8, so that sums are exact. */
const row = fc.array(fc.integer({ min: -8, max: 8 }).map((value) => value / 8), {
  minLength: 6,
  maxLength: 6,
});
const projected = (values: number[], p: number, radius: number): number[] =>
  tf.tidy(() => [
    ...project(perturbation(values), p, tf.tensor4d([radius], [1, 1, 1, 1])).dataSync(),
  ]);
const dot = (a: number[], b: number[]) => a.reduce((sum, value, i) => sum + value * b[i]!, 0);
const minus = (a: number[], b: number[]) => a.map((value, i) => value - b[i]!);

Deno.test("project() gives the ball's nearest point for p = 1, 2, inf", () => {
  const radius = fc.integer({ min: 0, max: 24 }).map((value) => value / 8);
  fc.assert(
    fc.property(row, row, fc.constantFrom(1, 2, Infinity), radius, (x, other, p, radius) => {
      const nearest = projected(x, p, radius);
      const size = tf.tidy(() => norm(perturbation(nearest), p).dataSync()[0]!);
      assert(size <= radius * (1 + 1e-6) + 1e-6, `norm ${size}`);
      // A convex set's nearest point is the one that no other point of it lies beyond.
      const inBall = projected(other, p, radius);
      assert(dot(minus(x, nearest), minus(inBall, nearest)) <= 1e-5);
    }),
    { seed: 1, numRuns: 300 },
  );
});

Deno.test("project() keeps exactly the largest pixels for p = 0", () => {
  fc.assert(
    fc.property(row, fc.integer({ min: 0, max: 8 }), (x, count) => {
      const kept = projected(x, 0, count);
      const sizes = (values: number[]) => values.map(Math.abs).filter(Boolean).sort().reverse();
      assertEquals(sizes(kept), sizes(x).slice(0, count));
      kept.forEach((value, i) => assert(value === 0 || value === x[i]));
    }),
    { seed: 1, numRuns: 200 },
  );
});

Deno.test("project() gives each example its own radius, and leaves what is inside alone", () => {
  tf.tidy(() => {
    const r = perturbation([3, -4], [3, -4]);
    for (const p of [0, 1, 2, Infinity]) {
      const radius = tf.tensor4d([Infinity, 1], [2, 1, 1, 1]);
      assertEquals([...project(r, p, radius).dataSync()].slice(0, 2), [3, -4]);
      assertAlmostEquals(norm(project(r, p, radius), p).dataSync()[1]!, 1, 1e-6);
    }
    const radius: Tensor4D = tf.ones([2, 1, 1, 1]);
    assertThrows(() => project(r, 3, radius), RangeError, "p must be 0, 1, 2 or Infinity");
  });
});

Deno.test("dualP() gives the norm that bounds products", () => {
  assertEquals([1, 2, 4, Infinity].map(dualP), [Infinity, 2, 4 / 3, 1]);
});
