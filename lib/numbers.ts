/**
 * Plain numbers: where the largest is, which are positive, and how people write times and norms.
 *
 * @module
 */

/** The place of the largest value, of equal ones the first: the class that logits predict. */
export function argMax(values: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i;
  return best;
}

/**
 * Refuses a setting that is no positive number.
 *
 * @param name What errors call it: `sigma`.
 * @param work What can't be done: `smooth`.
 * @throws {RangeError} If it is not finite and > 0.
 */
export function assertPositive(value: number, name: string, work: string): void {
  if (value > 0 && value < Infinity) return;
  throw new RangeError(
    `Cannot ${work} as ${name} must be finite and > 0: current value is ${value}`,
  );
}

/**
 * A number with so many decimals, and with a minus sign rather than a hyphen: `−0.0036`.
 *
 * @param places Decimals, from 0 to 100.
 */
export const decimals = (value: number, places: number): string =>
  value.toFixed(places).replace("-", "−");

/** A time span for people: `0.4 s`, `42 s`, `3 min 5 s`, `1 h 2 min`. */
export function duration(seconds: number): string {
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor(whole % 3600 / 60)} min`;
}

/**
 * Reads a norm's order as commands take it: `0`, any number >= 1, or `inf`; all else is NaN.
 *
 * @example
 * ```ts
 * import { formatP, parseP } from "$lib/numbers.ts";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(["2", "inf", "0.5"].map(parseP), [2, Infinity, NaN]);
 * assertEquals(formatP(Infinity), "inf");
 * ```
 */
export function parseP(text: string): number {
  const p = /^inf(inity)?$/i.test(text.trim()) ? Infinity : Number(text.trim() || NaN);
  return p === 0 || p >= 1 ? p : NaN;
}

/** Writes a norm's order as commands and files do: `2`, `inf`. */
export const formatP = (p: number): string => p === Infinity ? "inf" : String(p);

/** Writes a digit with its article: `a 3`, `an 8`. */
export function withArticle(digit: number, article: "A" | "a" = "a"): string {
  return `${article}${digit === 8 ? "n" : ""} ${digit}`;
}
