/**
 * Thresholds of detectors: from scores of clean images, kept in a small file.
 *
 * @module
 */
import { join } from "node:path";
import { type Tensor4D, tf } from "../../backend.ts";
import { compile } from "../../compile.ts";
import type { Dataset } from "../../data/datasets.ts";
import { writeAtomic } from "../../files.ts";
import type { Classifier } from "../../network.ts";
import { exists } from "../../setup/host.ts";
import { root } from "../../setup/paths.ts";
import { noteUsed } from "../../used.ts";
import type { AnswerOptions } from "./answers.ts";
import { resistanceScores } from "./resisting.ts";
import { squeezeScores } from "./squeezing.ts";

/** The detectors that need a threshold. */
export type Detector = "squeeze" | "resistance";

/** Of clean images so many are taken for adversarial ones. */
export const falsePositives = 0.05;

/** A detector's threshold, and where it comes from. */
export interface Calibration {
  threshold: number;
  /** Of the network inside: the threshold is for these weights. */
  weightsSha256: string;
  falsePositives: number;
  /** Test images, from 0 on. */
  images: number;
}

/** The committed thresholds, by {@linkcode calibrationName}. */
export const calibrationFile: string = join(root, "data", "protections", "calibration.json");

/**
 * The threshold that a share of the scores exceeds: those of clean images.
 *
 * @throws {RangeError} If there are no scores.
 *
 * @example
 * ```ts
 * import { thresholdAbove } from "$lib/protections/runtime/calibration.ts";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(thresholdAbove([0.4, 0.1, 0.3, 0.2], 0.25), 0.3); // 0.4 alone exceeds it
 * ```
 */
export function thresholdAbove(scores: readonly number[], share = falsePositives): number {
  const sorted = sortedScores(scores);
  return sorted[sorted.length - 1 - Math.floor(share * sorted.length)]!;
}

/** The threshold that a share of the scores falls below. */
export function thresholdBelow(scores: readonly number[], share = falsePositives): number {
  const sorted = sortedScores(scores);
  return sorted[Math.floor(share * sorted.length)]!;
}

function sortedScores(scores: readonly number[]): number[] {
  if (scores.length === 0) throw new RangeError("Cannot calibrate as there must be images: none");
  return scores.toSorted((a, b) => a - b);
}

/**
 * Computes a detector's threshold from clean images.
 *
 * @param images Images that the network was not trained on, shape `[n, 28, 28, 1]`.
 * @throws {RangeError} If there are no images.
 * @throws The signal's reason when aborted.
 */
export async function calibrated(
  network: Classifier,
  detector: Detector,
  images: Tensor4D,
  options: AnswerOptions = {},
): Promise<number> {
  if (detector === "resistance") {
    return thresholdBelow(await resistanceScores(network, images, options));
  }
  const scores: number[] = [];
  const score = compile((images: Tensor4D) => squeezeScores(network, images), {
    name: "scores of squeezing",
  });
  const [count] = images.shape;
  for (let from = 0; from < count; from += 200) {
    options.signal?.throwIfAborted();
    const size = Math.min(200, count - from);
    const part = tf.tidy(() => score(images.slice([from, 0, 0, 0], [size, -1, -1, -1])).dataSync());
    scores.push(...part);
    options.onProgress?.((from + size) / count);
    await new Promise((resolve) => setTimeout(resolve));
  }
  // A threshold of 0 would reject what rounding alone makes.
  return Math.max(thresholdAbove(scores), 1e-6);
}

/**
 * Reads the thresholds of a file; none if there is no such file.
 *
 * @throws {SyntaxError} If it is damaged.
 */
export async function readCalibrations(
  file = calibrationFile,
): Promise<Record<string, Calibration>> {
  if (!exists(file)) return {};
  const text = await Deno.readTextFile(file);
  noteUsed(file);
  let all: unknown;
  try {
    all = JSON.parse(text);
  } catch (error) {
    throw new SyntaxError(`Cannot read ${file} as thresholds: it is no JSON`, { cause: error });
  }
  const damaged = (rule: string, value: unknown) =>
    new SyntaxError(
      `Cannot read ${file} as thresholds as ${rule}: current value is ${JSON.stringify(value)}`,
    );
  if (!isObject(all)) throw damaged("it must be an object", all);
  for (const [name, one] of Object.entries(all)) {
    if (!isObject(one)) throw damaged(`${name} must be an object`, one);
    const { threshold, weightsSha256 } = one;
    if (!(Number.isFinite(threshold) && Number(threshold) > 0)) {
      throw damaged(`${name}'s threshold must be a number > 0`, threshold);
    }
    if (typeof weightsSha256 !== "string") {
      throw damaged(`${name}'s weightsSha256 must be a text`, weightsSha256);
    }
  }
  return all as Record<string, Calibration>; // as checked
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** What a detector's threshold is called: `CNN+squeeze`, as MNIST's bear no data set in their names. */
export const calibrationName = (name: string, dataset: Dataset = "MNIST"): string =>
  dataset === "MNIST" ? name : `${name}-${dataset}`;

/** Puts a threshold into a file, in place of an older one. */
export async function writeCalibration(
  name: string,
  calibration: Calibration,
  file = calibrationFile,
): Promise<void> {
  const all = { ...await readCalibrations(file), [name]: calibration };
  const sorted = Object.entries(all).sort(([a], [b]) => a < b ? -1 : 1);
  await writeAtomic(file, JSON.stringify(Object.fromEntries(sorted), null, 2) + "\n");
}

/**
 * The threshold of a detector around a classifier of a data set.
 *
 * @throws {RangeError} If there is none for these weights.
 */
export function thresholdOf(
  all: Readonly<Record<string, Calibration>>,
  name: string,
  weightsSha256: string,
  dataset?: Dataset,
): number {
  const key = calibrationName(name, dataset);
  const found = Object.hasOwn(all, key) ? all[key]! : undefined;
  if (found?.weightsSha256 === weightsSha256) return found.threshold;
  const option = key === name ? "" : ` --dataset ${dataset}`;
  const why = found ? "is for other weights" : "is not there";
  throw new RangeError(
    `Cannot protect as ${name} needs a threshold from clean images, which ${why}: ` +
      `\`deno task calibrate ${name}${option}\` makes it`,
  );
}
