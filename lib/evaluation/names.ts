/**
 * The protected networks that there are, by name.
 *
 * @module
 */
import { join } from "node:path";
import type { Dataset } from "../data/datasets.ts";
import { fileNameOf, modelsFolder, nameOfFile } from "../models.ts";
import { exists } from "../setup/host.ts";

/** The end of a file's name: MNIST's bear no data set in theirs. */
const ending = /(?:-([A-Z]\w*))?\.safetensors$/;

/**
 * The networks in `models/protected/` for a data set, such as `CNN+pgd:linf:0.2`, in alphabetical order.
 */
export async function protectedNames(
  folder = join(modelsFolder, "protected"),
  dataset: Dataset = "MNIST",
): Promise<string[]> {
  if (!exists(folder)) return [];
  const names: string[] = [];
  for await (const { name } of Deno.readDir(folder)) {
    const end = ending.exec(name);
    if (end && (end[1] ?? "MNIST") === dataset) names.push(nameOfFile(name.slice(0, end.index)));
  }
  return names.sort();
}

/** The table of a network in a folder of tables: MNIST's bear no data set in their names. */
export const tableOf = (folder: string, name: string, dataset: Dataset = "MNIST"): string =>
  join(folder, `${fileNameOf(name)}${dataset === "MNIST" ? "" : `-${dataset}`}.parquet`);
