/**
 * What `train`, `attack` and `repl` have in common: the network named first, TensorFlow, the digits.
 *
 * Modules that load TensorFlow are imported late, so that `--help` and wrong use answer at once.
 *
 * @module
 */
import { relative } from "node:path";
import type { Attack } from "../attacks/attack.ts";
import type { AttackEntry, AttackSettings } from "../attacks/index.ts";
import { catalogueOf } from "../data/datasets.ts";
import type { Dataset, LoadOptions, Progress, Subset } from "../loader.ts";
import type { Network } from "../network.ts";
import { parseP } from "../numbers.ts";
import { choice, known, number, type Option, text, UsageError } from "./options.ts";
import { type Bar, startBar } from "./progress.ts";

/** A seed on the command line: any int32. */
export const seedOption = number("n", "seed of everything random", {
  min: -(2 ** 31),
  max: 2 ** 31 - 1,
  integer: true,
}, 0);

/** `--p P`: any number >= 1, or `inf`. */
export const pOption = (fallback: number): Option<number> => ({
  value: "P",
  help: `the norm: 0 (for attacks that take it), a number >= 1, or inf (default: ${fallback})`,
  read(given = String(fallback)) {
    const p = parseP(given);
    if (p === 0 || p >= 1) return p;
    throw new UsageError(
      `Cannot read --p as it must be 0, a number at least 1, or inf: current value is ${given}`,
    );
  },
});

/**
 * What is attacked, and how, if nothing else is said: in the commands and in the loop. Each of the
 * report's networks gives way to it.
 */
export const attackDefaults = {
  image: 5,
  p: 2,
  norm: 1.5,
  learningRate: 0.01,
  steps: 500,
  seed: 0,
};

/** The options of an attack on one image. */
export const attackOptions = {
  image: number(
    "i",
    "number of the image in its subset",
    { min: 0, integer: true },
    attackDefaults.image,
  ),
  p: pOption(attackDefaults.p),
  norm: number("v", "norm of the perturbation, pixels in [0, 1]", { min: 0 }, attackDefaults.norm),
  lr: number("v", "the attack's step size", { above: 0 }, attackDefaults.learningRate),
  steps: number("n", "steps at most", { min: 1, integer: true }, attackDefaults.steps),
  seed: seedOption,
};

/** Makes an attack; settings that it can't take are a wrong use. */
export const createAttack = (entry: AttackEntry, settings: AttackSettings): Attack =>
  usable(() => entry.create(settings));

/** Does what settings from the command line are needed for; those out of range are a wrong use. */
export function usable<T>(action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw wrongUse(error);
  }
}

/** {@linkcode usable} for what takes its time. */
export const usableLater = <T>(action: () => Promise<T>): Promise<T> =>
  action().catch((error) => {
    throw wrongUse(error);
  });

const wrongUse = (error: unknown): unknown =>
  error instanceof RangeError ? new UsageError(error.message) : error;

const datasets: readonly Dataset[] = ["MNIST", "FashionMNIST"];

/** `--dataset D`. */
export const datasetOption = choice<Dataset>("D", "data set", datasets, "MNIST");

/** `--weights FILE`. */
export const weightsOption = text("FILE", "weights to load instead of those in models/");

/** The architectures, which is what can be trained. */
export async function architectureNames(): Promise<string[]> {
  const { architectures } = await import("../architectures.ts");
  return Object.keys(architectures);
}

/** The networks that there are: one of each architecture, and those trained with protections. */
export async function networkNames(): Promise<string[]> {
  const { protectedNames } = await import("../evaluation/names.ts");
  const names = await Promise.all(datasets.map((dataset) => protectedNames(undefined, dataset)));
  return [...await architectureNames(), ...new Set(names.flat().sort())];
}

/**
 * Checks that one architecture is named, whatever the case of its letters.
 *
 * @throws {UsageError} If there is none, more than one, or an unknown one.
 */
export async function architectureName(positionals: readonly string[]): Promise<string> {
  const names = await architectureNames();
  return known(oneName(positionals, names), names, "NETWORK");
}

/**
 * Checks that one network is named: an architecture, or with protections, `CNN+pgd:linf:0.2`.
 *
 * @throws {UsageError} If there is none, more than one, or one that is not there.
 */
