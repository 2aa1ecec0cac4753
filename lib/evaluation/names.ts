/**
 * The protected networks that there are, by name.
 *
 * @module
 */
import { join } from "node:path";
import { fileNameOf, modelsFolder, nameOfFile } from "../models.ts";
import { exists } from "../setup/host.ts";

const ending = ".safetensors";

/** The networks in `models/protected/`, such as `CNN+pgd:linf:0.2`, in alphabetical order. */
export async function protectedNames(folder = join(modelsFolder, "protected")): Promise<string[]> {
  if (!exists(folder)) return [];
  const names: string[] = [];
  for await (const { name } of Deno.readDir(folder)) {
    if (name.endsWith(ending)) names.push(nameOfFile(name.slice(0, -ending.length)));
  }
  return names.sort();
}

/** The table of a protection in a folder of tables. */
export const tableOf = (folder: string, name: string): string =>
  join(folder, `${fileNameOf(name)}.parquet`);
