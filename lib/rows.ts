/**
 * From tensors to the plain rows that figures and tables take.
 *
 * @module
 */
import type { Outcome } from "./attacks/driver.ts";
import { attackNamed, runner } from "./attacks/run.ts";
import { type Tensor4D, tf } from "./backend.ts";
import type { Digits } from "./loader.ts";
import type { Classifier, Network } from "./network.ts";

const PIXELS = 784;

/** Each image's pixels. @param images Shape `[n, 28, 28, 1]`. */
export function pixelsOf(images: Tensor4D): Float32Array[] {
  const values = images.dataSync<"float32">();
  return Array.from(
    { length: images.shape[0] },
    (_, i) => values.slice(i * PIXELS, (i + 1) * PIXELS),
  );
}

/** The images with the given places, in their order. The caller disposes them. */
export function pick({ images, labels }: Digits, places: readonly number[]): Digits {
  const index = tf.tensor1d([...places], "int32");
  const picked = { images: tf.gather(images, index), labels: tf.gather(labels, index) };
  index.dispose();
  return picked;
}

/** One digit of a grid. */
export interface DigitRow {
  /** Its place among the images given. */
  image: number;
  label: number;
  pixels: Float32Array;
  /** The label, as a caption. */
  caption: string;
}

/** Each image with its label, for a grid. */
export function digitRows({ images, labels }: Digits): DigitRow[] {
  const classes = labels.dataSync();
  return pixelsOf(images).map((pixels, image) => {
    const label = classes[image] ?? 0;
    return { image, label, pixels, caption: String(label) };
  });
}

/** How many images of each class there are. */
export function classCounts(
  subset: string,
  { labels }: Digits,
): { subset: string; digit: number; count: number }[] {
  const rows = Array.from({ length: 10 }, (_, digit) => ({ subset, digit, count: 0 }));
  for (const label of labels.dataSync()) rows[label]!.count++;
  return rows;
}

/** The mean image of each class that occurs. */
export function meanRows(
  { images, labels }: Digits,
): { digit: number; count: number; pixels: number[] }[] {
  const sums = Array.from({ length: 10 }, () => new Float64Array(PIXELS));
  const counts = new Array<number>(10).fill(0);
  const values = images.dataSync();
  labels.dataSync().forEach((label, image) => {
    counts[label]!++;
    const sum = sums[label]!;
    for (let i = 0; i < PIXELS; i++) sum[i]! += values[image * PIXELS + i]!;
  });
  return counts.flatMap((count, digit) =>
    count ? [{ digit, count, pixels: Array.from(sums[digit]!, (sum) => sum / count) }] : []
  );
}

/** What a network makes of one image. */
export interface PredictionRow extends DigitRow {
  prediction: number;
  /** Confidence in the prediction, in [0, 1]. */
  confidence: number;
  /** Confidence in each class. */
  confidences: number[];
}

/** The network's prediction for each image. */
export function predictionRows(network: Network, digits: Digits): PredictionRow[] {
  const confidences = tf.tidy(() => network.confidences(digits.images).arraySync());
  return digitRows(digits).map((row, i) => {
    const own = confidences[i] ?? [];
    const confidence = Math.max(...own);
    return { ...row, prediction: own.indexOf(confidence), confidence, confidences: own };
  });
}

/** Numbers of images by class and prediction: `counts[label][prediction]`. */
export function confusionCounts(
  rows: readonly { label: number; prediction: number }[],
): number[][] {
  const counts = Array.from({ length: 10 }, () => new Array<number>(10).fill(0));
  for (const { label, prediction } of rows) counts[label]![prediction]!++;
  return counts;
}

/** The misclassified images, the most confident first. */
export function confidentMistakes(rows: readonly PredictionRow[]): PredictionRow[] {
  return rows.filter((row) => row.prediction !== row.label)
    .sort((a, b) => b.confidence - a.confidence);
}

/**
 * The confidences along the straight line through an image and its perturbed image.
 *
 * @param options.from The first t: 0 is the image. @default -0.25
 * @param options.to The last t: 1 is the perturbed image. @default 1.25
 * @param options.points @default 151
 */
export function lineRows(
  network: Classifier,
  { clean, perturbed }: Pick<Outcome, "clean" | "perturbed">,
  { from = -0.25, to = 1.25, points = 151 } = {},
): { t: number; confidences: number[] }[] {
  const ts = Array.from({ length: points }, (_, i) => from + (to - from) * i / (points - 1));
  const confidences = tf.tidy(() => {
    const image = tf.tensor4d(clean, [1, 28, 28, 1]);
    const way = tf.tensor4d(perturbed, [1, 28, 28, 1]).sub(image);
    const line: Tensor4D = image.add(way.mul(tf.tensor4d(ts, [points, 1, 1, 1])));
    return network.logits(line).softmax().arraySync() as number[][];
  });
  return ts.map((t, i) => ({ t, confidences: confidences[i] ?? [] }));
}

/** One attack on one image at one norm; fits both figures of a sweep. */
export interface SweepRow {
  series: string;
  /** Number of the image. */
  image: number;
  p: number;
  /** The norm asked for. */
  norm: number;
  found: boolean;
  /** Confidence in the clean image's class after the attack. */
  confidence: number;
  prediction: number;
  predictionConfidence: number;
  pixels: Float32Array;
  steps: number;
}

export interface SweepOptions {
  /** Norms to ask for, for each p. */
  norms: ReadonlyMap<number, readonly number[]>;
  /** Numbers of the images, which fix their random starts. @default 0, 1, 2, ... */
  ids?: readonly number[];
  /** The attack's name. @default "school" */
  attack?: string;
  /** @default 0.01 */
  learningRate?: number;
  /** Steps at most. @default the attack's own, or 500 */
  steps?: number;
  /** @default 0 */
  seed?: number;
  signal?: AbortSignal;
  /** Called after each run of the attack. */
  onProgress?: (done: number, total: number) => void;
}

/**
 * Runs one attack on the images for every p and norm.
 *
 * @throws {RangeError} If there is no such attack, it doesn't take a norm, or looks for the smallest.
 */
export async function sweepRows(
  network: Classifier,
  images: Tensor4D,
  options: SweepOptions,
): Promise<SweepRow[]> {
  const { norms, attack = "school", learningRate = 0.01, onProgress, ...run } = options;
  const entry = attackNamed(attack);
  if (entry.minimal) {
    throw new RangeError(
      `Cannot sweep as the attack must take a norm: current value is ${attack}, which finds its own`,
    );
  }
  const pairs = [...norms].flatMap(([p, values]) => values.map((norm) => ({ p, norm })));
  const rows: SweepRow[] = [];
  for (const [done, { p, norm }] of pairs.entries()) {
    const outcomes = await runner(entry, { p, norm, learningRate }).run(network, images, run);
    rows.push(...outcomes.map((outcome) => sweepRow(outcome, p, norm)));
    onProgress?.(done + 1, pairs.length);
  }
  return rows;
}

function sweepRow(outcome: Outcome, p: number, norm: number): SweepRow {
  const after = outcome.confidences.perturbed;
  const predictionConfidence = Math.max(...after);
  return {
    series: `p = ${p === Infinity ? "∞" : p}`,
    image: outcome.image,
    p,
    norm,
    found: outcome.found,
    confidence: after[outcome.prediction] ?? 0,
    prediction: after.indexOf(predictionConfidence),
    predictionConfidence,
    pixels: outcome.perturbed,
    steps: outcome.steps,
  };
}
