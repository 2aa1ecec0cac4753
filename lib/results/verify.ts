/**
 * Tables confirmed row by row, from the network, the data set and the adversarial image alone.
 *
 * @module
 */
import {
  abstention,
  adversarialMargin,
  type Logits,
  logitsAlone,
  marginOf,
  roundingOf,
} from "../attacks/judge.ts";
import { hasRegions, isNearest } from "../attacks/linear_region/confirm.ts";
import type { Classifier } from "../network.ts";
import { distance } from "../norms.ts";
import { argMax, formatP } from "../numbers.ts";
import { readRows, type ResultRow, rowsOf } from "../results.ts";
import {
  cleanImages,
  confirmPlace,
  judge,
  noWeights,
  TOLERANCE,
  type Verification,
  type VerifyOptions,
  Wrong,
  wrong,
} from "./evidence.ts";

/** What a row is held against. */
export interface Evidence {
  network: Classifier;
  /** The clean image's 784 pixels in [0, 1]. */
  clean: Float32Array;
  /** Its true class. */
  label: number;
}

const SHAPE = [28, 28, 1] as const;

/** Rows read at once; each may have an image. */
const BATCH = 200;

/**
 * Confirms each row of a table.
 *
 * @throws As `readRows` if the file is no table.
 */
export async function verifyTable(
  file: string,
  { networkOf, digitsOf, signal, onProgress }: VerifyOptions,
): Promise<Verification> {
  const rows = await rowsOf(file);
  const cleanOf = cleanImages(digitsOf);
  const result: Verification = { rows, verified: 0, unwitnessed: 0, failed: [] };
  for (let from = 0; from < rows; from += BATCH) {
    for (const row of await readRows(file, { from, to: from + BATCH })) {
      signal?.throwIfAborted();
      await judge(result, row, row.p, async () => {
        const network = await networkOf(row) ?? noWeights();
        return confirm(row, { network, ...await cleanOf(row) });
      });
    }
    onProgress?.(Math.min(rows, from + BATCH), rows);
    await new Promise((resolve) => setTimeout(resolve));
  }
  return result;
}

/** What is wrong with a row, or `undefined` if nothing is. */
export function faultOf(row: ResultRow, evidence: Evidence): string | undefined {
  try {
    confirm(row, evidence);
  } catch (error) {
    if (error instanceof Wrong) return error.message;
    throw error;
  }
}

/** @returns Whether there was an image to judge. @throws {Wrong} If the row is not right. */
function confirm(row: ResultRow, { network, clean, label }: Evidence): boolean {
  const logits = logitsAlone(network, clean, SHAPE);
  if (row.label !== label) wrong(`its label is ${label}, not ${row.label}`);
  // Which of two nearly equal classes is predicted may depend on the batch.
  if (!(marginOf(logits, row.prediction) >= -adversarialMargin)) {
    wrong(`the network predicts ${argMax(logits)} for the clean image, not ${row.prediction}`);
  }
  const reference = referenceOf(row);
  confirmNorm(row, deceived(logits, reference));
  if (!row.found || row.adversarial === null) return false;
  confirmWitness(row, row.adversarial, { network, clean }, reference);
  return true;
}

/**
 * Whether a class is left; `undefined` where rounding by other kernels, as those of another
 * processor, would turn the answer.
 */
function isLeft(logits: Logits, reference: number): boolean | undefined {
  const beyond = -adversarialMargin - marginOf(logits, reference);
  // Never so much that an image could count that is not adversarial at all.
  if (Math.abs(beyond) <= Math.min(roundingOf(logits), adversarialMargin / 2)) return undefined;
  return beyond > 0;
}

/** The same; a detector that abstains is not deceived. */
const deceived = (logits: Logits, reference: number): boolean | undefined =>
  argMax(logits) === abstention ? false : isLeft(logits, reference);

/** The class that had to be left. */
function referenceOf({ reference, label, prediction }: ResultRow): number {
  if (reference === "label") return label;
  if (reference === "prediction") return prediction;
  return wrong(`its reference must be label or prediction, not ${reference}`);
}

