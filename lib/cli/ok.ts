/**
 * `deno task ok`: everything that CI checks but the slow ends.
 *
 * @module
 */

import { join } from "node:path";
import { cellsToModule, nameOrigins } from "../report/cells.ts";
import { notebookNames, readNotebook } from "../report/files.ts";
import { lab, root } from "../setup/paths.ts";
import { type Call, type Command, known, runCommand } from "./command.ts";

/** What a check came to. `passed` and `failed` count tests where the check runs tests. */
interface Outcome {
  passed: number;
  failed: number;
  output: string;
}

type Check = (signal: AbortSignal) => Promise<Outcome>;

const checks: Record<string, Check> = {
  format: deno("fmt", "--check", "-q"),
  lint: deno("lint", "-q"),
  types: deno("check", "-q"),
  notebooks: checkNotebooks,
  examples: tests("--doc", "lib"),
  tests: tests(),
};

const command: Command<Record<string, never>> = {
  name: "ok",
  summary: "Checks format, lint, types, the notebooks' cells, examples in the docs, and tests.",
  arguments: `[${Object.keys(checks).join("|")}...]`,
  options: {},
  examples: [
    ["ok", "all checks, each also after one has failed"],
    ["ok format lint types", "these checks only"],
  ],
  run,
};

async function run({ positionals, say, signal }: Call<Record<string, never>>) {
  const all = Object.keys(checks);
  const names = positionals.length === 0
    ? all
    : positionals.map((name) => known(name, all, "a check"));
  const failures: string[] = [];
  for (const name of names) {
    const start = performance.now();
    const { passed, failed, output } = await checks[name]!(signal);
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    if (failed > 0) {
      failures.push(name);
      say(output.trimEnd());
    }
    say(`${name}: ${passed} passed, ${failed} failed (${seconds} s)`);
  }
  if (failures.length > 0) {
    throw new Error(`Cannot call this ok as every check must pass: ${failures.join(", ")} failed`);
  }
  say("All is well.");
  return { checks: names };
}

/** A check that passes or fails as a whole. */
function deno(...args: string[]): Check {
  return async (signal) => {
    const { success, output } = await runDeno(args, signal);
    return { passed: success ? 1 : 0, failed: success ? 0 : 1, output };
  };
}

/** A check that counts tests. */
function tests(...args: string[]): Check {
  return async (signal) => {
    const { success, output } = await runDeno(["test", "-q", "--no-prompt", "-P", ...args], signal);
    const count = (word: string) => Number(output.match(new RegExp(`(\\d+) ${word}\\b`))?.[1] ?? 0);
    const failed = count("failed");
    // A module that can't be loaded fails without counting a test.
    return { passed: count("passed"), failed: success ? failed : Math.max(1, failed), output };
  };
}

/** Type-checks the cells of each notebook, as one module. */
async function checkNotebooks(signal: AbortSignal): Promise<Outcome> {
  const folder = join(lab, "cells");
  await Deno.mkdir(folder, { recursive: true });
  let [passed, failed, output] = [0, 0, ""];
  for (const name of await notebookNames(join(root, "notebooks"))) {
    const module = cellsToModule(await readNotebook(join(root, "notebooks"), name));
    const file = join(folder, `${name}.ts`);
    await Deno.writeTextFile(file, module.source);
    // Unlike `deno check`, this also checks files in folders that the settings exclude.
    const result = await runDeno(["cache", "-q", "--check", file], signal);
    output += nameOrigins(result.output, module, file, name);
    if (result.success) passed++;
    else failed++;
  }
  return { passed, failed, output };
}

async function runDeno(args: string[], signal: AbortSignal) {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args,
    cwd: root,
    env: { NO_COLOR: "1" },
    signal,
  }).output();
  signal.throwIfAborted();
  const decoder = new TextDecoder();
  return { success, output: decoder.decode(stdout) + decoder.decode(stderr) };
}

if (import.meta.main) Deno.exit(await runCommand(command, Deno.args));
