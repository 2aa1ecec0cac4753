/**
 * The last figures: all networks on `val`, which nothing else looks at.
 *
 * @module
 */
import { join } from "node:path";
import { architectures } from "./architectures.ts";
import { tf } from "./backend.ts";
import { exists } from "./setup/host.ts";
import { root } from "./setup/paths.ts";
import { type Digits, load } from "./loader.ts";
import { loadNetwork, modelsFolder, type Network, toArrays } from "./network.ts";
import { readRows, type ResultRow } from "./results.ts";
import { readSafetensors, weightsSha256 } from "./safetensors.ts";
import { quantile } from "./statistics.ts";
import { bootstrapMedians, resamples } from "./statistics/paired.ts";

const folder = join(root, "data", "final");

/** The tables of the last figures. */
export const tables = {
  minNorms: join(folder, "min-norms.parquet"),
  resistances: join(folder, "resistances.parquet"),
} as const;

/** A half of `val`. Its first 5,000 images come from cleaner writers than the others. */
export type Half = "first" | "second";

/** The halves by the numbers of their images: `from` to `to` - 1. */
export const halves: Readonly<Record<Half, { from: number; to: number }>> = {
  first: { from: 0, to: 5000 },
  second: { from: 5000, to: 10_000 },
};

/** A network of `models/`. */
export interface Model {
  /** Its file's name without the ending: a protected network has a name of its own. */
  name: string;
  network: Network;
  weightsSha256: string;
}

/** The names of all networks for MNIST in `models/`: unprotected ones first, then by name. */
export async function modelNames(folder = modelsFolder): Promise<string[]> {
  const names: string[] = [];
  for await (const { name, isFile } of Deno.readDir(folder)) {
    if (!isFile || !name.endsWith(".safetensors")) continue;
    const { metadata } = await readSafetensors(join(folder, name));
    if (metadata["dataset"] === "MNIST") names.push(name.replace(/\.safetensors$/, ""));
  }
  const order = Object.keys(architectures);
  const place = (name: string) => order.includes(name) ? order.indexOf(name) : order.length;
  return names.sort((a, b) => place(a) - place(b) || (a < b ? -1 : 1));
}

/** Opens a network of `models/`; who asked for it disposes it. */
export async function openModel(name: string, folder = modelsFolder): Promise<Model> {
  const network = await loadNetwork(join(folder, `${name}.safetensors`));
  return { name, network, weightsSha256: await weightsSha256(toArrays(network.weights)) };
}

/** How many images of a set a network is right about. */
export interface AccuracyRow {
  network: string;
  /** `train`, `test`, `val`, or a half of the last. */
  set: string;
  right: number;
  images: number;
}

/** Counts what a network is right about in each set of digits. */
export function accuracyRows(
  { name, network }: Model,
  sets: Readonly<Record<string, Digits>>,
): AccuracyRow[] {
  return Object.entries(sets).map(([set, { images, labels }]) => {
    const right = tf.tidy(() => network.predict(images).equal(labels).sum().dataSync()[0]!);
    return { network: name, set, right, images: labels.size };
  });
}

/** Loads `val`, whole and by halves; who asked for them disposes them. */
export async function valDigits(): Promise<Record<"val" | `val, ${Half} half`, Digits>> {
  return {
    "val": await load("val"),
    "val, first half": await load("val", halves.first),
    "val, second half": await load("val", halves.second),
  };
}

/** A minimal norm on `val`. */
export interface FinalNorm {
  network: string;
  p: number;
  half: Half;
  image: number;
  minNorm: number;
  maxPasses: number;
}

/**
 * Reads the minimal norms of some networks as they are in `models/` now: rows of other weights don't
 * count, nor those of a smaller budget where there is a larger one.
 *
 * @throws {Deno.errors.NotFound} If there is no table, or it lacks a network.
 */
export async function finalNorms(
  models: readonly Pick<Model, "name" | "weightsSha256">[],
  file: string = tables.minNorms,
): Promise<FinalNorm[]> {
  const remedy = "`deno task final` makes it";
  if (!exists(file)) {
    throw new Deno.errors.NotFound(`Cannot read ${file} as there is no such file; ${remedy}`);
  }
  const columns = ["weightsSha256", "p", "image", "minNorm", "options", "subset"] as const;
  const rows = await readRows(file, { columns: [...columns] });
  return models.flatMap(({ name, weightsSha256 }) => {
    const own = rows.filter((row) => row.weightsSha256 === weightsSha256 && row.subset === "val")
      .map((row) => normOf(name, row));
    const most = Math.max(...own.map(({ maxPasses }) => maxPasses));
    if (own.length > 0) return own.filter(({ maxPasses }) => maxPasses === most);
    throw new Deno.errors.NotFound(`Cannot show ${name} as ${file} lacks it; ${remedy}`);
  });
}

function normOf(
  network: string,
  { p, image, minNorm, options }: Pick<ResultRow, "p" | "image" | "minNorm" | "options">,
): FinalNorm {
  const half = image < halves.second.from ? "first" : "second";
  return { network, p, half, image, minNorm, maxPasses: JSON.parse(options).maxPasses };
}

/** A median, and where that of all such images may lie. */
export interface Interval {
  median: number;
  low: number;
  high: number;
}

/**
 * The median of a sample with its 95 % bootstrap interval.
 *
 * @param values May be infinite.
 * @param samples Of the bootstrap.
 */
export function medianInterval(
  values: readonly number[],
  { samples = 2000, seed = 0 } = {},
): Interval {
  const medians = bootstrapMedians(values, resamples(values.length, samples, seed));
  return {
    median: quantile(values, 0.5),
    low: quantile(medians, 0.025),
    high: quantile(medians, 0.975),
  };
}