/** What must hold of the norm whatever the image is. */
function confirmNorm(row: ResultRow, misclassified: boolean | undefined): void {
  const { p, found, minNorm, certifiedNorm } = row;
  if (!(p === 0 || p >= 1)) wrong(`p must be 0 or >= 1, not ${p}`);
  if (!(minNorm >= 0)) wrong(`minNorm must be >= 0, not ${minNorm}`);
  if (found !== minNorm < Infinity) wrong(`found is ${found} though minNorm is ${minNorm}`);
  if (minNorm === 0 && misclassified === false) {
    wrong("minNorm is 0 though the clean image is classified");
  }
  if (minNorm !== 0 && misclassified) {
    wrong(`minNorm is ${minNorm} though the clean image is misclassified`);
  }
  if (certifiedNorm !== null && !(certifiedNorm <= minNorm)) {
    wrong(`certifiedNorm ${certifiedNorm} is above minNorm ${minNorm}`);
  }
}

function confirmWitness(
  row: ResultRow,
  image: Float32Array,
  { network, clean }: Pick<Evidence, "network" | "clean">,
  reference: number,
): void {
  const { p, minNorm } = row;
  confirmPlace(image, clean, { p, norm: minNorm });
  const logits = logitsAlone(network, image, SHAPE);
  const margin = marginOf(logits, reference);
  const given = argMax(logits);
  if (given === abstention) wrong("its image is not adversarial: the detector abstains");
  if (isLeft(logits, reference) === false) {
    wrong(`its image is not adversarial: the margin of class ${reference} is ${margin}`);
  }
  if (row.adversarialClass !== given) {
    wrong(`its image is seen as ${given}, not ${row.adversarialClass}`);
  }
  if (row.optimal) confirmOptimal(row, image, { network, clean }, reference);
  confirmRounded(row, image, { network, clean }, reference);
}

/** Solves the program of the image's linear region again, where that is cheap. */
function confirmOptimal(
  { p }: ResultRow,
  point: Float32Array,
  { network, clean: image }: Pick<Evidence, "network" | "clean">,
  reference: number,
): void {
  if (![1, 2, Infinity].includes(p)) wrong(`optimal is true though p is ${formatP(p)}`);
  if (!hasRegions(network)) wrong(`optimal is true though ${network.name} has no linear regions`);
  if (isNearest(network, { image, point, reference }, p) !== false) return;
  wrong("its image is not the nearest of its linear region");
}

/** Holds what a row says of 8 bits against its image, rounded. */
function confirmRounded(
  { p, survives8bit, minNorm8bit }: ResultRow,
  image: Float32Array,
  { network, clean }: Pick<Evidence, "network" | "clean">,
  reference: number,
): void {
  const rounded = image.map((pixel) => Math.round(pixel * 255) / 255);
  const survives = isLeft(logitsAlone(network, rounded, SHAPE), reference);
  if (survives !== undefined && survives8bit !== null && survives8bit !== survives) {
    wrong(`rounded to 8 bits its image is ${survives ? "still" : "not"} adversarial`);
  }
  if (minNorm8bit === null) return;
  const norm = distance(rounded, clean, p);
  if (!(minNorm8bit >= 0)) wrong(`minNorm8bit must be >= 0, not ${minNorm8bit}`);
  if (survives && minNorm8bit > norm * (1 + TOLERANCE)) {
    wrong(`minNorm8bit is ${minNorm8bit} though its image, rounded, lies at ${norm}`);
  }
  // Differences of such pixels are multiples of 1/255, and so are sums and maxima of them.
  const steps = p === 0 ? minNorm8bit : p === 2 ? (minNorm8bit * 255) ** 2 : minNorm8bit * 255;
  if ([0, 1, 2, Infinity].includes(p) && steps < Infinity && !nearWhole(steps)) {
    wrong(`minNorm8bit ${minNorm8bit} is no norm between images of 8 bits`);
  }
}

const nearWhole = (value: number): boolean =>
  Math.abs(value - Math.round(value)) <= 1e-3 + TOLERANCE * value;
