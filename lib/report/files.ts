/**
 * Which notebooks there are, and whether an earlier execution still holds.
 *
 * @module
 */

import { join, relative } from "node:path";
import { writeAtomic } from "../files.ts";
import { sha256 } from "../hash.ts";
import type { Checkout, Made } from "./made.ts";
import { formatNotebook, type Notebook, parseNotebook } from "./notebook.ts";

/** A number in reading order, then words: `03-attacks.ipynb`. */
const NUMBERED = /^(\d\d-[a-z-]+)\.ipynb$/;

/**
 * Names of the numbered notebooks in a folder, in order, without ending. Others there (copies,
 * Untitled ones, a test's own) are somebody's scratch paper: no part of the report.
 */
export async function notebookNames(folder: string): Promise<string[]> {
  const names: string[] = [];
  for await (const entry of Deno.readDir(folder)) {
    const [, name] = entry.name.match(NUMBERED) ?? [];
    if (entry.isFile && name) names.push(name);
  }
  return names.toSorted();
}

/** Reads a notebook file. */
export async function readNotebook(folder: string, name: string): Promise<Notebook> {
  return parseNotebook(await Deno.readTextFile(join(folder, `${name}.ipynb`)), name);
}

/** What the outputs of every notebook rest on; commands and the report itself don't change them. */
const GROUND = ["deno.json", "deno.lock", "data", "lib", "models"];
const IGNORED = /^(?:lib\/(?:cli|report|setup)|data\/\w*MNIST)\/|\.(?:md|svg|tmp)$|\/\./;

/** Hashes the files that outputs rest on: code, weights, committed tables, versions. */
export async function groundKey(root: string): Promise<string> {
  const files: string[] = [];
  for (const path of GROUND) await collect(root, join(root, path), files);
  const hashes: string[] = [];
  for (const file of files.toSorted()) {
    hashes.push(`${file} ${await sha256(await Deno.readFile(join(root, file)))}`);
  }
  return await sha256(hashes.join("\n"));
}

/** The key of one notebook's execution: its cells without outputs, on that ground. */
export async function executionKey(notebook: Notebook, ground: string): Promise<string> {
  const cells = notebook.cells.map((cell) => ({ ...cell, outputs: [] }));
  return await sha256(ground + formatNotebook({ cells }));
}

/** Gives an earlier execution if it was made under the same key. */
export async function cachedExecution(
  path: string,
  key: string,
): Promise<{ notebook: Notebook; made: Made } | undefined> {
  try {
    const text = await Deno.readTextFile(path);
    const { execution_key, made } = JSON.parse(text).metadata;
    return execution_key === key && made
      ? { notebook: parseNotebook(text, path), made }
      : undefined;
  } catch { // not there, or not whole: execute again
    return undefined;
  }
}

/** Keeps an execution, with its key and how it was made, for {@linkcode cachedExecution}. */
export async function keepExecution(
  path: string,
  key: string,
  { notebook, made }: { notebook: Notebook; made: Made },
): Promise<void> {
  await writeAtomic(path, formatNotebook(notebook, { execution_key: key, made }));
}

/** Which of the files that outputs rest on differ from the commit. */
export async function checkoutState(root: string): Promise<Checkout> {
  const commit = (await git(root, "rev-parse", "HEAD"))?.trim();
  if (commit === undefined) return { commit, changed: [] };
  const status = await git(root, "status", "--porcelain", "-z", "--no-renames", "-uall", ...GROUND);
  const changed = (status ?? "").split("\0").map((line) => line.slice(3))
    .filter((file) => file && !IGNORED.test(file));
  return { commit, changed };
}

/** Adds the notebook itself to what differs, unless only its outputs do. */
export async function checkoutOf(
  { commit, changed }: Checkout,
  root: string,
  name: string,
): Promise<Checkout> {
  const file = `notebooks/${name}.ipynb`;
  const committed = await git(root, "show", `HEAD:${file}`);
  const same = committed !== undefined &&
    await executionKey(parseNotebook(committed, file), "") ===
      await executionKey(await readNotebook(join(root, "notebooks"), name), "");
  return { commit, changed: same || commit === undefined ? changed : [file, ...changed] };
}

/** What git prints; undefined where it fails, as where there is no checkout. */
async function git(root: string, ...args: string[]): Promise<string | undefined> {
  try {
    const { success, stdout } = await new Deno.Command("git", {
      args,
      cwd: root,
      stderr: "null",
    }).output();
    return success ? new TextDecoder().decode(stdout) : undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined; // no git on this machine
    throw error;
  }
}

async function collect(root: string, path: string, files: string[]): Promise<void> {
  const name = relative(root, path);
  const info = await Deno.stat(path).catch(() => undefined);
  if (!info || IGNORED.test(info.isDirectory ? `${name}/` : name)) return;
  if (!info.isDirectory) {
    files.push(name);
    return;
  }
  for await (const entry of Deno.readDir(path)) await collect(root, join(path, entry.name), files);
}
