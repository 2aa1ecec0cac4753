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
import { protectedNames } from "./evaluation/names.ts";
import { modelFile, modelsFolder } from "./models.ts";
import { loadNetwork, type Network } from "./network.ts";
import { readResistances } from "./resistance/table.ts";
import { readRows } from "./results.ts";
import { readSafetensors, weightsSha256 } from "./safetensors.ts";
import { toArrays } from "./weights.ts";

const folder = join(root, "data", "final");

/** The tables of the last figures. */
export const tables = {
  minNorms: join(folder, "min-norms.parquet"),
  resistances: join(folder, "resistances.parquet"),
} as const;

/**
 * A half of `val`: one is of high-school students, the other of employees of the Census Bureau, who
 * wrote more clearly.
 */
export type Half = "first" | "second";

/** The halves by the numbers of their images: `from` to `to` - 1. */
export const halves: Readonly<Record<Half, { from: number; to: number }>> = {
  first: { from: 0, to: 5000 },
  second: { from: 5000, to: 10_000 },
};

/** A network of `models/`. */
export interface Model {
  /** Its file's name without the ending, that of a protected network as `CNN+pgd:linf:0.1`. */
  name: string;
  network: Network;
  weightsSha256: string;
}

/** The names of all networks for MNIST in `models/`: unprotected ones first, then by name. */
export async function modelNames(folder = modelsFolder): Promise<string[]> {
  const plain = Array.from(Deno.readDirSync(folder), ({ name }) => name)
    .filter((name) => name.endsWith(".safetensors"))
    .map((name) => name.replace(/\.safetensors$/, ""));
  const names: string[] = [];
  for (const name of [...plain, ...await protectedNames(join(folder, "protected"))]) {
    const { metadata } = await readSafetensors(join(folder, modelFile(name)));
    if (metadata["dataset"] === "MNIST") names.push(name);
  }
  const order = Object.keys(architectures);
  const place = (name: string) => order.includes(name) ? order.indexOf(name) : order.length;
  return names.sort((a, b) => place(a) - place(b) || (a < b ? -1 : 1));
}

/** Opens a network of `models/`; who asked for it disposes it. */
export async function openModel(name: string, folder = modelsFolder): Promise<Model> {
  const network = await loadNetwork(join(folder, modelFile(name)));
  return { name, network, weightsSha256: await weightsSha256(toArrays(network.weights)) };
}

/**
 * The names of the networks in `models/` that the tables of the last figures have: as they are there
 * now, by their weights.
 *
 * @throws {Deno.errors.NotFound} If there is no table.
 */
export async function measuredNames(folder = modelsFolder, files = tables): Promise<string[]> {
  const norms = await readRows(existing(files.minNorms), { columns: ["weightsSha256"] });
  const known = new Set(norms.map((row) => row.weightsSha256));
  const resisting = new Set(
    (await readResistances(existing(files.resistances))).map((row) => row.weightsSha256),
  );
  const names: string[] = [];
  for (const name of await modelNames(folder)) {
    const { tensors } = await readSafetensors(join(folder, modelFile(name)));
    const sha256 = await weightsSha256(tensors);
    if (known.has(sha256) && resisting.has(sha256)) names.push(name);
  }
  return names;
}

/** How many images of a set a network is right about. */
export interface AccuracyRow {
  network: string;
  set: string;
  right: number;
  images: number;
}

/**
 * What a network's file says of the images that it learned from: all were counted after the last epoch.
 *
 * @throws {TypeError} If the file does not tell.
 */
export function trainRow({ name, network: { metadata } }: Model): AccuracyRow {
  const [share, images] = [Number(metadata["accuracy"]), Number(metadata["trainImages"])];
  if (share >= 0 && share <= 1 && images > 0) {
    return { network: name, set: "train", right: Math.round(share * images), images };
  }
  throw new TypeError(
    `Cannot show ${name} as its file must tell of its accuracy: current value is ` +
      `${metadata["accuracy"]} of ${metadata["trainImages"]} images`,
  );
}

/**
 * Counts what a network is right about in each set of digits.
 *
 * @throws `signal.reason` when aborted.
 */
export async function accuracyRows(
  { name, network }: Model,
  sets: Readonly<Record<string, Digits>>,
  signal?: AbortSignal,
): Promise<AccuracyRow[]> {
  const rows: AccuracyRow[] = [];
  for (const [set, { images, labels }] of Object.entries(sets)) {
    await new Promise((resolve) => setTimeout(resolve)); // so that signals get a turn
    signal?.throwIfAborted();
    const right = tf.tidy(() => network.predict(images).equal(labels).sum().dataSync()[0]!);
    rows.push({ network: name, set, right, images: labels.size });
  }
  return rows;
}

/** Loads `val`, whole and by halves; who asked for them disposes them. */
export async function valDigits(): Promise<Record<"val" | ValSet, Digits>> {
  return {
    "val": await load("val"),
    "val, first half": await load("val", halves.first),
    "val, second half": await load("val", halves.second),
  };
}

/** A half of `val` as tables and figures call it. */
export type ValSet = `val, ${Half} half`;

/** What finds a network's rows in the tables. */
export type Identified = Pick<Model, "name" | "weightsSha256">;

/** What the second attack says of an image of `test` or `val`. */
export interface FinalResistance {
  network: string;
  set: "test" | "val";
  wrong: boolean;
  /** Infinite where the attack's last image is not adversarial. */
  resN: number;
}

/**
 * Reads the resistances of some networks on `val`, and on `test` where the tables of the notebook on
 * resistance have them.
 *
 * @throws {Deno.errors.NotFound} If there is no table of `val`, or it lacks a network.
 */
export async function finalResistances(
  models: readonly Identified[],
  file: string = tables.resistances,
): Promise<FinalResistance[]> {
  const own = await readResistances(existing(file));
  const found: FinalResistance[] = [];
  for (const model of models) {
    const ofTest = join(root, "data", "resistances", `${model.name}.parquet`);
    const all = [...exists(ofTest) ? await readResistances(ofTest) : [], ...own].filter((row) =>
      row.weightsSha256 === model.weightsSha256 && row.source === "clean" && row.steps === 500
    );
    if (!all.some(({ subset }) => subset === "val")) throw lacks(model, file);
    found.push(...all.map(({ subset, label, prediction, resN }): FinalResistance => (
      {
        network: model.name,
        set: subset === "val" ? "val" : "test",
        wrong: label !== prediction,
        resN,
      }
    )));
  }
  return found;
}

const remedy = "`deno task final` makes it";

/**
 * The file, which must be there.
 *
 * @throws {Deno.errors.NotFound} If it is not.
 */
export function existing(file: string): string {
  if (exists(file)) return file;
  throw new Deno.errors.NotFound(`Cannot read ${file} as there is no such file; ${remedy}`);
}

/** What to throw where a table lacks a network. */
export const lacks = ({ name }: Identified, file: string) =>
  new Deno.errors.NotFound(`Cannot show ${name} as ${file} lacks it; ${remedy}`);
