import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { apart, stairs } from "$lib/plots/stairs.ts";

type Point = readonly [x: number, y: number];

/** The corners of a path of M, L, H and V: points where it goes straight on are none. */
function corners(path: string): Point[] {
  const points: [number, number][] = [];
  for (const [, letter, first, second] of path.matchAll(/([MLHV])([-\d.]+)(?:,([-\d.]+))?/g)) {
    const [x, y] = points.at(-1) ?? [NaN, NaN];
    const value = Number(first);
    points.push(
      letter === "H" ? [value, y] : letter === "V" ? [x, value] : [value, Number(second)],
    );
  }
  const moved = points.filter(([x, y], i) => x !== points[i - 1]?.[0] || y !== points[i - 1]?.[1]);
  return moved.filter((point, i) => {
    const [before, after] = [moved[i - 1], moved[i + 1]];
    return !before || !after || String(way(before, point)) !== String(way(point, after));
  });
}

/** Up, down, left or right; other directions are each their own. */
function way([x, y]: Point, [toX, toY]: Point): readonly number[] {
  const level = x === toX || y === toY;
  return level ? [Math.sign(toX - x), Math.sign(toY - y)] : [toX - x, toY - y, x, y];
}

Deno.test("stairs() draws the same corners in no more letters", () => {
  const point = fc.tuple(fc.integer({ min: -3, max: 3 }), fc.integer({ min: -3, max: 3 }));
  fc.assert(
    fc.property(fc.array(point, { minLength: 1, maxLength: 12 }), (points) => {
      const path = points.map(([x, y], i) => `${i === 0 ? "M" : "L"}${x},${y}`).join("");
      const short = stairs(path);
      assert(short.length <= path.length);
      assertEquals(corners(short), corners(path));
    }),
    { seed: 6, numRuns: 500 },
  );
});

Deno.test("stairs() begins anew at each M, keeps Z, and leaves curves alone", () => {
  assertEquals(stairs("M0,0L2,0L2,3ZM2,3L2,5"), "M0,0H2V3ZM2,3V5");
  for (const path of ["M0,0C1,1,2,2,3,3L4,3", "m1 2h3", "M0,0L1e-7,0"]) {
    assertEquals(stairs(path), path);
  }
});

Deno.test("apart() leaves out no step, and draws none further right than it may", () => {
  assertEquals(apart([1, 1.05, 1.1, 1.11, 5], 0.1), [1.1, 1.11, 5]);
  const values = fc.array(fc.double({ min: 0, max: 9, noNaN: true }), { maxLength: 40 });
  fc.assert(
    fc.property(values, fc.double({ min: 0, max: 2, noNaN: true }), (some, least) => {
      const sorted = some.toSorted((a, b) => a - b);
      const places = apart(sorted, least);
      assertEquals(places, [...new Set(places)].toSorted((a, b) => a - b));
      for (const value of sorted) {
        const place = places.find((one) => one >= value)!;
        assert(sorted.includes(place) && place <= value + least + 1e-12);
      }
    }),
    { seed: 6 },
  );
});
