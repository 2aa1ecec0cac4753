/**
 * The nearest point of a half space within the box, against double precision.
 *
 * @module
 */
import { assert, assertThrows } from "@std/assert";
import fc from "fast-check";
import { type Bounds, nearest } from "$lib/attacks/hyperplane.ts";
import { type Tensor4D, tf } from "$lib/backend.ts";
import { distance } from "$lib/norms.ts";
import { uniform } from "$lib/random.ts";

const pixels = 784;

/** Shares of black and white pixels, and how many orders of magnitude the weights span. */
interface Kind {
  seed: number;
  edge: number;
  orders: number;
  /** How far the plane is, as a share of what the box allows. */
  far: number;
}

interface Plane {
  origin: Float32Array;
  w: Float32Array;
  b: number;
}

function plane({ seed, edge, orders, far }: Kind, lower: number, upper: number): Plane {
  const origin = uniform(pixels, seed, 0).map((value) =>
    lower + (upper - lower) * (value < edge ? 0 : value > 1 - edge ? 1 : value)
  );
  const size = uniform(pixels, seed, 1);
  const w = uniform(pixels, seed, 2).map((value, i) =>
    (value < 0.05 ? 0 : Math.sign(value - 0.5)) * 10 ** (-orders * size[i]!)
  );
  const [at, most] = [dot(w, origin), gain(w, origin, (_, room) => room, lower, upper)];
  return { origin, w, b: at - far * most };
}

const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Array.from(a).reduce((sum, one, i) => sum + one * b[i]!, 0);

/** What changes gain; each is told the pixel's weight and room. */
function gain(
  w: Float32Array,
  origin: Float32Array,
  change: (weight: number, room: number) => number,
  lower: number,
  upper: number,
): number {
  return w.reduce((sum, one, i) => {
    const room = one > 0 ? origin[i]! - lower : upper - origin[i]!;
    return sum + Math.abs(one) * change(Math.abs(one), room);
  }, 0);
}

/** The smallest norm, in double precision: by bisection, and greedily for p = 1. */
function smallest({ origin, w, b }: Plane, p: number, lower: number, upper: number): number {
  const lack = dot(w, origin) - b;
  const rooms = origin.map((value, i) => w[i]! > 0 ? value - lower : upper - value);
  if (p === 1) {
    let [left, size] = [lack, 0];
    const order = [...w.keys()].sort((i, j) => Math.abs(w[j]!) - Math.abs(w[i]!));
    for (const i of order.filter((i) => w[i] !== 0)) {
      if (left <= 0) break;
      const weight = Math.abs(w[i]!);
      size += Math.min(rooms[i]!, left / weight);
      left -= weight * rooms[i]!;
    }
    return size;
  }
  const move = (time: number) => (weight: number, room: number) =>
    Math.min(room, p === 2 ? time * weight : time);
  let [low, high] = [0, 1e9];
  for (let i = 0; i < 200; i++) {
    const middle = (low + high) / 2;
    if (gain(w, origin, move(middle), lower, upper) < lack) low = middle;
    else high = middle;
  }
  const size = rooms.map((room, i) => move(high)(Math.abs(w[i]!), room));
  return p === 2 ? Math.hypot(...size) : Math.max(...size.filter((_, i) => w[i] !== 0));
}

const rows = (all: Float32Array[]): Tensor4D =>
  tf.tensor(Float32Array.from(all.flatMap((one) => [...one]))).reshape([all.length, 28, 28, 1]);

function project(planes: Plane[], p: number, bounds?: Bounds): Float32Array[] {
  return tf.tidy(() => {
    const b = tf.tensor4d(planes.map(({ b }) => b), [planes.length, 1, 1, 1]);
    const [origin, w] = [rows(planes.map(({ origin }) => origin)), rows(planes.map(({ w }) => w))];
    const values = nearest(origin, w, b, p, bounds).dataSync() as Float32Array;
    return planes.map((_, i) => values.slice(i * pixels, (i + 1) * pixels));
  });
}

const kind = fc.record({
  seed: fc.integer({ min: 0, max: 1e6 }),
  edge: fc.double({ min: 0, max: 0.45, noNaN: true }),
  orders: fc.double({ min: 0, max: 4, noNaN: true }),
  far: fc.double({ min: 1e-3, max: 0.999, noNaN: true }),
});

for (const p of [1, 2, Infinity]) {
  for (const [lower, upper] of [[0, 1], [0.25, 0.5]] as const) {
    Deno.test(`nearest() at p = ${p} is as near as any, in [${lower}, ${upper}]`, () => {
      fc.assert(
        fc.property(fc.array(kind, { minLength: 1, maxLength: 8 }), (kinds) => {
          const planes = kinds.map((one) => plane(one, lower, upper));
          const bounds = { lower: tf.fill([28, 28, 1], lower), upper };
          const points = project(planes, p, lower === 0 ? undefined : bounds);
          tf.dispose(bounds.lower);
          points.forEach((point, i) => {
            const { origin, w, b } = planes[i]!;
            const scale = dot(w.map(Math.abs), origin) + Math.abs(b);
            assert(dot(w, point) <= b + 1e-5 * scale, `${dot(w, point)} > ${b}`);
            assert(point.every((value) => value >= lower && value <= upper));
            const [size, least] = [
              distance(point, origin, p),
              smallest(planes[i]!, p, lower, upper),
            ];
            assert(Math.abs(size - least) <= 1e-4 * least + 1e-5, `${size} and not ${least}`);
          });
        }),
        { numRuns: 25, seed: 1 },
      );
    });
  }

  Deno.test(`nearest() at p = ${p} leaves what is in the half space where it is`, () => {
    const { origin, w, b } = plane({ seed: 1, edge: 0.3, orders: 1, far: 0.5 }, 0, 1);
    const inside = dot(w, origin) + 0.1;
    const [point] = project([{ origin, w, b: inside }, { origin, w, b }], p);
    assert(distance(point!, origin, p) === 0);
  });

  Deno.test(`nearest() at p = ${p} gives the best corner where the box is too small`, () => {
    const { origin, w } = plane({ seed: 2, edge: 0.3, orders: 3, far: 0.5 }, 0, 1);
    const [point] = project([{ origin, w, b: -1e6 }], p);
    point!.forEach((value, i) => {
      assert(value === (w[i]! > 0 ? 0 : w[i]! < 0 ? 1 : origin[i]));
    });
  });

  Deno.test(`nearest() at p = ${p} survives a gradient of 0`, () => {
    const { origin } = plane({ seed: 3, edge: 0.3, orders: 3, far: 0.5 }, 0, 1);
    const [point] = project([{ origin, w: new Float32Array(pixels), b: -1 }], p);
    assert(distance(point!, origin, p) === 0);
  });
}

Deno.test("nearest() refuses other norms", () => {
  for (const p of [0, 3, NaN]) {
    assertThrows(
      () => project([plane({ seed: 1, edge: 0, orders: 0, far: 0.5 }, 0, 1)], p),
      RangeError,
      `p must be 1, 2 or Infinity: current value is ${p}`,
    );
  }
});
