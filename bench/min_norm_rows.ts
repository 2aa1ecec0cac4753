/**
 * The rows of the table of smallest norms, and how they read.
 *
 * @module
 */
import { formatP } from "$lib/numbers.ts";
import { mean, median } from "$lib/statistics.ts";
import {
  bestOf,
  bestSingle,
  compareNorms,
  meanAfter,
  type Moment,
  type NormComparison,
  type PeerRun,
} from "./norm_comparison.ts";

/** What one run of the portfolio gave. */
export interface Ours {
  norms: number[];
  seconds: number;
  /** Forward plus backward passes, the mean of the images. */
  passes: number;
  moments: Moment[];
}

/** One network in one norm. Times of `ours` and `peer` in milliseconds, as in all benchmarks. */
export interface MinNormRow {
  work: string;
  network: string;
  p: string;
  images: number;
  ours: number;
  /** All attacks together, and how many times faster we are. */
  peer: number | null;
  ratio: number | null;
  found: number;
  mean: number;
  median: number;
  passes: number;
  norms: number[];
  moments: Moment[];
  peers: PeerRun[];
  /** Beside the best of these peers, and beside that of a file. */
  comparison: NormComparison | null;
  fileComparison: NormComparison | null;
  /** Where ours stood when the best single peer ended. */
  then: { name: string; seconds: number; mean: number; ours: number } | null;
}

/** Puts a run and its peers together. */
export function rowOf(
  network: string,
  p: number,
  { norms, seconds, passes, moments }: Ours,
  peers: PeerRun[],
  best: number[] | undefined,
): MinNormRow {
  const together = peers.reduce((sum, { seconds }) => sum + seconds, 0);
  const single = bestSingle(peers);
  return {
    work: `smallest L${formatP(p)} norms, ${norms.length} images: ${network}`,
    network,
    p: formatP(p),
    images: norms.length,
    ours: 1000 * seconds,
    peer: peers.length > 0 ? 1000 * together : null,
    ratio: peers.length > 0 ? together / seconds : null,
    found: norms.filter(Number.isFinite).length,
    mean: mean(norms),
    median: median(norms),
    passes,
    norms,
    moments,
    peers,
    comparison: peers.length > 0 ? compareNorms(p, norms, bestOf(peers)) : null,
    fileComparison: best ? compareNorms(p, norms, best) : null,
    then: single
      ? {
        name: single.name,
        seconds: single.seconds,
        mean: mean(single.norms),
        ours: meanAfter(moments, single.seconds),
      }
      : null,
  };
}

const short = (norm: number): string => norm === Infinity ? "infinite" : norm.toPrecision(5);

/** A run in words. */
export const line = ({ name, norms, seconds }: PeerRun): string =>
  `${name.padEnd(14)} found ${norms.filter(Number.isFinite).length} of ${norms.length}, ` +
  `mean ${short(mean(norms))}, median ${short(median(norms))}, ${seconds.toFixed(2)} s`;

/** What the comparisons came to, in words. */
export function verdicts(
  { p, comparison, fileComparison, peer, ratio, then }: MinNormRow,
): string[] {
  const against = (name: string, { images, ours, best, notAbove, below }: NormComparison) =>
    `best of ${name}, image by image: mean ${short(best.mean)}, median ${short(best.median)}; ` +
    `ours: mean ${short(ours.mean)}, median ${short(ours.median)}, ` +
    `${p === "0" ? "not above" : "not above 1.01 times"} on ${percent(notAbove)} and below on ` +
    `${percent(below)} of ${images}`;
  return [
    ...(comparison ? [against("peers", comparison)] : []),
    ...(fileComparison ? [against("the file", fileComparison)] : []),
    ...(peer !== null && ratio !== null
      ? [`peers together ${(peer / 1000).toFixed(1)} s: ratio ${ratio.toFixed(2)}`]
      : []),
    ...(then
      ? [
        `when ${then.name} ended at ${then.seconds.toFixed(2)} s with mean ${short(then.mean)}, ` +
        `ours was at ${short(then.ours)}`,
      ]
      : []),
  ];
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
