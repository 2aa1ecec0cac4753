/**
 * Commands as real processes, for tests.
 *
 * @module
 */
import { root } from "$lib/setup/paths.ts";

export interface Ran {
  code: number;
  stdout: string;
  stderr: string;
}

export function spawn(name: string, args: string[], env = {}): Deno.ChildProcess {
  const allowed = name === "protect" ? "train" : name; // as in deno.json
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-q", "--no-prompt", `-P=${allowed}`, `lib/cli/${name}.ts`, ...args],
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
