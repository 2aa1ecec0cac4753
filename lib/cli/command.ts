/**
 * The part that all commands share: options, help, JSON output, exit codes and interruption.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { flowed } from "../flowed.ts";
import { flag, known, type Options, UsageError, type Values } from "./options.ts";

export { choice, flag, known, number, text, UsageError } from "./options.ts";

/** Exit codes of every command. */
export const exitCode = { done: 0, failed: 1, wrongUse: 2, interrupted: 130 } as const;

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
  /** Further paragraphs of the help; a function if they take something to be loaded. */
  readonly notes?: readonly string[] | (() => Promise<readonly string[]>);
  /** What an interrupted user should know. */
  readonly whenInterrupted?: string;
  /** Does the work. Returns the JSON object of the contract. */
  run(call: Call<O>): Promise<Record<string, unknown>>;
  /** Whether such a result means failure, though it is one; without it none does. */
  readonly fails?: (result: Record<string, unknown>) => boolean;
}

const common = {
  json: flag("print one JSON object on standard output, progress on standard error"),
  help: flag("show this help"),
};

/** The text that `--help` prints. */
export async function helpText<O extends Options>(command: Command<O>): Promise<string> {
  const { notes = [] } = command;
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
    ...(typeof notes === "function" ? await notes() : notes).flatMap((note) => [
      "",
      flowed(note).replaceAll(" \n", "\n"),
    ]),
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
    const dashed = known(`--${token.name}`, names.map((name) => `--${name}`), "an option");
    const name = dashed.slice(2);
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

/** Runs a command with Ctrl-C (and SIGTERM) as its abort signal and returns the exit code. */
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
  // SIGTERM too, or a report that is told to end would leave its kernel at work.
  const signals = ["SIGINT", "SIGTERM"] as const;
  for (const name of signals) Deno.addSignalListener(name, interrupt);
  try {
    goWhereTheUserIs();
    const { values, positionals, json, help } = readArguments(command, args);
    if (help) {
      console.log(await helpText(command));
      return exitCode.done;
    }
    const say = json ? console.error : console.log;
    const result = await command.run({ values, positionals, json, say, signal: controller.signal });
    if (json) console.log(toJson(result));
    return command.fails?.(result) ? exitCode.failed : exitCode.done;
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
    for (const name of signals) Deno.removeSignalListener(name, interrupt);
  }
}

/**
 * Tasks run in the checkout, wherever in it they are called: paths on the command line, in messages
 * and in the loop are meant from the folder where the user stands.
 */
function goWhereTheUserIs(): void {
  const folder = Deno.env.get("INIT_CWD");
  if (folder) Deno.chdir(folder);
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
