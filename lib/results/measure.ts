/**
 * Minimal norms of many images, into a table: in batches, and only what the table lacks.
 *
 * @module
 */
import { type EightBit, minNorm8bit } from "../attacks/eight_bit.ts";
import { tf } from "../backend.ts";
import type { DigitBytes, Digits } from "../loader.ts";
import { type MinNorm, minNorm, type MinNormOptions, type Reference } from "../minnorm.ts";
import type { Classifier } from "../network.ts";
import { portfolioVersion } from "../portfolio/stages.ts";
import type { ResultRow } from "../results.ts";
import { median } from "../statistics.ts";
import type { Figures, Identity, Table } from "./table.ts";

const PIXELS = 784;

/** Images computed together, and lost if the process is killed meanwhile. */
const BATCH = 200;

/** The name of the portfolio where an attack's could stand. */
export const portfolio = "portfolio";

/** What is measured: one network in one norm. */
export interface Measurement {
  network: Classifier;
  /** Of the network's weights; see `weightsSha256` in `safetensors.ts`. */
  weightsSha256: string;
  dataset: string;
  subset: string;
  p: number;
  reference: Reference;
  /** An attack's name, in place of the portfolio. */
  attack?: string | undefined;
  /** Whether the portfolio's points are improved on within linear regions. @default false */
  polish?: boolean | undefined;
  /** Passes of each image at most. */
  maxPasses: number;
  seed: number;
  /** What else the result depends on: it goes into the rows' `options`. */
  settings?: Readonly<Record<string, string | number>>;
}

/** How a measurement stands. */
export interface MeasureProgress {
  /** Images done, those under way in part, and those that the table had. */
  done: number;
  /** Of these, the images that this run has computed. */
  computed: number;
  /** Median of the smallest norms so far. */
  median: number;
}

/** The images of a measurement. */
export interface Range {
  /** Number of the first image within its subset. */
  first: number;
  bytes: DigitBytes;
}

/** Settings of {@linkcode measure}. */
export interface MeasureOptions {
  signal?: AbortSignal;
  onProgress?: (progress: MeasureProgress) => void;
  /** Images computed together. @default 200 */
  batchSize?: number;
  /** What looks for the norms. @default `minNorm` */
  find?: typeof minNorm;
  /** Whether images of 8 bits are looked for as well. @default true */
  eightBit?: boolean;
  /** So many images, from the first of the range, keep their adversarial ones. @default all */
  pictures?: number;
}

/** By what a measurement's rows are known again. */
export function identityOf(measurement: Omit<Measurement, "network">): Identity {
  const { weightsSha256, dataset, subset, reference, p, maxPasses, seed } = measurement;
  const { attack = portfolio, polish = false, settings } = measurement;
  // What a portfolio finds changes with its stages.
  const version = attack === portfolio ? { version: portfolioVersion } : {};
  return {
    weightsSha256,
    dataset,
    subset,
    reference,
    p,
    attack,
    options: JSON.stringify({ maxPasses, ...version, ...(polish && { polish }), ...settings }),
    seed,
  };
}

/**
 * Measures the images that the table lacks, and saves them batch by batch.
 *
 * @returns The figures of all images of the range, in their order.
 * @throws The signal's reason when aborted; all complete batches are saved then.
 */
export async function measure(
  table: Table,
  measurement: Measurement,
  { first, bytes }: Range,
  { signal, onProgress, batchSize = BATCH, ...how }: MeasureOptions = {},
): Promise<Figures[]> {
  const known = table.known(identityOf(measurement));
  const all = imagesOf({ first, bytes });
  const lacking = lackingOf(table, measurement, { first, bytes });
  try {
    for (let at = 0; at < lacking.length; at += batchSize) {
      const images = lacking.slice(at, at + batchSize);
      const soFar = all.flatMap((image) => known.get(image)?.minNorm ?? []);
      const rows = await measureBatch(measurement, images, { first, bytes }, {
        ...how,
        ...(signal ? { signal } : {}),
        onProgress: (progress) => {
          const computed = at + progress.done * images.length;
          onProgress?.({
            done: all.length - lacking.length + computed,
            computed,
            median: medianOf(soFar, progress.median, images.length),
          });
        },
      });
      await table.add(rows);
    }
  } finally {
    await table.save();
  }
  return all.map((image) => known.get(image)!);
}

