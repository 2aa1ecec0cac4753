/**
 * Images chosen by number or by property.
 *
 * @module
 */
import { assertEquals, assertThrows } from "@std/assert";
import { choose, readChoice } from "$lib/choose.ts";
import type { PredictionRow } from "$lib/rows.ts";

function row(image: number, label: number, confidences: number[]): PredictionRow {
  const confidence = Math.max(...confidences);
  const prediction = confidences.indexOf(confidence);
  const pixels = new Float32Array(784);
  return { image, label, prediction, confidence, confidences, pixels, caption: "" };
}

/** Image 20 is misclassified; 22 and 23 are certain, as far as float32 tells. */
const rows = [
  row(20, 1, [0.4, 0.3, 0.3]),
  row(21, 1, [0.4, 0.5, 0.1]),
  row(22, 0, [1, 1e-12, 1e-9]),
  row(23, 0, [1, 1e-12, 1e-11]),
];

Deno.test("choose() takes an image's number, rightly classified or not", () => {
  assertEquals(choose(rows, 20), 20);
  assertEquals(choose(rows, 23), 23);
});

Deno.test("choose() takes the first rightly classified image of a class", () => {
  assertEquals(choose(rows, "class 1"), 21);
  assertEquals(choose(rows, "class 0"), 22);
});

Deno.test("choose() finds the least and the most confident of the rightly classified", () => {
  assertEquals(choose(rows, "least confident"), 21);
  assertEquals(choose(rows, "most confident"), 23);
});

Deno.test("choose() says what there is to choose from", () => {
  for (const choice of [4, -1, NaN, "class 2"] as const) {
    assertThrows(() => choose(rows, choice), RangeError, `current value is ${choice}`);
  }
  assertThrows(() => choose([], "least confident"), RangeError, "one of 0");
});

Deno.test("readChoice() takes what choose() may be asked for, and nothing else", () => {
  for (const choice of [0, 9, "class 0", "class 9", "least confident", "most confident"]) {
    assertEquals(readChoice(choice, 10), choice);
  }
  for (const choice of [10, -1, 1.5, NaN, "5", "class 10", "class", "first", null, undefined]) {
    assertThrows(() => readChoice(choice, 10), RangeError, `current value is ${choice}`);
  }
});
