/**
 * Options of commands: how each is read, and what the help says of it.
 *
 * @module
 */

/** The command line cannot be understood: exit code 2, with a pointer to `--help`. */
export class UsageError extends Error {
  override name = "UsageError";
}

/** One option of a command, such as `--norm v`. */
export interface Option<T> {
  /** What the option does; its default is added to the help by the builder. */
  readonly help: string;
  /** Name of the value in the help; a flag has none. */
  readonly value?: string;
  /** Turns the option's text into its value; `undefined` when the option was not given. */
  read(text: string | undefined, name: string): T;
}

/** The options of a command by name, without the leading dashes. */
export type Options = Record<string, Option<unknown>>;

/** The values read from the command line, one for each option. */
export type Values<O extends Options> = {
  [K in keyof O]: O[K] extends Option<infer T> ? T : never;
};

/** An option without a value, such as `--save`. */
export function flag(help: string): Option<boolean> {
  return { help, read: (text) => text !== undefined };
}

/** An option with a text as its value. */
export function text(value: string, help: string): Option<string | undefined>;
export function text(value: string, help: string, fallback: string): Option<string>;
export function text(value: string, help: string, fallback?: string): Option<string | undefined> {
  return { help: withDefault(help, fallback), value, read: (given) => given ?? fallback };
}

/** An option with one of a few words as its value. */
export function choice<T extends string>(
  value: string,
  help: string,
  choices: readonly T[],
  fallback: T,
): Option<T> {
  return {
    help: `${help}: ${choices.join(", ")} (default: ${fallback})`,
    value,
    read: (given, name) => given === undefined ? fallback : known(given, choices, `--${name}`),
  };
}

/** Limits of a number given on the command line. */
export interface Range {
  min?: number;
  max?: number;
  /** The value must be greater than this. */
  above?: number;
  integer?: boolean;
}

/** An option with a finite number as its value. */
export function number(value: string, help: string, range: Range): Option<number | undefined>;
export function number(value: string, help: string, range: Range, fallback: number): Option<number>;
export function number(
  value: string,
  help: string,
  range: Range,
  fallback?: number,
): Option<number | undefined> {
  return {
    help: withDefault(help, fallback),
    value,
    read: (given, name) => given === undefined ? fallback : readNumber(given, name, range),
  };
}

/** Reads one number and says what was wrong with it where it is none, or out of range. */
export function readNumber(given: string, name: string, range: Range): number {
  const value = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(given.trim()) ? Number(given) : NaN;
  const { min = -Infinity, max = Infinity, above = -Infinity, integer = false } = range;
  const valid = Number.isFinite(value) && value >= min && value <= max && value > above &&
    (!integer || Number.isSafeInteger(value));
  if (valid) return value;
  const limits = [
    range.above !== undefined && `greater than ${above}`,
    range.min !== undefined && `at least ${min}`,
    range.max !== undefined && `at most ${max}`,
  ].filter(Boolean);
  const bothEnds = range.min !== undefined && range.max !== undefined && range.above === undefined;
  const rule = bothEnds ? `from ${min} to ${max}` : limits.join(" and ");
  const kind = integer ? "a whole number" : "a number";
  throw new UsageError(
    `Cannot read --${name} as it must be ${[kind, rule].filter(Boolean).join(" ")}: ` +
      `current value is ${given}`,
  );
}

/**
 * Finds a name among the known ones, whatever its case.
 *
 * @throws {UsageError} If it is not there; the message lists the known names and the closest one.
 */
export function known<T extends string>(given: string, names: readonly T[], what: string): T {
  const found = names.find((name) => name === given) ??
    names.find((name) => name.toLowerCase() === given.toLowerCase());
  if (found !== undefined) return found;
  const bare = (name: string) => name.toLowerCase().replaceAll(/[-_]/g, "");
  const [closest] = names
    .map((name) => ({ name, edits: editDistance(bare(name), bare(given)) }))
    .filter(({ name, edits }) => edits <= Math.max(1, Math.floor(name.length / 2)))
    .sort((a, b) => a.edits - b.edits);
  const hint = closest === undefined ? "" : `. Did you mean ${closest.name}?`;
  throw new UsageError(
    `Cannot use ${what} as it must be one of ${names.join(", ")}: current value is ${given}${hint}`,
  );
}

/**
 * Checks that nothing more stands on the command line.
 *
 * @throws {UsageError} If something does.
 */
export function noMore(words: readonly string[]): void {
  if (words.length === 0) return;
  throw new UsageError(
    `Cannot start as there are too many words: current value is ${words.join(" ")}`,
  );
}

function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const substituted = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(substituted, (previous[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1));
    }
    previous = row;
  }
  return previous[b.length] ?? 0;
}

function withDefault(help: string, fallback: string | number | undefined): string {
  return fallback === undefined ? help : `${help} (default: ${fallback})`;
}
