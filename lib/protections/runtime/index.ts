/**
 * The table of run-time protections, and networks opened with them around: `CNN+noise:0.5+bits:3`.
 *
 * @module
 */
import { architectures } from "../../architectures.ts";
import type { Dataset } from "../../data/datasets.ts";
import { type Classifier, loadNetwork, type Network } from "../../network.ts";
import { weightsSha256 } from "../../safetensors.ts";
import { toArrays } from "../../weights.ts";
import { type Answerer, answererOf } from "./answers.ts";
import { bitDepth, type StepGradient } from "./bit_depth.ts";
import { type Calibration, calibrationFile, readCalibrations, thresholdOf } from "./calibration.ts";
import { resistanceDetector } from "./resisting.ts";
import { smoothedClassifier } from "./smoothed.ts";
import { squeezeDetector } from "./squeezing.ts";

/** What a protection is made of besides its numbers. */
export interface RuntimeOptions {
  /** How attacks differentiate rounding. @default "straight-through" */
  gradient?: StepGradient;
  /** Where detectors find their thresholds. @default data/protections/calibration.json */
  calibration?: string;
  /** What the network was trained on. @default "MNIST" */
  dataset?: Dataset;
  /** A file of the network's weights, in place of that in `models/`. */
  weights?: string;
}

/** What a classifier is made of; it has one detector at most. */
export interface ClassifierOptions extends RuntimeOptions {
  /** The detector's threshold. @default that of `calibration` */
  threshold?: number;
}

/** A row of the table. */
export interface RuntimeEntry {
  readonly name: string;
  /** How it is written: `bits:BITS`. */
  readonly usage: string;
  /** What it does, in a few words. */
  readonly title: string;
  /** Where it comes from. */
  readonly paper: string;
  /** How many numbers follow its name, at least and at most. */
  readonly numbers: readonly [least: number, most: number];
  /** Whether it has no logits: attacks can't descend on it. */
  readonly opaque: boolean;
  /** @throws {RangeError} If a number is out of range, or there is no threshold. */
  make(network: Classifier, numbers: readonly number[], given: Given): Classifier | Answerer;
}

/** What entries may ask for. */
interface Given {
  readonly gradient: StepGradient;
  /** The threshold of a detector around the network, by its name. */
  threshold(name: string): number;
}

/** All run-time protections by name. */
export const runtimeProtections: Readonly<Record<string, RuntimeEntry>> = Object.fromEntries(
  ([{
    name: "bits",
    usage: "bits:BITS",
    title: "sees pixels with 1 to 8 bits; 1 binarises",
    paper: "Xu, Evans and Qi 2018",
    numbers: [1, 1],
    opaque: false,
    make: (network, [bits], { gradient }) => bitDepth(network, bits!, { gradient }),
  }, {
    name: "smooth",
    usage: "smooth:SIGMA[:DRAWS]",
    title: "means over noisy copies; the certified form is `deno task smooth`",
    paper: "Cohen et al. 2019, Salman et al. 2019",
    numbers: [1, 2],
    opaque: false,
    make: (network, [sigma, draws]) =>
      smoothedClassifier(network, { sigma: sigma!, ...(draws !== undefined && { draws }) }),
  }, {
    name: "squeeze",
    usage: "squeeze",
    title: "abstains where squeezed copies are answered otherwise",
    paper: "Xu, Evans and Qi 2018, Carlini and Wagner 2017",
    numbers: [0, 0],
    opaque: false,
    make: (network, _, { threshold }) =>
      squeezeDetector(network, { threshold: threshold(`${network.name}+squeeze`) }),
  }, {
    name: "resistance",
    usage: "resistance",
    title: "abstains where the school's second attack meets little resistance",
    paper: "the school report",
    numbers: [0, 0],
    opaque: true,
    make: (network, _, { threshold }) =>
      resistanceDetector(network, { threshold: threshold(`${network.name}+resistance`) }),
  }, {
    name: "correction",
    usage: "correction",
    title: "answers the class that the second attack reaches where it meets little resistance",
    paper: "the school report",
    numbers: [0, 0],
    opaque: true,
    make: (network, _, { threshold }) =>
      resistanceDetector(network, {
        threshold: threshold(`${network.name}+resistance`),
        suspect: "correct",
      }),
  }] satisfies RuntimeEntry[]).map((entry) => [entry.name, entry]),
);

/** A name taken apart: what `models/` has, and what is put around it. */
export interface Parts {
  /** `CNN+noise:0.5` */
  network: string;
  /** Run-time protections from the inside outwards, as they are written. */
  specs: string[];
}

/**
 * Takes a name apart.
 *
 * @throws {RangeError} If a run-time protection is there twice, stands before one of training, or has
 *   wrong numbers; or if one without logits is not the last.
 *
 * @example
 * ```ts
 * import { partsOf } from "$lib/protections/runtime/index.ts";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(partsOf("CNN+noise:0.5+Bits:03"), { network: "CNN+noise:0.5", specs: ["bits:3"] });
 * ```
 */
