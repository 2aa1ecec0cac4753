/**
 * The tables of all evaluations together, for comparisons.
 *
 * @module
 */
import { join } from "node:path";
import type { Doubt } from "../attackable.ts";
import { architectures } from "../architectures.ts";
import { modelFile, seedFolder } from "../models.ts";
import { partsOf } from "../protections/runtime/index.ts";
import { readRows } from "../results.ts";
import { exists } from "../setup/host.ts";
import { root } from "../setup/paths.ts";
import { isOf, notesOf, readNotes } from "./evaluate.ts";
import { protectedNames, tableOf } from "./names.ts";
import type { ImageRange } from "./plan.ts";
import { type EvaluationRow, readEvaluation, reportingHalf } from "./report.ts";
import { openSubject } from "./subject.ts";
import {
  type Cell,
  cellsOf,
  type Robustness,
  toldOf,
  type WorstCase,
  worstCase,
} from "./worst_case.ts";

/** Where the committed evaluations are. */
export const evaluationsFolder: string = join(root, "data", "protections");

/** Tables there that are none of evaluations. */
const others = ["smoothing.parquet", "smoothed-attacks.parquet"];

/** What all attacks left of one network. */
export interface Evaluated {
  name: string;
  /** Of its present weights. */
  rows: EvaluationRow[];
  /** The smallest norm of each image over all attacks, of the images that the cells' figures are over. */
  worst: WorstCase[];
  /** By norm, with robust accuracy at each budget. */
  cells: Cell[];
  /** What `checkAttackable` noticed; none where it was not asked. */
  doubts: Doubt[];
}

/** Plain networks first, in the order of the architectures, then by name. */
function inOrder(names: readonly string[]): string[] {
  const known = Object.keys(architectures);
  const place = (name: string) => known.includes(name) ? known.indexOf(name) : known.length;
  return names.toSorted((a, b) => place(a) - place(b) || (a < b ? -1 : a > b ? 1 : 0));
}

/** The networks for MNIST that have a table of an evaluation with rows in it. */
export async function evaluatedNames(folder = evaluationsFolder): Promise<string[]> {
  if (!exists(folder)) return [];
  const names: string[] = [];
  for await (const { name: file } of Deno.readDir(folder)) {
    if (!file.endsWith(".parquet") || others.includes(file)) continue;
    const [row] = await readRows(join(folder, file), { columns: ["network", "dataset"], to: 1 });
    if (row?.dataset === "MNIST") names.push(row.network);
  }
  return inOrder(names);
}

/** Protected networks of `models/` that were not evaluated. */
export async function unevaluatedNames(folder = evaluationsFolder): Promise<string[]> {
  const there = await evaluatedNames(folder);
  return (await protectedNames()).filter((name) => !there.includes(name));
}

/** Where the evaluations of networks trained with a seed are. */
export const evaluationsOf = (training: number): string =>
  training === 0 ? evaluationsFolder : join(evaluationsFolder, "seeds", String(training));

/**
 * Reads the evaluations of networks, on images of the reporting half. One whose table or file is
 * missing, or whose table is of other weights or another threshold, is left out.
 *
 * @param options.images Test images. @default `reportingHalf`
 * @param options.training Seed of the trainings. @default 0
 * @param options.folder Where the tables are. @default `evaluationsOf(training)`
 * @param epsilons Budgets by norm; at 0 robust accuracy is the accuracy.
 * @throws As `openSubject` and `readRows`.
 */
export async function gather(
  names: readonly string[],
  epsilons: ReadonlyMap<number, readonly number[]>,
  { images = reportingHalf, training = 0, folder = evaluationsOf(training) }: {
    images?: ImageRange;
    training?: number;
    folder?: string;
  } = {},
): Promise<Evaluated[]> {
  const gathered: Evaluated[] = [];
  for (const name of names) {
    const file = tableOf(folder, name);
    const weights = join(seedFolder(training), modelFile(partsOf(name).network));
    if (!exists(file) || !exists(weights)) continue;
    const { weightsSha256, threshold, dispose } = await openSubject(name, { weights });
    dispose();
    const rows = await readEvaluation(file, weightsSha256, { images, threshold });
    const notes = await readNotes(notesOf(file));
    const doubts = isOf(notes, { weightsSha256, threshold }) ? notes.doubts : [];
    const cells = cellsOf(rows, { epsilons, doubts: new Map([[name, doubts]]) })
      .toSorted((a, b) => a.p - b.p);
    const byNorm = Map.groupBy(rows, ({ p }) => p);
    const worst = cells.flatMap(({ p }) => worstCase(toldOf(byNorm.get(p) ?? [])));
    if (cells.length > 0) gathered.push({ name, rows, worst, cells, doubts });
  }
  return gathered;
}

/** Robust accuracy of a cell at a budget. @throws {RangeError} If it was not asked for. */
export function robustnessAt({ network, robustness }: Cell, epsilon: number): Robustness {
  const found = robustness.find((one) => one.epsilon === epsilon);
  if (found) return found;
  throw new RangeError(
    `Cannot tell robust accuracy of ${network} as its budgets must have it: ` +
      `current value is ${epsilon}`,
  );
}

/**
 * Sorts networks by their worst case: the smallest robust accuracy over the norms, the largest
 * first. Networks with the same one are sorted by the sum over the norms; those whose tables lack a
 * norm come last, as their weakest one may be missing.
 *
 * @param budgets One epsilon for each norm; norms without one do not count.
 */
export function byWorstCase(
  all: readonly Evaluated[],
  budgets: ReadonlyMap<number, number>,
): Evaluated[] {
  const sharesOf = ({ cells }: Evaluated) =>
    cells.flatMap((cell) => {
      const epsilon = budgets.get(cell.p);
      return epsilon === undefined ? [] : [robustnessAt(cell, epsilon).share];
    });
  const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
  const keyed = all.map((one) => ({ one, shares: sharesOf(one) }));
  return keyed.toSorted((a, b) =>
    b.shares.length - a.shares.length || Math.min(...b.shares) - Math.min(...a.shares) ||
    sum(b.shares) - sum(a.shares)
  ).map(({ one }) => one);
}
