/**
 * What a notebook's parameters may be: a value that can't be meant ends the notebook at once, with
 * one line that names it.
 *
 * Each function takes the parameters by name, as `{ samples }`, and throws at the first that breaks
 * the rule. Kernels show an error with its stack; these have none, as the stack would lead into
 * `lib/`, where nothing is wrong.
 *
 * @example
 * ```ts
 * import { oneOf, whole } from "$lib/parameters.ts";
 * import { assertThrows } from "@std/assert";
 *
 * const samples = 0;
 * oneOf({ network: "CNN" }, ["MLP", "CNN"]);
 * assertThrows(() => whole({ samples }, 1, 200), RangeError, "Cannot use samples as it must be");
 * ```
 *
 * @module
 */

import { endWaiting, goOn, oneLine } from "./waiting.ts";

/** Parameters by name. */
export type Parameters = Readonly<Record<string, unknown>>;

/** Limits of a number. */
export interface Limits {
  /** The least and the largest value allowed. */
  from?: number;
  to?: number;
  /** The value must be greater than this. */
  above?: number;
  /** The value must be smaller than this. */
  below?: number;
}

/** Refuses what is no whole number in [from, to]. */
export function whole(parameters: Parameters, from: number, to = Infinity): void {
  const rule = `a whole number ${range({ from, to })}`;
  judge(parameters, rule, (value) => Number.isInteger(value) && within(value, { from, to }));
}

/** Refuses what is no number within the limits; infinity must be among them to be taken. */
export function number(parameters: Parameters, limits: Limits): void {
  const rule = `a number ${range(limits)}`;
  judge(parameters, rule, (value) => within(value, limits));
}

/** Refuses what is not among the values. */
export function oneOf(parameters: Parameters, values: readonly unknown[]): void {
  judge(parameters, `one of ${list(values)}`, (value) => values.includes(value));
}

/** Refuses what is no list of at least one of the values, each at most once. */
export function someOf(parameters: Parameters, values: readonly unknown[]): void {
  const rule = `a list of one or more of ${list(values)}, each once`;
  judge(parameters, rule, (value) => isList(value) && value.every((one) => values.includes(one)));
}

/** Refuses what is no list of whole numbers in [from, to], each at most once. */
export function someWhole(parameters: Parameters, from: number, to: number): void {
  const rule = `a list of one or more whole numbers ${range({ from, to })}, each once`;
  judge(
    parameters,
    rule,
    (value) =>
      isList(value) && value.every((one) => Number.isInteger(one) && within(one, { from, to })),
  );
}

/**
 * Refuses what something can't be made of: the reason is the error that it throws.
 *
 * Gives nothing: kernels would show it.
 *
 * @param make Throws, or its promise does, if the parameters don't fit.
 */
export async function fits(parameters: Parameters, make: () => unknown): Promise<void> {
  try {
    await make();
    goOn(Object.keys(parameters).join(", "));
  } catch (error) {
    const [first = ""] = (error instanceof Error ? error.message : String(error)).split("\n");
    const names = Object.keys(parameters).join(", ");
    throw refusal(names, `Cannot use ${names} as they must fit: ${first}`);
  }
}

function judge(parameters: Parameters, rule: string, right: (value: unknown) => boolean): void {
  for (const [name, value] of Object.entries(parameters)) {
    if (!right(value)) {
      throw refusal(
        name,
        `Cannot use ${name} as it must be ${rule}: current value is ${shown(value)}`,
      );
    }
    goOn(name);
  }
}

function refusal(names: string, message: string): Error {
  endWaiting(names, message);
  return oneLine(new RangeError(message));
}

function within(value: unknown, limits: Limits): boolean {
  const { from = -Infinity, to = Infinity, above = -Infinity, below = Infinity } = limits;
  if (typeof value !== "number" || Number.isNaN(value)) return false;
  return value >= from && value <= to && (limits.above === undefined || value > above) &&
    (limits.below === undefined || value < below);
}

function range({ from, to, above, below }: Limits): string {
  const [low, high] = [from ?? above, to ?? below];
  if (from !== undefined && to !== undefined && to < Infinity) {
    return `from ${written(from)} to ${written(to)}`;
  }
  const words = [
    low !== undefined && (from === undefined ? `above ${written(low)}` : `>= ${written(low)}`),
    high !== undefined && high < Infinity &&
    (to === undefined ? `below ${written(high)}` : `<= ${written(high)}`),
  ];
  return words.filter(Boolean).join(" and ");
}

const written = (value: number): string => value.toLocaleString("en");

const isList = (value: unknown): value is unknown[] =>
  Array.isArray(value) && value.length > 0 && new Set(value).size === value.length;

const list = (values: readonly unknown[]): string => values.map(String).join(", ");

/** A value on one line. */
function shown(value: unknown): string {
  return Deno.inspect(value, { colors: false, compact: true, breakLength: Infinity });
}
