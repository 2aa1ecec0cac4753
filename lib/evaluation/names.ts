/**
 * The protected networks that there are, by name.
 *
 * @module
 */
import { join } from "node:path";
import { modelsFolder } from "../network.ts";
import { exists } from "../setup/host.ts";

const ending = ".safetensors";

/** The networks in `models/protected/`, such as `CNN+pgd:linf:0.2`, in alphabetical order. */
export async function protectedNames(folder = join(modelsFolder, "protected")): Promise<string[]> {
  if (!exists(folder)) return [];
  const names: string[] = [];
  for await (const { name } of Deno.readDir(folder)) {
    if (name.endsWith(ending)) names.push(nameOf(name.slice(0, -ending.length)));
  }
  return names.sort();
}

/** A file's name without its ending, with colons again; those of architectures have none. */
function nameOf(file: string): string {
  const [architecture, ...specs] = file.split("+");
  return [architecture, ...specs.map((spec) => spec.replaceAll("_", ":"))].join("+");
}

/** The table of a protection in a folder of tables: no colons, which not all systems allow. */
export const tableOf = (folder: string, name: string): string =>
  join(folder, `${name.replaceAll(":", "_")}.parquet`);