export function partsOf(name: string): Parts {
  const [network = "", ...rest] = name.split("+");
  const first = rest.findIndex((spec) => entryOf(spec) !== undefined);
  const specs = first < 0 ? [] : rest.slice(first);
  const fail = (rule: string): never => {
    throw new RangeError(`Cannot protect as ${rule}: current value is ${name}`);
  };
  const entries = specs.map((spec) =>
    entryOf(spec) ?? fail(`${spec} must stand before run-time protections`)
  );
  if (new Set(entries).size < entries.length) fail("no run-time protection may be there twice");
  const covered = entries.slice(0, -1).find(({ opaque }) => opaque);
  if (covered) fail(`${covered.name} has no logits, so it must be the last`);
  const written = specs.map((spec, i) => [entries[i]!.name, ...numbersOf(spec)].join(":"));
  return {
    network: [network, ...rest.slice(0, first < 0 ? rest.length : first)].join("+"),
    specs: written,
  };
}

/** Puts run-time protections around a network, from the inside outwards. */
async function around(
  network: Network,
  specs: readonly string[],
  { gradient = "straight-through", calibration = calibrationFile, dataset, threshold: own }:
    ClassifierOptions,
): Promise<{ found: Classifier | Answerer; threshold?: number }> {
  const needed = own === undefined && specs.some((spec) => entryOf(spec)!.numbers[1] === 0);
  const all: Record<string, Calibration> = needed ? await readCalibrations(calibration) : {};
  const sha256 = needed ? await weightsSha256(toArrays(network.weights)) : "";
  const thresholds: number[] = [];
  const threshold = (name: string): number => {
    thresholds.push(own ?? thresholdOf(all, name, sha256, dataset));
    return thresholds.at(-1)!;
  };
  const given = { gradient, threshold };
  const found = specs.reduce<Classifier | Answerer>(
    // None but the last is without logits.
    (inner, spec) => entryOf(spec)!.make(inner as Classifier, numbersOf(spec), given),
    network,
  );
  const [last] = thresholds.slice(-1);
  return { found, ...(last !== undefined && { threshold: last }) };
}

/**
 * Opens a network of `models/` with its run-time protections around it, as attacks see it.
 *
 * @returns The caller disposes the network. `threshold` is the detector's, if there is one.
 * @throws {RangeError} If its last protection has no logits: {@linkcode openAnswerer} opens it; and as
 *   {@linkcode partsOf}, or if a detector has no threshold.
 * @throws As `loadNetwork`.
 */
export async function openClassifier(
  name: string,
  options: ClassifierOptions = {},
): Promise<{ classifier: Classifier; network: Network; threshold?: number }> {
  const opaque = partsOf(name).specs.find((spec) => entryOf(spec)!.opaque);
  if (opaque) {
    throw new RangeError(
      `Cannot attack as ${opaque} must have logits, and only answers: current value is ${name}`,
    );
  }
  const { found, ...more } = await open(name, options);
  return { classifier: found as Classifier, ...more };
}

/**
 * Opens a network of `models/` with its run-time protections around it, for its answers.
 *
 * @returns The caller disposes the network.
 * @throws As {@linkcode openClassifier}, but for protections without logits.
 */
export async function openAnswerer(
  name: string,
  options: RuntimeOptions = {},
): Promise<{ answerer: Answerer; network: Network }> {
  const { found, network } = await open(name, options);
  return { answerer: "logits" in found ? answererOf(found, network.classes) : found, network };
}

async function open(name: string, options: ClassifierOptions) {
  const { network: inner, specs } = partsOf(name);
  const { weights = inner, dataset } = options;
  const architecture = architectures[inner.split("+", 1)[0]!];
  const network = await loadNetwork(weights, {
    ...(dataset && { dataset }),
    ...(architecture && { architecture }),
  });
  try {
    return { ...await around(network, specs, options), network };
  } catch (error) {
    network.dispose();
    throw error;
  }
}

function entryOf(spec: string): RuntimeEntry | undefined {
  const name = spec.trim().toLowerCase().split(":")[0]!;
  return Object.hasOwn(runtimeProtections, name) ? runtimeProtections[name] : undefined;
}

/** @throws {RangeError} If they are too few, too many, or none. */
function numbersOf(spec: string): number[] {
  const { usage, numbers: [least, most] } = entryOf(spec)!;
  const words = spec.trim().split(":").slice(1);
  const numbers = words.map((word) => word === "" ? NaN : Number(word));
  if (words.length >= least && words.length <= most && numbers.every(Number.isFinite)) {
    return numbers;
  }
  throw new RangeError(`Cannot protect as it must be ${usage}: current value is ${spec}`);
}
