import { assertEquals, assertThrows } from "@std/assert";
import {
  argMax,
  assertPositive,
  decimals,
  duration,
  formatP,
  parseP,
  withArticle,
} from "$lib/numbers.ts";

Deno.test("argMax() takes the first of equal values", () => {
  assertEquals(argMax([1, 3, 2, 3]), 1);
  assertEquals(argMax(new Float32Array([-2, -1])), 1);
});

Deno.test("decimals() has as many places as asked for, and a minus sign", () => {
  assertEquals([-0.00361, 0.0046, -0].map((value) => decimals(value, 4)), [
    "−0.0036",
    "0.0046",
    "0.0000",
  ]);
});

Deno.test("durations are short for people", () => {
  assertEquals([0.44, 41.6, 59.9, 185, 3725].map(duration), [
    "0.4 s",
    "42 s",
    "1 min 0 s",
    "3 min 5 s",
    "1 h 2 min",
  ]);
});

Deno.test("parseP() and formatP() undo each other; orders below 1 are none, but 0", () => {
  for (const text of ["0", "1", "2", "3", "inf"]) assertEquals(formatP(parseP(text)), text);
  assertEquals(parseP("Infinity"), Infinity);
  for (const text of ["", " ", "x", "0.5", "-1", "NaN", "-inf"]) assertEquals(parseP(text), NaN);
});

Deno.test("assertPositive() takes finite numbers above 0 alone", () => {
  assertPositive(Number.MIN_VALUE, "sigma", "smooth");
  for (const value of [0, -1, Infinity, NaN]) {
    assertThrows(
      () => assertPositive(value, "sigma", "smooth"),
      RangeError,
      `Cannot smooth as sigma must be finite and > 0: current value is ${value}`,
    );
  }
});

Deno.test("withArticle() hears the vowel of 8 and of no other digit", () => {
  const spoken = Array.from({ length: 10 }, (_, digit) => withArticle(digit));
  assertEquals(spoken.filter((words) => words.startsWith("an ")), ["an 8"]);
  assertEquals(withArticle(8, "A"), "An 8");
});
