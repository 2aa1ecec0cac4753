/**
 * Smallest norms beside those of others, image by image. `Infinity` stands for "none was found".
 *
 * @module
 */
import { mean, median } from "$lib/statistics.ts";

/** One attack's norms, and the time that all images together took. */
export interface PeerRun {
  name: string;
  seconds: number;
  norms: number[];
}

/** Where a run stood at some moment. */
export interface Moment {
  seconds: number;
  /** Forward plus backward passes, the mean of the images. */
  passes: number;
  /** Over all images: infinite until each has a norm. */
  mean: number;
  /** Infinite until half of them have one. */
  median: number;
}

/** How norms compare with the best of others. */
export interface NormComparison {
  /** How many were compared. */
  images: number;
  ours: { mean: number; median: number };
  best: { mean: number; median: number };
  /** Share of images at which ours is not above the best by more than a hundredth; in L0, at all. */
  notAbove: number;
  /** Share of images at which ours is below. */
  below: number;
}

/** What counts as as good, in norms other than L0: a factor. */
const tolerance = 1.01;

/** Compares the first norms with those that the others have. */
export function compareNorms(
  p: number,
  ours: readonly number[],
  best: readonly number[],
): NormComparison {
  const images = Math.min(ours.length, best.length);
  const [mine, theirs] = [ours, best].map((norms) => norms.slice(0, images)) as [
    number[],
    number[],
  ];
  const factor = p === 0 ? 1 : tolerance;
  const share = (holds: (mine: number, theirs: number) => boolean) =>
    mine.filter((norm, i) => holds(norm, theirs[i]!)).length / images;
  return {
    images,
    ours: { mean: mean(mine), median: median(mine) },
    best: { mean: mean(theirs), median: median(theirs) },
    notAbove: share((mine, theirs) => mine <= factor * theirs),
    below: share((mine, theirs) => mine < theirs),
  };
}

/** The smallest norm of each image. */
export const bestOf = (runs: readonly PeerRun[]): number[] =>
  runs[0]!.norms.map((_, image) => Math.min(...runs.map(({ norms }) => norms[image]!)));

/** The attack with the smallest mean over all images; without one that found all, none. */
export function bestSingle(runs: readonly PeerRun[]): PeerRun | undefined {
  const all = runs.filter(({ norms }) => mean(norms) < Infinity);
  return all.toSorted((a, b) => mean(a.norms) - mean(b.norms))[0];
}

/** The mean that was reached after some seconds. */
export const meanAfter = (moments: readonly Moment[], seconds: number): number =>
  moments.findLast((moment) => moment.seconds <= seconds)?.mean ?? Infinity;

/** Norms in a file: by network and norm, of the first images of the test split. */
export type BestNorms = Record<
  string,
  Record<string, { subset: string; from: number; best: (number | null)[] }>
>;

/**
 * Finds the norms of a network in what a file holds.
 *
 * @returns `undefined` if there are none.
 * @throws {TypeError} If they are not of the first images of the test split.
 */
export function bestIn(file: BestNorms, network: string, p: string): number[] | undefined {
  const entry = file[network]?.[p];
  if (entry === undefined) return undefined;
  if (entry.subset !== "test" || entry.from !== 0 || !Array.isArray(entry.best)) {
    throw new TypeError(
      `Cannot compare ${network} as best norms must be of the first images of test: ` +
        `current value is ${entry.subset} from ${entry.from}`,
    );
  }
  return entry.best.map((norm) => norm ?? Infinity);
}
