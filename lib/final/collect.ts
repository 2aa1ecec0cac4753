/**
 * Fills the tables of the last figures: what they have is not computed again.
 *
 * @module
 */
import { tf } from "../backend.ts";
import { type Half, halves, type Model, tables } from "../final.ts";
import { load, loadBytes } from "../loader.ts";
import { formatP } from "../numbers.ts";
import { chosen, collect, Collection } from "../resistance/collect.ts";
import { settingOf } from "../resistance/measure.ts";
import { tablePasses } from "../results/budget.ts";
import { lackingOf, measure } from "../results/measure.ts";
import { Table } from "../results/table.ts";
import { finalMeasurement } from "./norms.ts";

/** What all tables are filled with. */
export interface CollectOptions {
  /**
   * Images of each half: the first ones for minimal norms, and the first ones classified rightly for
   * resistances, which are measured of all that are not. @default 100
   */
  images?: number;
  signal?: AbortSignal;
  /** Called now and then: what is done of all, and with what. */
  onProgress?: (done: number, total: number, words: string) => void;
}

/** What minimal norms are looked for with. */
export interface NormOptions extends CollectOptions {
  /** @default 0, 1, 2 and Infinity */
  norms?: readonly number[];
  /** Passes of each image at most. @default 1000 */
  maxPasses?: number;
  /** @default data/final/min-norms.parquet */
  file?: string;
}

/**
 * Looks for the minimal norms of images of `val` that the table lacks, and saves each batch.
 *
 * @throws The signal's reason when aborted.
 */
export async function collectNorms(
  models: readonly Model[],
  options: NormOptions = {},
): Promise<void> {
  const { images = 100, norms = [0, 1, 2, Infinity], file = tables.minNorms } = options;
  const { maxPasses = tablePasses, signal, onProgress } = options;
  const table = await Table.open(file);
  const work = models.flatMap((model) =>
    norms.flatMap((p) => Object.values(halves).map(({ from }) => ({ model, p, from })))
  );
  for (const [done, { model, p, from }] of work.entries()) {
    const { name, network } = model;
    const measurement = { ...finalMeasurement(model, "val", p, maxPasses), network };
    const range = { first: from, bytes: await loadBytes("val", { from, to: from + images }) };
    const lacking = lackingOf(table, measurement, range).length;
    await measure(table, measurement, range, {
      ...(signal && { signal }),
      onProgress: ({ computed, median }) => {
        const words = `${name} L${formatP(p)}, from image ${from}: median ${median.toPrecision(3)}`;
        onProgress?.(done + (lacking > 0 ? computed / lacking : 1), work.length, words);
      },
    });
  }
}

/** What resistances are measured with. */
export interface ResistanceOptions extends CollectOptions {
  /** Steps of the second attack. @default 500 */
  steps?: number;
  /** @default data/final/resistances.parquet */
  file?: string;
}

/**
 * Measures the resistances of images of `val` that the table lacks: of all that a network gets wrong,
 * and of the first of each half that it gets right.
 *
 * @throws The signal's reason when aborted.
 */
export async function collectResistances(
  models: readonly Model[],
  options: ResistanceOptions = {},
): Promise<void> {
  const { images = 100, steps = 500, file = tables.resistances, signal, onProgress } = options;
  const collection = await Collection.open(file);
  const work = models.flatMap((model) =>
    (Object.keys(halves) as Half[]).map((half) => ({ model, half }))
  );
  for (const [done, { model: { name, network }, half }] of work.entries()) {
    const { from } = halves[half];
    const digits = await load("val", halves[half]);
    try {
      const wanted = chosen(network, digits, from, { right: images, curves: 0 });
      const setting = await settingOf(network, { subset: "val", steps });
      await collect(collection, network, { digits, first: from }, wanted, setting, {
        ...(signal && { signal }),
        onProgress: (part) =>
          onProgress?.(done + part.done / part.lacking, work.length, `${name}, ${half} half`),
      });
    } finally {
      tf.dispose([digits.images, digits.labels]);
    }
  }
}
