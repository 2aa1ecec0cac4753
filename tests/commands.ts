/**
 * Commands as real processes, for tests.
 *
 * @module
 */
import { assert } from "@std/assert";
import { root } from "$lib/setup/paths.ts";
import config from "../deno.json" with { type: "json" };

export interface Ran {
  code: number;
  stdout: string;
  stderr: string;
}

const tasks: Record<string, { command: string }> = config.tasks;

/** Starts a task's own command line: with the permissions that users run it with. */
export function spawn(name: string, args: readonly string[], env = {}): Deno.ChildProcess {
  const task = tasks[name];
  if (!task) throw new RangeError(`deno.json has no task ${name}`);
  return new Deno.Command(Deno.execPath(), {
    args: [...task.command.split(" ").slice(1), ...args], // the first word is deno
    cwd: root,
    // Else the folder in which the tests were started would be the user's.
    env: { INIT_CWD: root, ...env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

export async function ran(process: Deno.ChildProcess): Promise<Ran> {
  const { code, stdout, stderr } = await process.output();
  const decoder = new TextDecoder();
  // Without TensorFlow's native part every command says so first.
  const errors = decoder.decode(stderr).replace(/^Warning: TensorFlow runs as .*\n/, "");
  return { code, stdout: decoder.decode(stdout), stderr: errors };
}

export const run = (name: string, ...args: string[]) => ran(spawn(name, args));

/** Sends a signal as soon as the process has printed `line`; returns all that it printed. */
export async function signalAfter(
  process: Deno.ChildProcess,
  line: string,
  signal: Deno.Signal,
): Promise<Ran> {
  const decoder = new TextDecoder();
  let stdout = "";
  const errors = new Response(process.stderr).text();
  for await (const part of process.stdout) {
    const before = stdout.includes(line);
    stdout += decoder.decode(part);
    if (!before && stdout.includes(line)) process.kill(signal);
  }
  return { code: (await process.status).code, stdout, stderr: await errors };
}

/** Sends a signal as soon as a condition holds, and fails if the process has ended before. */
export async function signalWhen(
  process: Deno.ChildProcess,
  holds: () => Promise<boolean>,
  signal: Deno.Signal,
): Promise<Ran> {
  let over = false;
  const result = ran(process).finally(() => over = true);
  while (!over && !await holds()) await new Promise((resolve) => setTimeout(resolve, 2));
  assert(!over, "it was over before it could be stopped");
  process.kill(signal);
  return await result;
}

/** Runs a command within this process, and keeps what it prints to itself. */
export async function quietly<T>(command: () => Promise<T>): Promise<T> {
  const { log } = console;
  console.log = () => {};
  try {
    return await command();
  } finally {
    console.log = log;
  }
}