export const networkName = async (positionals: readonly string[]): Promise<string> =>
  await namedNetwork(oneName(positionals, await architectureNames()));

function oneName(positionals: readonly string[], names: readonly string[]): string {
  const [name, ...others] = positionals;
  if (name === undefined) {
    throw new UsageError(`Cannot start as a NETWORK must be named: ${names.join(", ")}`);
  }
  if (others.length === 0) return name;
  throw new UsageError(
    `Cannot start as one NETWORK must be named: current value is ${positionals.join(" ")}`,
  );
}

/**
 * Finds a network by its name, whatever the case of its letters and the spelling of its numbers.
 *
 * @throws {UsageError} If it is not there; where it can be made, the message says how.
 */
export async function namedNetwork(given: string): Promise<string> {
  const [first = "", ...rest] = given.split("+");
  if (rest.length === 0) return known(given, await architectureNames(), "NETWORK");
  const architecture = known(first, await architectureNames(), "NETWORK");
  const { partsOf } = await import("../protections/runtime/index.ts");
  const [around] = usable(() => partsOf(given)).specs;
  if (around !== undefined) {
    throw new UsageError(
      `Cannot use NETWORK as it must be without run-time protections here, such as ${around}: ` +
        `current value is ${given}; \`evaluate\` takes them`,
    );
  }
  const { architectures } = await import("../architectures.ts");
  const { readProtections } = await import("../protections/plan.ts");
  const specs = usable(() => readProtections(rest.join("+"), architectures[architecture]!));
  const name = [architecture, ...specs].join("+");
  if ((await networkNames()).includes(name)) return name;
  throw new UsageError(
    `Cannot use NETWORK as it must be trained first: current value is ${name}; ` +
      `\`deno task protect ${architecture} --with ${specs.join("+")} --save\` makes it`,
  );
}

/**
 * Finds a network as {@linkcode namedNetwork}, with run-time protections around it or without.
 *
 * @throws {UsageError} If it is not there, or the protections do not fit together.
 */
export async function namedClassifier(given: string): Promise<string> {
  const { partsOf } = await import("../protections/runtime/index.ts");
  const { network, specs } = usable(() => partsOf(given));
  return [await namedNetwork(network), ...specs].join("+");
}

/**
 * Checks that the subset has the image.
 *
 * @throws {UsageError} If it has not.
 */
export function checkImage(
  { image, subset, dataset }: { image: number; subset: Subset; dataset: Dataset },
): void {
  const { from, to } = catalogueOf(dataset).subsets[subset];
  if (image < to - from) return;
  throw new UsageError(
    `Cannot read --image as ${subset} has images 0 to ${to - from - 1}: current value is ${image}`,
  );
}

/** Loads a network for a data set, from `models/` or from a file of its architecture. */
export async function openNetwork(
  name: string,
  weights: string | undefined,
  dataset: Dataset,
): Promise<Network> {
  const { architectures } = await import("../architectures.ts");
  const { loadNetwork } = await import("../network.ts");
  return weights === undefined
    ? await loadNetwork(name, { dataset })
    : await loadNetwork(weights, { dataset, architecture: architectures[name.split("+", 1)[0]!]! });
}

/** Says once what this machine's TensorFlow lacks, if anything. */
export async function warnOfBackend(): Promise<void> {
  const { backend } = await import("../backend.ts");
  if (backend.warning) console.error(`Warning: ${backend.warning}`);
}

/** Options of the loader with its progress on standard error: a bar while bytes come, else lines. */
export function loading(dataset: Dataset, signal?: AbortSignal): LoadOptions {
  let flow: { message: string; bar: Bar } | undefined;
  const onProgress = ({ message, received, total }: Progress) => {
    if (message !== flow?.message) {
      flow?.bar.stop();
      flow = undefined;
    }
    if (received === undefined) console.error(message);
    else if (total !== undefined) {
      flow ??= { message, bar: startBar(message, total) };
      flow.bar.update(received, `${(received / 1e6).toFixed(1)} MB`);
    }
  };
  return { dataset, signal, onProgress };
}

/** A path as people write it: relative where that is shorter. */
export function shortPath(path: string): string {
  const short = relative(Deno.cwd(), path);
  return short.startsWith("..") ? path : short;
}

/** A share as a percentage, two decimals. */
export const percent = (share: number): string => `${(100 * share).toFixed(2)} %`;
