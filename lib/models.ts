/**
 * How the lab's networks are called, and in which files of `models/` they lie.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import type { Dataset } from "./data/datasets.ts";

/** Where the lab's own networks lie: `models/` of the checkout. */
export const modelsFolder: string = fileURLToPath(new URL("../models/", import.meta.url));

/** A network's name: its architecture's, then its training-time protections: `CNN+pgd:linf:0.2`. */
export const protectedName = (architecture: string, specs: readonly string[]): string =>
  [architecture, ...specs].join("+");

/** A file's name, without an ending, for a network's: no colons, which not all systems allow. */
export const fileNameOf = (name: string): string => name.replaceAll(":", "_");

/** The network's name that {@linkcode fileNameOf} made a file's of: architectures keep their `_`. */
export function nameOfFile(file: string): string {
  const [architecture, ...specs] = file.split("+");
  return [architecture, ...specs.map((spec) => spec.replaceAll("_", ":"))].join("+");
}

/** The folder of the networks trained with a seed: those of seed 0 lie in `models/` itself. */
export const seedFolder = (seed: number): string =>
  seed === 0 ? modelsFolder : `${modelsFolder}seeds/${seed}/`;

/**
 * The file of one of the lab's own networks in such a folder: those trained with protections have one
 * of their own, and MNIST's bear no data set in their names.
 */
export function modelFile(name: string, dataset: Dataset = "MNIST"): string {
  const folder = name.includes("+") ? "protected/" : "";
  const ending = dataset === "MNIST" ? "" : `-${dataset}`;
  return `${folder}${fileNameOf(name)}${ending}.safetensors`;
}

/** What to do about one of the lab's own files that is not there. */
export function remedyOf(name: string, specs: readonly string[], dataset?: Dataset): string {
  const option = dataset === "MNIST" ? "" : ` --dataset ${dataset}`;
  const command = specs.length > 0 ? `protect ${name} --with ${specs.join("+")}` : `train ${name}`;
  return `; \`deno task ${command}${option} --save\` makes it`;
}
