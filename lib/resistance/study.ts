/**
 * What notebooks ask of tables of resistances.
 *
 * @module
 */
import { join } from "node:path";
import { resistances } from "../attacks/resistance.ts";
import { type Tensor4D, tf } from "../backend.ts";
import type { Digits } from "../loader.ts";
import type { Network } from "../network.ts";
import { exists } from "../setup/host.ts";
import { root } from "../setup/paths.ts";
import { quantile } from "../statistics.ts";
import { precisionRecall, type Ranked, riskCoverage, roc } from "../statistics/ranking.ts";
import { clean, Collection } from "./collect.ts";
import { collectExamples, untried } from "./collect_examples.ts";
import { type Setting, settingOf } from "./measure.ts";
import { isWrong } from "./scores.ts";
import { readResistances, type ResistanceRecord, type Source } from "./table.ts";

/** A network with its digits, and what tables know of both. */
export interface Study {
  network: Network;
  /** The first test images, numbered from 0. */
  digits: Digits;
  setting: Setting;
  collection: Collection;
}

/** Opens the committed table of a network, and the one of what was computed here since. */
export async function openStudy(network: Network, digits: Digits): Promise<Study> {
  const file = (folder: string) => join(root, folder, "resistances", `${network.name}.parquet`);
  const collection = await Collection.open(file("out"), file("data"));
  return { network, digits, setting: await settingOf(network), collection };
}

/** The clean images of a network's committed table, whatever its weights; none without a table. */
export async function committedRecords(name: string): Promise<ResistanceRecord[]> {
  const file = join(root, "data", "resistances", `${name}.parquet`);
  const all = exists(file) ? await readResistances(file) : [];
  return all.filter(({ source }) => source === clean.source);
}

/**
 * The images up to the last one that is classified rightly: where tables leave out images, all of
 * these are there, so that mistakes among them are as frequent as among all.
 */
export function withoutGaps<T extends ResistanceRecord>(records: readonly T[]): T[] {
  const last = records.findLast((record) => !isWrong(record))?.image ?? -1;
  return records.filter(({ image }) => image <= last);
}

/** Records of clean images, and how many images each stands for. */
export interface Population {
  records: ResistanceRecord[];
  /** 1 for mistakes, of which all are there; for the others what makes up for those left out. */
  weights: number[];
}

/** The clean images of a study that tables have. */
export function populationOf({ network, digits, setting, collection }: Study): Population {
  const [count] = digits.images.shape;
  const records = collection.of(setting, clean).filter(({ image }) => image < count);
  const right = tf.tidy(() => network.predict(digits.images).equal(digits.labels).sum().dataSync());
  const known = records.filter((record) => !isWrong(record)).length;
  return { records, weights: records.map((record) => isWrong(record) ? 1 : right[0]! / known) };
}

/** What {@linkcode extend} is to add. */
export interface Extension {
  /** Rightly classified images to attack, from the first one on. */
  examples: number;
  sources: readonly Source[];
  signal?: AbortSignal | undefined;
  /** Told once before work that is not done at once. */
  onEstimate?: (seconds: number) => void | Promise<void>;
}

/** Makes and measures the adversarial images that tables lack, and saves them in `out/`. */
export async function extend(
  { network, digits, setting, collection }: Study,
  { examples, sources, signal, onEstimate }: Extension,
): Promise<void> {
  const hits = tf.tidy(() => network.predict(digits.images).equal(digits.labels).dataSync());
  const right = Array.from(hits.keys()).filter((i) => hits[i]).slice(0, examples);
  // Older tables don't tell if attacks failed on the last few, so that one in ten may be lacking.
  const missing = sources.filter((source) =>
    untried(collection, setting, source, right).length > examples / 10
  );
  if (missing.length === 0) return;
  const count = missing.length * examples;
  await onEstimate?.(await secondsFor(network, digits.images, count, setting.steps, signal));
  const group = { digits, first: 0 };
  await collectExamples(collection, network, group, missing, setting, { count: examples, signal });
}

/** Steps that are timed for an estimate. */
const TIMED = 10;

/** About how long the second attack takes on so many images, by timing a few steps. */
async function secondsFor(
  network: Network,
  images: Tensor4D,
  count: number,
  steps: number,
  signal?: AbortSignal,
): Promise<number> {
  const few: Tensor4D = images.slice([0], [Math.min(200, count, images.shape[0])]);
  const time = async (steps: number) => {
    const start = performance.now();
    await resistances(network, few, { steps, ...(signal && { signal }) });
    return (performance.now() - start) / 1000;
  };
  try {
    await time(1);
    const seconds = (await time(TIMED + 1) - await time(1)) / TIMED;
    return Math.max(0, seconds) * steps * Math.ceil(count / Math.min(200, count));
  } finally {
    few.dispose();
  }
}

/** Curves of a ranking, for figures. */
export function rankingCurves(name: string, ranked: Ranked) {
  return {
    name,
    roc: roc(ranked),
    precision: precisionRecall(ranked),
    risk: riskCoverage(ranked),
  };
}

/**
 * Splits records into two halves, mistakes and others each by turns: one to fit on, one to judge by.
 */
export function splitByTurns<T extends ResistanceRecord>(
  records: readonly T[],
): [fit: T[], judge: T[]] {
  const result: [T[], T[]] = [[], []];
  for (const kind of [true, false]) {
    const own = records.filter((record) => isWrong(record) === kind);
    own.forEach((record, i) => result[i % 2 as 0 | 1].push(record));
  }
  return result;
}

/** The report's figures of a group of records, in the same order as its text has them. */
export function reportFigures(records: readonly ResistanceRecord[]) {
  const right = records.filter((record) => !isWrong(record));
  const wrong = records.filter(isWrong);
  const at = (group: typeof right, share: number) =>
    (["resN", "resMax", "resMin"] as const).map((key) => {
      const value = quantile(group.map((record) => record[key]), share);
      return value === Infinity ? "∞" : String(Number(value.toPrecision(3)));
    }).join(" / ");
  return {
    right: right.length,
    infinite: right.filter(({ adversarial }) => !adversarial).length,
    "90% of the right exceed": at(right, 0.1),
    wrong: wrong.length,
    "90% of the wrong stay below": at(wrong, 0.9),
    corrected: wrong.filter(({ adversarialClass, label }) => adversarialClass === label).length,
  };
}
