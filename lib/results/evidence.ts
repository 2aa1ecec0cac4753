/**
 * What rows of tables are held against: clean images, weights, and how what is wrong is told.
 *
 * @module
 */
import { catalogueOf } from "../data/datasets.ts";
import { type Dataset, type DigitBytes, loadBytes, type Subset } from "../loader.ts";
import type { Classifier } from "../network.ts";
import { distance } from "../norms.ts";
import { formatP } from "../numbers.ts";
import type { RowSubject } from "../evaluation/subject.ts";
import type { ResultRow } from "../results.ts";

/** A row that cannot be confirmed. */
export interface Failure {
  network: string;
  image: number;
  /** As commands take it. */
  p: string;
  why: string;
}

/** What became of a table's rows. */
export interface Verification {
  rows: number;
  verified: number;
  /** Rows without an adversarial image to judge, in which all else is right. */
  unwitnessed: number;
  failed: Failure[];
}

/** Settings of what confirms a table. */
export interface VerifyOptions {
  /** Gives the classifier of a row, or `undefined`. */
  networkOf: (row: RowSubject) => Promise<Classifier | undefined>;
  /** Gives a whole subset. @default from the data folder */
  digitsOf?: (dataset: Dataset, subset: Subset) => Promise<DigitBytes>;
  signal?: AbortSignal;
  /** Called now and then with the number of rows done. */
  onProgress?: (done: number, rows: number) => void;
}

const PIXELS = 784;

/** Norms agree to this share: a file may have been written by programs that sum in other orders. */
export const TOLERANCE = 1e-6;

/** What is wrong with a row; caught where the row is confirmed. */
export class Wrong extends Error {}

/** @throws {Wrong} Always. */
export function wrong(why: string): never {
  throw new Wrong(why);
}

/** @throws {Wrong} Always: the row's network is none of those at hand. */
export const noWeights = (): never =>
  wrong("no weights of its SHA-256 are here: --weights FILE names them");

/** Confirms a row, and counts what came of it: `confirm` says whether there was all to judge it by. */
export async function judge(
  result: Verification,
  { network, image }: Pick<ResultRow, "network" | "image">,
  p: number,
  confirm: () => Promise<boolean>,
): Promise<void> {
  try {
    result[await confirm() ? "verified" : "unwitnessed"]++;
  } catch (error) {
    if (!(error instanceof Wrong)) throw error;
    result.failed.push({ network, image, p: formatP(p), why: error.message });
  }
}

/** Gives rows' clean images, 784 pixels in [0, 1], and labels, as the data set has them. */
export function cleanImages(digitsOf: VerifyOptions["digitsOf"] = loadSubset) {
  const subsets = new Map<string, Promise<DigitBytes>>();
  return async (
    { dataset, subset, image }: Pick<ResultRow, "dataset" | "subset" | "image">,
  ): Promise<{ clean: Float32Array; label: number }> => {
    const key = `${dataset} ${subset}`;
    const loaded = subsets.get(key) ?? digitsOf(...known(dataset, subset));
    subsets.set(key, loaded);
    const { images, labels, count } = await loaded;
    if (!(image >= 0 && image < count)) wrong(`${subset} of ${dataset} has no image ${image}`);
    const bytes = images.subarray(image * PIXELS, (image + 1) * PIXELS);
    return { clean: Float32Array.from(bytes, (byte) => byte / 255), label: labels[image]! };
  };
}

const loadSubset = (dataset: Dataset, subset: Subset) => loadBytes(subset, { dataset });

function known(dataset: string, subset: string): [Dataset, Subset] {
  try {
    const { subsets } = catalogueOf(dataset as Dataset);
    if (Object.hasOwn(subsets, subset)) return [dataset as Dataset, subset as Subset];
  } catch {
    // Told below, as any other unknown name.
  }
  return wrong(`there is no data set ${dataset} with a subset ${subset}`);
}

/** Checks that an adversarial image has pixels in [0, 1], and lies where its row says. */
export function confirmPlace(
  image: Float32Array,
  clean: Float32Array,
  { p, norm: said }: { p: number; norm: number },
): void {
  if (image.length !== PIXELS) wrong(`its image has ${image.length} pixels, not ${PIXELS}`);
  const outside = image.find((pixel) => !(pixel >= 0 && pixel <= 1));
  if (outside !== undefined) wrong(`a pixel is outside [0, 1]: ${outside}`);
  const norm = distance(image, clean, p);
  const slack = p === 0 ? 0 : TOLERANCE * norm;
  if (!(Math.abs(norm - said) <= slack)) {
    wrong(`its image lies at L${formatP(p)} norm ${norm}, not ${said}`);
  }
}
