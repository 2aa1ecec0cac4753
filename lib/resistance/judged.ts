/**
 * How resistances do as judges: of mistakes, of adversarial images, and of their own certainty.
 *
 * @module
 */
import { median, quantile } from "../statistics.ts";
import { fitIsotonic, fitTemperature } from "../statistics/calibration.ts";
import { type Bin, isotonic, reliability, tempered } from "../statistics/calibration.ts";
import { type Ranked, thresholds } from "../statistics/ranking.ts";
import { evading } from "./examples.ts";
import { isWrong, schoolScore, type ScoreName, suspicion } from "./scores.ts";
import { splitByTurns, type Study, withoutGaps } from "./study.ts";
import type { ResistanceRecord, Source } from "./table.ts";

/** One of the report's three. */
export type ResistanceName = "resN" | "resMax" | "resMin";

/** What a threshold leads to, in images. */
export interface Decision {
  /** Images with at most this resistance are called misclassified. */
  threshold: number;
  /** Mistakes that are not called so. */
  missed: number;
  /** Right answers that are called mistakes. */
  falseAlarms: number;
}

/** What comes of each threshold. */
export function decisions(ranked: Ranked): Decision[] {
  const { steps, positives } = thresholds(ranked);
  return steps.map(({ threshold, found, falseAlarms }) => (
    { threshold: -threshold, missed: positives - found, falseAlarms }
  ));
}

/** Whose probability of a mistake it is: by the resistance or the softmax, as it is or fitted. */
export type Promiser = "score" | "isotonic" | "softmax" | "temperature";

/** Promised probabilities of mistakes, in bins, and what came of them. */
export interface Promises {
  bins: (Bin & { by: Promiser })[];
  /** Images that they are judged on, and the mistakes among them: nothing was fitted on these. */
  images: number;
  mistakes: number;
}

/**
 * Fits probabilities on half of the images, and judges them by the others.
 *
 * @param records Clean images; gaps at the end are left out.
 */
export function promises(
  records: readonly ResistanceRecord[],
  resistance: ResistanceName,
): Promises {
  const [fit, judge] = splitByTurns(withoutGaps(records));
  const right = fit.filter((record) => !isWrong(record));
  const scale = median(right.map((one) => one[resistance]).filter(Number.isFinite));
  const steps = fitIsotonic(fit.map((one) => -one[resistance]), fit.map(isWrong));
  const temperature = fitTemperature(fit.map(({ logits }) => logits), fit.map((one) => one.label));
  const doubt = (logits: Float32Array, t: number) => 1 - Math.max(...tempered(logits, t));
  const promised: Record<Promiser, number[]> = {
    score: judge.map((one) => 1 - schoolScore(one[resistance], scale)),
    isotonic: judge.map((one) => isotonic(steps, -one[resistance])),
    softmax: judge.map(({ logits }) => doubt(logits, 1)),
    temperature: judge.map(({ logits }) => doubt(logits, temperature)),
  };
  const outcomes = judge.map(isWrong);
  const bins = (Object.keys(promised) as Promiser[]).flatMap((by) =>
    reliability(promised[by], outcomes).map((bin) => ({ by, ...bin }))
  );
  return { bins, images: judge.length, mistakes: outcomes.filter(Boolean).length };
}

/** The first rightly classified images, which were attacked, and what their attacks made of them. */
export interface Attacked {
  /** The rightly classified ones, attacked or not. */
  right: ResistanceRecord[];
  /** How many of these count: the first ones. */
  count: number;
  /** By source, adversarial images of these; sources without any are left out. */
  made: (Source & { records: ResistanceRecord[] })[];
}

/**
 * Collects what a study's tables have of attacks on the first rightly classified images.
 *
 * @param records The clean images.
 */
export function attackedOf(
  { collection, setting }: Pick<Study, "collection" | "setting">,
  records: readonly ResistanceRecord[],
  sources: readonly Source[],
  count: number,
): Attacked {
  const right = records.filter((record) => !isWrong(record));
  const last = right[Math.min(count, right.length) - 1]?.image ?? -1;
  const made = sources.map((source) => (
    { ...source, records: collection.of(setting, source).filter(({ image }) => image <= last) }
  ));
  return {
    right,
    count: Math.min(count, right.length),
    made: made.filter(({ records }) => records.length > 0),
  };
}

/** Ranks the images of each attack that knows no detector among the clean ones. */
export function caught(
  { right, made }: Attacked,
  score: ScoreName,
): (Source & { ranked: Ranked })[] {
  return made.filter(({ source, records }) => source !== evading && records.length > 1)
    .map(({ records, ...source }) => {
      const all = [...records, ...right];
      const scores = all.map((one) => suspicion(one, score));
      return { ...source, ranked: { scores, positives: all.map((_, i) => i < records.length) } };
    });
}

/** Against a detector: of `count` images attacked, those that deceive it and the network. */
export interface Evasion {
  /** Norm, as a multiple of the smallest one found. */
  factor: number;
  count: number;
  evading: number;
}

/**
 * Counts what gets past a detector that raises false alarms for a share of the right answers.
 *
 * @param falseAlarms In (0, 1).
 */
export function evasions(
  { right, count, made }: Attacked,
  score: ScoreName,
  falseAlarms: number,
): Evasion[] {
  const most = quantile(right.map((one) => suspicion(one, score)), 1 - falseAlarms);
  return made.filter(({ source }) => source === evading).map(({ epsilon, records }) => {
    const silent = records.filter((one) => suspicion(one, score) < most);
    return { factor: epsilon!, count, evading: silent.filter(isWrong).length };
  });
}
