/**
 * What a table of an evaluation comes to.
 *
 * @module
 */
import type { Dataset } from "../data/datasets.ts";
import { readRows } from "../results.ts";
import { isOf, notesOf, readNotes } from "./evaluate.ts";
import type { ImageRange } from "./plan.ts";
import { thresholdIn } from "./subject.ts";
import { type AttackRow, type Cell, cellsOf } from "./worst_case.ts";

/** The half of MNIST's test split on which nothing was chosen: figures are over its images alone. */
export const reportingHalf: ImageRange = { from: 5000, to: 10_000 };

/** Budgets at which robust accuracy is told; at 0 it is the accuracy. */
export const usualEpsilons: ReadonlyMap<number, readonly number[]> = new Map([
  [0, [0, 5, 10, 20]],
  [1, [0, 5, 10, 15]],
  [2, [0, 1, 1.5, 2]],
  [Infinity, [0, 0.1, 0.2, 0.3]],
]);

const columns = [
  ...["network", "weightsSha256", "dataset", "subset", "reference", "image", "label"] as const,
  ...[
    "options",
    "prediction",
    "p",
    "attack",
    "minNorm",
    "forwards",
    "backwards",
    "seconds",
  ] as const,
];

/** A row of an evaluation, without its image. */
export type EvaluationRow = Awaited<ReturnType<typeof readEvaluation>>[number];

/** Which rows are read. */
export interface EvaluationOptions {
  /** Test images. @default `reportingHalf` */
  images?: ImageRange;
  /** What the network was trained on, and is attacked on. @default "MNIST" */
  dataset?: Dataset;
  /** Of the detector: rows of another are left out. @default none, for rows without a detector */
  threshold?: number | undefined;
}

/**
 * Reads the rows of an evaluation that are of certain weights, on the test split.
 *
 * @throws As `readRows`.
 */
export const readEvaluation = async (
  file: string,
  weightsSha256: string,
  { images: { from, to } = reportingHalf, dataset = "MNIST", threshold }: EvaluationOptions = {},
) =>
  (await readRows(file, { columns })).filter((row) =>
    row.weightsSha256 === weightsSha256 && row.dataset === dataset && row.subset === "test" &&
    row.reference === "label" && row.image >= from && row.image < to &&
    thresholdIn(row.options) === threshold
  );

/**
 * The cells of a table, with what was noticed of the network beside it.
 *
 * @param options.epsilons Budgets by norm.
 * @throws As `readRows`; {SyntaxError} if the notes are damaged.
 */
export async function readCells(
  file: string,
  weightsSha256: string,
  { epsilons = usualEpsilons, ...which }: EvaluationOptions & {
    epsilons?: ReadonlyMap<number, readonly number[]>;
  } = {},
): Promise<Cell[]> {
  const rows: AttackRow[] = await readEvaluation(file, weightsSha256, which);
  const notes = await readNotes(notesOf(file));
  const doubts = new Map(
    isOf(notes, { weightsSha256, threshold: which.threshold }) && rows[0]
      ? [[rows[0].network, notes.doubts]]
      : [],
  );
  return cellsOf(rows, { epsilons, doubts });
}
