/**
 * What set-up needs of the machine: programs on the PATH, child processes, folders' sizes.
 *
 * @module
 */
import { delimiter, join } from "node:path";
import { root } from "./paths.ts";

/** A failure that users can mend: its message is one line that names what, why and the remedy. */
export class SetupError extends Error {
  override name = "SetupError";
}

/** Settings of {@linkcode execute}. */
export interface ExecuteOptions {
  /** Stops the program. */
  signal: AbortSignal;
  /** Variables on top of the user's own. */
  env?: Record<string, string>;
  /** Called with each line of standard output as it comes. */
  onLine?: (line: string) => void;
}

/** How a child process ended. */
export interface Outcome {
  success: boolean;
  stdout: string;
  stderr: string;
}

/**
 * Runs a program in the checkout's folder to its end and gives what it wrote.
 *
 * @throws {Deno.errors.NotFound} If there is no such program.
 * @throws The signal's reason, once the program has ended, if it was aborted.
 */
export async function execute(
  command: string,
  args: string[],
  { signal, env = {}, onLine }: ExecuteOptions,
): Promise<Outcome> {
  signal.throwIfAborted();
  const child = new Deno.Command(command, {
    args,
    cwd: root,
    env,
    signal,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const output = Promise.all([collect(child.stdout, onLine), collect(child.stderr)]);
  const { success } = await child.status;
  // Not after its output: a compiler's own children hold that open for seconds after its end.
  signal.throwIfAborted();
  const [stdout, stderr] = await output;
  return { success, stdout, stderr };
}

async function collect(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  onLine?: (line: string) => void,
): Promise<string> {
  let text = "";
  let start = 0;
  for await (const part of stream.pipeThrough(new TextDecoderStream())) {
    text += part;
    for (let end; (end = text.indexOf("\n", start)) >= 0; start = end + 1) {
      onLine?.(text.slice(start, end));
    }
  }
  return text;
}

/** Gives the line of a program's error output that says most: the last one that is not empty. */
export function lastLine(text: string): string {
  return text.trim().split("\n").at(-1)?.trim() ?? "";
}

/** Gives what pip failed for; its last line would blame the package for an index out of reach. */
export function pipReason(stderr: string): string {
  return /Retrying \(/.test(stderr)
    ? "the package index can't be reached (pip's own settings give it a mirror or a proxy)"
    : lastLine(stderr);
}

/** Finds the first of some programs on the PATH, or gives `undefined`. */
export function which(...names: string[]): string | undefined {
  const folders = (Deno.env.get("PATH") ?? "").split(delimiter).filter((folder) => folder !== "");
  for (const name of names) {
    for (const folder of folders) {
      const path = join(folder, name);
      if (isFile(path)) return path;
    }
  }
  return undefined;
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

/** Tells whether anything stands at a path (a link to nothing does not count). */
export function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

/** Sums the sizes of the files in a folder, in bytes; files that vanish meanwhile count nothing. */
export function folderSize(folder: string): number {
  let bytes = 0;
  try {
    for (const entry of Deno.readDirSync(folder)) {
      const path = join(folder, entry.name);
      if (entry.isDirectory) bytes += folderSize(path);
      else if (entry.isFile) bytes += Deno.lstatSync(path).size;
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return bytes;
}

/** Removes a file or folder with all in it; nothing there is fine. */
export function remove(path: string): void {
  try {
    Deno.removeSync(path, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
