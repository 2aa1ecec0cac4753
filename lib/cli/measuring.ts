/**
 * What `minnorm` and `resistance` have in common: a range of images, and a table to fill.
 *
 * @module
 */
import { catalogueOf } from "../data/datasets.ts";
import type { Dataset, Subset } from "../loader.ts";
import { duration, parseP } from "../numbers.ts";
import { type Option, UsageError } from "./options.ts";

/** Numbers of images: `from` to `to` - 1. */
export interface ImageRange {
  from: number;
  to: number;
}

/** `--images 200` or `--images 1000:1200`. */
export const imagesOption: Option<ImageRange> = {
  value: "n|a:b",
  help: "the first n images, or those from a to b - 1 (default: 200)",
  read(given = "200") {
    const [, from = "0", to] = /^(?:(\d+):)?(\d+)$/.exec(given.trim()) ?? [];
    if (Number(from) < Number(to)) return { from: Number(from), to: Number(to) };
    throw new UsageError(
      `Cannot read --images as it must be a count or a range such as 1000:1200: ` +
        `current value is ${given}`,
    );
  },
};

/** Norms that `minNorm` takes. */
const allNorms = [0, 1, 2, Infinity];

/** `--norms 0,1,2,inf`. */
export const normsOption: Option<number[]> = {
  value: "P,P",
  help: "the norms, with commas between (default: 0,1,2,inf)",
  read(given = "0,1,2,inf") {
    const norms = given.split(",").map(parseP);
    if (norms.every((p) => allNorms.includes(p))) return [...new Set(norms)];
    throw new UsageError(
      `Cannot read --norms as they must be of 0, 1, 2 and inf: current value is ${given}`,
    );
  },
};

/** `--out FILE.parquet`. */
export const outOption: Option<string> = {
  value: "FILE.parquet",
  help: "the table; what it has already is not computed again",
  read(given) {
    if (given?.endsWith(".parquet")) return given;
    throw new UsageError(
      `Cannot start as --out must name a file that ends in .parquet: ` +
        `current value is ${given ?? "none"}`,
    );
  },
};

/**
 * Checks that the subset has the images.
 *
 * @throws {UsageError} If it has not.
 */
export function checkImages(
  { images, subset, dataset }: { images: ImageRange; subset: Subset; dataset: Dataset },
): void {
  const part = catalogueOf(dataset).subsets[subset];
  const size = part.to - part.from;
  if (images.to <= size) return;
  throw new UsageError(
    `Cannot read --images as ${subset} has ${size} images: current value ends at ${images.to}`,
  );
}

/** Seconds after which the rest can be estimated: tracing is over by then. */
const SETTLED = 5;
/** Seconds from which on a run is long, so that people are told. */
const LONG = 30;

/**
 * Estimates the time left, and tells it once if it is long.
 *
 * @param work Images to compute, over all measurements.
 * @returns Gives the note for the bar when so many are done.
 */
export function clock(work: number, say: (line: string) => void): (done: number) => string {
  const start = performance.now();
  let told = false;
  return (done) => {
    const seconds = (performance.now() - start) / 1000;
    if (seconds < SETTLED || done <= 0) return "";
    const left = seconds * (work - done) / done;
    if (!told && left > LONG) say(`About ${duration(left)} to go`);
    told = true;
    return `, about ${duration(left)} left`;
  };
}
