/**
 * The digits: downloaded once, verified at every load, split as in the report, given as tensors.
 *
 * @module
 */

import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Tensor1D, type Tensor4D, tf } from "./backend.ts";
import { type Catalogue, catalogueOf, type Dataset, type Subset } from "./data/datasets.ts";
import { type KnownFile, obtain } from "./data/download.ts";
import { decodeIdx } from "./data/idx.ts";
import { type FetchOptions, gunzip } from "./data/mirror.ts";

export type { Catalogue, Dataset, Subset } from "./data/datasets.ts";
export type { Progress } from "./data/mirror.ts";

/** Images and their classes as tensors; who asked for them disposes them. */
export interface Digits {
  /** Shape `[n, 28, 28, 1]`, float32, 0 (background) to 1 (ink). */
  images: Tensor4D;
  /** Shape `[n]`, int32, 0 to 9. */
  labels: Tensor1D;
}

/** Images and their classes as the files have them, for those that need no tensors. */
export interface DigitBytes {
  /** How many. */
  count: number;
  /** `count` x 28 x 28 bytes, 0 (background) to 255 (ink). */
  images: Uint8Array;
  /** `count` bytes, 0 to 9. */
  labels: Uint8Array;
}

/** Which data set, and where its files come from and go to. */
export interface SourceOptions extends FetchOptions {
  /** @default "MNIST" */
  dataset?: Dataset | undefined;
  /** Where data sets are kept. @default LAB_DATA of the environment, else `data/` */
  folder?: string | undefined;
  /** In place of the built-in one of `dataset`. */
  catalogue?: Catalogue | undefined;
}

/** Options of {@linkcode load}. */
export interface LoadOptions extends SourceOptions {
  /** The first image. @default 0 */
  from?: number | undefined;
  /** The image after the last one. @default the subset's size */
  to?: number | undefined;
}

const PIXELS = 28 * 28;

/**
 * The first `n` images of the report's training set: MNIST's training images 0 to 49,999.
 *
 * @param n @default 50,000
 * @throws {RangeError} If `n` is not an integer from 1 to 50,000.
 */
export function train(n?: number, options: SourceOptions = {}): Promise<Digits> {
  return load("train", { ...options, to: n });
}

/**
 * The first `n` images of the report's test set: MNIST's training images 50,000 to 59,999.
 *
 * @param n @default 10,000
 * @throws {RangeError} If `n` is not an integer from 1 to 10,000.
 */
export function test(n?: number, options: SourceOptions = {}): Promise<Digits> {
  return load("test", { ...options, to: n });
}

/**
 * The first `n` images of the report's validation set, MNIST's official test images: for the last
 * figures only, never to decide on anything.
 *
 * @param n @default 10,000
 * @throws {RangeError} If `n` is not an integer from 1 to 10,000.
 */
export function val(n?: number, options: SourceOptions = {}): Promise<Digits> {
  return load("val", { ...options, to: n });
}

/**
 * Loads images `from` to `to` of a subset, numbered from 0 within it. What is not in the data folder
 * yet is downloaded and kept there; every load verifies the checksums of the files it reads.
 *
 * @returns Tensors that the caller disposes.
 * @throws {RangeError} If the range does not lie within the subset, or there is no such data set.
 * @throws {Error} If a file can neither be found nor fetched, or the disk is full.
 * @throws `options.signal.reason` when aborted.
 */
export async function load(subset: Subset, options: LoadOptions = {}): Promise<Digits> {
  const { count, images, labels } = await loadBytes(subset, options);
  const values = new Float32Array(images);
  for (let i = 0; i < values.length; i++) values[i] = (values[i] ?? 0) / 255;
  return {
    images: tf.tensor4d(values, [count, 28, 28, 1], "float32"),
    labels: tf.tensor1d(Int32Array.from(labels), "int32"),
  };
}

/** As {@linkcode load}, but bytes as the files have them. */
export async function loadBytes(subset: Subset, options: LoadOptions = {}): Promise<DigitBytes> {
  const { dataset = "MNIST", folder = dataFolder() } = options;
  const { sources, subsets } = options.catalogue ?? catalogueOf(dataset);
  if (!Object.hasOwn(subsets, subset)) {
    throw new RangeError(
      `Cannot load images as the subset must be train, test or val: current value is ${subset}`,
    );
  }
  const part = subsets[subset];
  const { from, to } = range(subset, part.to - part.from, options);
  const read = async (file: KnownFile, shape: number[]) => {
    const bytes = await obtain(file, join(folder, dataset), sources, options);
    const array = decodeIdx(await gunzip(bytes));
    checkShape(file.name, array.shape, part.to, shape);
    return array.values;
  };
  const images = await read(part.images, [28, 28]);
  const labels = await read(part.labels, []);
  const [first, last] = [part.from + from, part.from + to];
  return {
    count: to - from,
    images: images.subarray(first * PIXELS, last * PIXELS),
    labels: labels.subarray(first, last),
  };
}

function checkShape(name: string, shape: number[], least: number, rest: number[]): void {
  const [count = 0, ...others] = shape;
  if (count >= least && `${others}` === `${rest}`) return;
  throw new SyntaxError(
    `Cannot load ${name} as its shape must be [${[`at least ${least}`, ...rest]}]: ` +
      `current value is [${shape}]`,
  );
}

function range(
  subset: Subset,
  size: number,
  { from = 0, to = size }: LoadOptions,
): { from: number; to: number } {
  for (const value of [from, to]) {
    if (typeof value !== "number") {
      throw new TypeError(
        `Cannot load images of ${subset} as their number must be a number: ` +
          `current value is ${typeof value} ${value}`,
      );
    }
  }
  if (!Number.isInteger(from) || from < 0 || from >= size) {
    throw new RangeError(
      `Cannot load images of ${subset} as the first must be an integer from 0 to ${size - 1}: ` +
        `current value is ${from}`,
    );
  }
  if (!Number.isInteger(to) || to <= from || to > size) {
    throw new RangeError(
      `Cannot load images of ${subset} as it has ${size} and the end must be an integer from ` +
        `${from + 1} to ${size}: current value is ${to}`,
    );
  }
  return { from, to };
}

/** Where data sets are kept, each in a folder of its name: LAB_DATA of the environment, else `data/`. */
export function dataFolder(): string {
  return Deno.env.get("LAB_DATA") || fileURLToPath(new URL("../data", import.meta.url));
}