/** The numbers of the images that the table lacks. */
export function lackingOf(
  table: Table,
  measurement: Measurement,
  range: Pick<Range, "first"> & { bytes: Pick<DigitBytes, "count"> },
): number[] {
  const known = table.known(identityOf(measurement));
  return imagesOf(range).filter((image) => !known.has(image));
}

const imagesOf = (
  { first, bytes }: Pick<Range, "first"> & { bytes: Pick<DigitBytes, "count"> },
): number[] => Array.from({ length: bytes.count }, (_, i) => first + i);

/** The running median, with the images under way taken as one at theirs. */
const medianOf = (soFar: readonly number[], underWay: number, count: number): number =>
  median([...soFar, ...new Array<number>(count).fill(underWay)]);

async function measureBatch(
  measurement: Measurement,
  images: readonly number[],
  { first, bytes }: Range,
  { signal, onProgress, find = minNorm, eightBit = true, pictures = Infinity }:
    & Pick<MinNormOptions, "signal" | "onProgress">
    & Pick<MeasureOptions, "find" | "eightBit" | "pictures">,
): Promise<ResultRow[]> {
  const { network, p, reference, attack, polish, maxPasses, seed } = measurement;
  const places = images.map((image) => image - first);
  const digits = digitsAt(bytes, places);
  try {
    const outcomes = await find(network, digits, {
      ...{ p, reference, ids: images, maxPasses, seed },
      ...(attack === undefined ? {} : { attack }),
      ...(polish && { polish }),
      ...(signal ? { signal } : {}),
      ...(onProgress ? { onProgress } : {}),
    });
    const labels = places.map((place) => bytes.labels[place]!);
    const points = outcomes.map((one, i) => ({
      ...one,
      reference: reference === "label" ? labels[i]! : one.prediction,
    }));
    const rounded = eightBit
      ? await minNorm8bit(network, points, { p, ...(signal ? { signal } : {}) })
      : undefined;
    return outcomes.map((one, i) => {
      const row = rowOf(measurement, one, labels[i]!, rounded?.[i]);
      return places[i]! < pictures ? row : { ...row, adversarial: null };
    });
  } finally {
    tf.dispose([digits.images, digits.labels]);
  }
}

/** The digits at some places, as tensors. */
function digitsAt({ images, labels }: DigitBytes, places: readonly number[]): Digits {
  const pixels = new Float32Array(places.length * PIXELS);
  places.forEach((place, i) => {
    for (let k = 0; k < PIXELS; k++) pixels[i * PIXELS + k] = images[place * PIXELS + k]! / 255;
  });
  return {
    images: tf.tensor4d(pixels, [places.length, 28, 28, 1]),
    labels: tf.tensor1d(places.map((place) => labels[place]!), "int32"),
  };
}

function rowOf(
  measurement: Measurement,
  outcome: MinNorm,
  label: number,
  rounded: EightBit | undefined,
): ResultRow {
  const { image, prediction, found, norm, adversarialClass, forwards, backwards } = outcome;
  return {
    network: measurement.network.name,
    ...identityOf(measurement),
    image,
    label,
    prediction,
    found,
    minNorm: found ? norm : Infinity,
    adversarialClass,
    forwards,
    backwards,
    seconds: outcome.seconds,
    survives8bit: rounded?.survives8bit ?? null,
    minNorm8bit: rounded?.minNorm8bit ?? null,
    certifiedNorm: null,
    certificate: null,
    adversarial: found ? outcome.perturbed : null,
    foundBy: outcome.attack,
    optimal: outcome.optimal,
  };
}
