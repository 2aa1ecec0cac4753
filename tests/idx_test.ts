/**
 * IDX: round trips and damaged files.
 *
 * @module
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { decodeIdx, encodeIdx } from "$lib/data/idx.ts";

const arrays = fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 4 }).chain((shape) => {
  const size = shape.reduce((product, dimension) => product * dimension, 1);
  return fc.uint8Array({ minLength: size, maxLength: size })
    .map((values) => ({ shape, values: new Uint8Array(values) }));
});

Deno.test("decodeIdx(encodeIdx(x)) is x", () => {
  fc.assert(
    fc.property(arrays, (array) => assertEquals(decodeIdx(encodeIdx(array)), array)),
    { seed: 3 },
  );
});

Deno.test("decodeIdx() reads the format's own header", () => {
  const bytes = Uint8Array.of(0, 0, 8, 2, 0, 0, 0, 1, 0, 0, 0, 2, 7, 9);
  assertEquals(decodeIdx(bytes), { shape: [1, 2], values: Uint8Array.of(7, 9) });
});

Deno.test("decodeIdx() of mutated or cut files throws nothing but a SyntaxError", () => {
  fc.assert(
    fc.property(arrays, fc.nat(), fc.nat(255), fc.nat(), (array, at, value, cut) => {
      const bytes = encodeIdx(array);
      bytes[at % bytes.length] = value;
      try {
        decodeIdx(bytes.slice(0, cut % 2 ? bytes.length : cut % bytes.length));
      } catch (error) {
        assert(error instanceof SyntaxError, String(error));
      }
    }),
    { seed: 3, numRuns: 1000 },
  );
});

Deno.test("decodeIdx() says what is wrong in a line", () => {
  const good = encodeIdx({ shape: [2], values: Uint8Array.of(1, 2) });
  assertThrows(() => decodeIdx(new Uint8Array()), SyntaxError, "in 0 bytes");
  assertThrows(() => decodeIdx(good.slice(0, 6)), SyntaxError, "value is 00000801 in 6 bytes");
  assertThrows(() => decodeIdx(good.slice(0, -1)), SyntaxError, "[2] must have 2 bytes");
  assertThrows(() => decodeIdx(new Uint8Array([...good, 3])), SyntaxError, "current value is 3");
  assertThrows(() => decodeIdx(good.with(2, 0x0d)), SyntaxError, "000008");
});

Deno.test("encodeIdx() refuses values that do not fill their shape", () => {
  const values = Uint8Array.of(1, 2);
  assertThrows(() => encodeIdx({ shape: [3], values }), RangeError, "2 values for [3]");
  assertThrows(() => encodeIdx({ shape: [-1, -2], values }), RangeError, "fill the shape");
});
