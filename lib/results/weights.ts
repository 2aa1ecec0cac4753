/**
 * Where weights of a known SHA-256 lie, so that a table's rows can be confirmed.
 *
 * @module
 */
import { join } from "node:path";
import { removeIfThere, writeAtomic } from "../files.ts";
import { modelsFolder } from "../models.ts";
import { readSafetensors, weightsSha256 } from "../safetensors.ts";
import { exists } from "../setup/host.ts";
import { lab } from "../setup/paths.ts";

/** Notes of where weights from elsewhere lay: files named by their SHA-256 that hold a path. */
const notes = join(lab, "weights");

/** Computes the SHA-256 of the weights in a safetensors file. */
export async function sha256OfFile(file: string): Promise<string> {
  return await weightsSha256((await readSafetensors(file)).tensors);
}

/** Notes where weights lie that are not the lab's own, and drops notes of files that are gone. */
export async function rememberWeights(sha256: string, file: string): Promise<void> {
  await writeAtomic(join(notes, sha256), await Deno.realPath(file));
  for await (const { name } of Deno.readDir(notes)) {
    // Another process may be writing one, by a longer name.
    if (name.length !== sha256.length) continue;
    const path = await Deno.readTextFile(join(notes, name)).catch(() => "");
    if (!exists(path)) await removeIfThere(join(notes, name));
  }
}

/**
 * Finds the file that holds certain weights: among those given, the lab's own, and those that were
 * measured before.
 *
 * @returns `undefined` if none does.
 */
export async function findWeights(
  sha256: string,
  given: readonly string[] = [],
): Promise<string | undefined> {
  for await (const file of candidates(sha256, given)) {
    if (await sha256OfFile(file).catch(() => "") === sha256) return file;
  }
}

async function* candidates(sha256: string, given: readonly string[]): AsyncGenerator<string> {
  yield* given;
  yield* await safetensorsIn(modelsFolder);
  const noted = await Deno.readTextFile(join(notes, sha256)).catch(() => undefined);
  if (noted !== undefined) yield noted;
}

async function safetensorsIn(folder: string): Promise<string[]> {
  const files: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = join(folder, name);
    if (isDirectory) files.push(...await safetensorsIn(path));
    else if (name.endsWith(".safetensors")) files.push(path);
  }
  return files.toSorted();
}
