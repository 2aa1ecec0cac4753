/**
 * The part that all commands share: options, help, JSON output, exit codes and interruption.
 *
 * @module
 */
import { parseArgs } from "node:util";

/** Exit codes of every command. */
export const exitCode = { done: 0, failed: 1, wrongUse: 2, interrupted: 130 } as const;

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

/** What a command is given to run with. */
export interface Call<O extends Options> {
  readonly values: Values<O>;
  readonly positionals: readonly string[];
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
  readonly json: boolean;
  /** Writes a line for people: to standard output, or to standard error under `--json`. */
  say(line: string): void;
}

/** A command: what `--help` says of it, and the work itself. */
export interface Command<O extends Options> {
  readonly name: string;
  /** One sentence for the top of the help. */
  readonly summary: string;
  /** Arguments before the options, as the usage line shows them. */
  readonly arguments: string;
  readonly options: O;
  /** Pairs of a command line (after `deno task`) and what it does. */
  readonly examples: readonly (readonly [line: string, does: string])[];
  /** Further paragraphs of the help. */
  readonly notes?: readonly string[];
  /** What an interrupted user should know. */
  readonly whenInterrupted?: string;
  /** Does the work. Returns the JSON object of the contract. */
  run(call: Call<O>): Promise<Record<string, unknown>>;
}

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
  const rules = [
    range.above !== undefined && `greater than ${above}`,
    range.min !== undefined && range.max === undefined && `at least ${min}`,
    range.max !== undefined && range.min !== undefined && `from ${min} to ${max}`,
  ].filter(Boolean);
  const kind = integer ? "a whole number" : "a number";
  throw new UsageError(
    `Cannot read --${name} as it must be ${[kind, ...rules].join(" ")}: current value is ${given}`,
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
  const [closest] = names
    .map((name) => ({ name, edits: editDistance(name.toLowerCase(), given.toLowerCase()) }))
    .filter(({ name, edits }) => edits <= Math.max(1, Math.floor(name.length / 2)))
    .sort((a, b) => a.edits - b.edits);
  const hint = closest === undefined ? "" : `. Did you mean ${closest.name}?`;
  throw new UsageError(
    `Cannot use ${what} as it must be one of ${names.join(", ")}: current value is ${given}${hint}`,
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

const common = {
  json: flag("print one JSON object on standard output, progress on standard error"),
  help: flag("show this help"),
};

/** The text that `--help` prints. */
export function helpText<O extends Options>(command: Command<O>): string {
  const options: Options = { ...command.options, ...common };
  const rows = Object.entries(options).map(([name, { value, help }]) =>
    [`  --${name}${value === undefined ? "" : ` ${value}`}`, help] as const
  );
  const width = Math.max(...rows.map(([left]) => left.length)) + 2;
  return [
    command.summary,
    "",
    `Usage: deno task ${command.name} ${command.arguments} [options]`.replaceAll(/ +/g, " "),
    "",
    "Options:",
    ...rows.map(([left, right]) => left.padEnd(width) + right),
    "",
    "Examples:",
    ...command.examples.flatMap(([line, does]) => [`  deno task ${line}`, `      ${does}`]),
    ...(command.notes ?? []).flatMap((note) => ["", note]),
  ].join("\n");
}

/**
 * Splits a command line into the command's option values and positional arguments.
 *
 * @throws {UsageError} If an option is unknown or its value is out of range.
 */
export function readArguments<O extends Options>(
  command: Command<O>,
  args: readonly string[],
): { values: Values<O>; positionals: string[]; json: boolean; help: boolean } {
  const all: Options = { ...command.options, ...common };
  const names = Object.keys(all);
  const { tokens } = parseArgs({
    args: [...args],
    options: Object.fromEntries(names.map((name) => [name, {
      type: all[name]?.value === undefined ? "boolean" as const : "string" as const,
    }])),
    strict: false,
    tokens: true,
  });
  const given: Record<string, string> = {};
  const positionals: string[] = [];
  for (const token of tokens) {
    if (token.kind === "positional") positionals.push(token.value);
    if (token.kind !== "option") continue;
    const name = known(token.name, names, `option ${token.rawName}`);
    const wantsValue = all[name]?.value !== undefined;
    if (wantsValue && token.value === undefined) {
      throw new UsageError(`Cannot read --${name} as it needs a value: current value is none`);
    }
    if (!wantsValue && token.value !== undefined) {
      throw new UsageError(
        `Cannot read --${name} as it takes no value: current value is ${token.value}`,
      );
    }
    given[name] = token.value ?? "";
  }
  const help = given.help !== undefined;
  const values = Object.fromEntries(
    // Help is given whatever else stands on the line, so nothing is judged then.
    help ? [] : Object.entries(command.options).map(([name, option]) => [
      name,
      option.read(given[name], name),
    ]),
  );
  // The entries have the options' own names and types, which fromEntries cannot express.
  return { values: values as Values<O>, positionals, json: given.json !== undefined, help };
}

/** Runs a command with Ctrl-C as its abort signal and returns the exit code. */
export async function runCommand<O extends Options>(
  command: Command<O>,
  args: readonly string[],
): Promise<number> {
  const controller = new AbortController();
  const interrupt = () => {
    // A second Ctrl-C means that the user will not wait for a tidy end.
    if (controller.signal.aborted) Deno.exit(exitCode.interrupted);
    controller.abort(new DOMException("Interrupted", "AbortError"));
  };
  Deno.addSignalListener("SIGINT", interrupt);
  try {
    const { values, positionals, json, help } = readArguments(command, args);
    if (help) {
      console.log(helpText(command));
      return exitCode.done;
    }
    const say = json ? console.error : console.log;
    const result = await command.run({ values, positionals, json, say, signal: controller.signal });
    if (json) console.log(toJson(result));
    return exitCode.done;
  } catch (error) {
    if (controller.signal.aborted) {
      console.error(
        [`${command.name}: interrupted`, command.whenInterrupted].filter(Boolean).join(
          "; ",
        ),
      );
      return exitCode.interrupted;
    }
    console.error(errorLine(command.name, error));
    return error instanceof UsageError ? exitCode.wrongUse : exitCode.failed;
  } finally {
    Deno.removeSignalListener("SIGINT", interrupt);
  }
}

/** One object as JSON; infinities and NaN become null. */
export function toJson(result: Record<string, unknown>): string {
  return JSON.stringify(result);
}

/** An error as one line that names the command and, for wrong use, the way to its help. */
export function errorLine(name: string, error: unknown): string {
  const message = error instanceof Error ? error.message || error.name : String(error);
  const line = `${name}: ${message.replaceAll(/\s*\n\s*/g, " ")}`;
  return error instanceof UsageError ? `${line} (see deno task ${name} --help)` : line;
}
