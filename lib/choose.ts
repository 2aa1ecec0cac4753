/**
 * Images chosen by number or by what a network makes of them.
 *
 * @module
 */
import type { PredictionRow } from "./rows.ts";

/** An image's number, or a property: of a class, or the network's least or most confident. */
export type Choice = number | `class ${number}` | "least confident" | "most confident";

/**
 * Finds the image that is meant. Properties mean rightly classified images: of a class the first
 * one, and of equally confident ones the first too.
 *
 * @param rows What the network makes of the images to choose from.
 * @returns The image's number, as in `rows`.
 * @throws {RangeError} If there is no such image.
 *
 * ```ts
 * import { choose } from "$lib/choose.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const row = { pixels: new Float32Array(784), caption: "" };
 * const rows = [
 *   { ...row, image: 0, label: 1, prediction: 1, confidence: 0.9, confidences: [0.1, 0.9] },
 *   { ...row, image: 1, label: 0, prediction: 0, confidence: 0.6, confidences: [0.6, 0.4] },
 * ];
 * assertEquals(choose(rows, "class 1"), 0);
 * assertEquals(choose(rows, "least confident"), 1);
 * ```
 */
export function choose(rows: readonly PredictionRow[], choice: Choice): number {
  const right = rows.filter(({ label, prediction }) => label === prediction);
  const row = typeof choice === "number"
    ? rows.find(({ image }) => image === choice)
    : choice === "least confident"
    ? most(right, doubt)
    : choice === "most confident"
    ? most(right, (one) => -doubt(one))
    : right.find(({ label }) => `class ${label}` === choice);
  if (row) return row.image;
  throw unknown(choice, rows.length);
}

/**
 * Checks that something is a choice among images 0 to `count` - 1.
 *
 * @throws {RangeError} If it is none.
 */
export function readChoice(value: unknown, count: number): Choice {
  const isNumber = Number.isInteger(value) && Number(value) >= 0 && Number(value) < count;
  if (isNumber || /^(?:class \d|(?:least|most) confident)$/.test(String(value))) {
    return value as Choice; // one of its forms
  }
  throw unknown(value, count);
}

const unknown = (value: unknown, count: number) =>
  new RangeError(
    `Cannot choose an image as it must be one of ${count} (a number, "class 0" to "class 9", ` +
      `"least confident" or "most confident"): current value is ${value}`,
  );

/**
 * What the other classes got. Near certainty a float32 confidence is 1 for thousands of images,
 * while the small shares of the others still tell them apart.
 */
function doubt({ confidences, prediction }: PredictionRow): number {
  return confidences.reduce((sum, share, i) => i === prediction ? sum : sum + share, 0);
}

function most<T>(items: readonly T[], value: (item: T) => number): T | undefined {
  let best: { item: T; value: number } | undefined;
  for (const item of items) {
    const own = value(item);
    if (own > (best?.value ?? -Infinity)) best = { item, value: own };
  }
  return best?.item;
}
