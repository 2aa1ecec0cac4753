/**
 * Minimal norms on `val`, and those on `test` beside them, from the tables.
 *
 * @module
 */
import { existing, halves, type Identified, lacks, tables } from "../final.ts";
import { exists } from "../setup/host.ts";
import { readRows, type ResultRow } from "../results.ts";
import { identityOf, type Measurement } from "../results/measure.ts";
import { fileOf, tablesFolder } from "../results/wanted.ts";

/** A minimal norm. */
export interface FinalNorm {
  network: string;
  p: number;
  /** `test`, a half of `val`, or what the rows are grouped by later. */
  set: string;
  image: number;
  minNorm: number;
  /** Of the search. */
  maxPasses: number;
}

const known = [
  ...["weightsSha256", "dataset", "subset", "reference", "p", "attack", "options", "seed"] as const,
] as const;
const columns = [...known, "image", "minNorm"] as const;

/** How the minimal norms of the last figures are measured: on `val`, and those of `test` beside them. */
export function finalMeasurement(
  { weightsSha256 }: Identified,
  subset: "test" | "val",
  p: number,
  maxPasses: number,
): Omit<Measurement, "network"> {
  return { weightsSha256, dataset: "MNIST", subset, reference: "label", p, maxPasses, seed: 0 };
}

/**
 * Reads the minimal norms of some networks as they are in `models/` now: rows of other weights, of
 * another seed or of an older portfolio don't count, nor those of a smaller budget where there is a
 * larger one.
 *
 * @throws {Deno.errors.NotFound} If there is no table, or it lacks a network.
 */
export async function finalNorms(
  models: readonly Identified[],
  file: string = tables.minNorms,
): Promise<FinalNorm[]> {
  const rows = await readRows(existing(file), { columns: [...columns] });
  return models.flatMap((model) => {
    const own = rows.flatMap(normOf(model, "val"));
    const most = Math.max(...own.map(({ maxPasses }) => maxPasses));
    if (own.length > 0) return own.filter(({ maxPasses }) => maxPasses === most);
    throw lacks(model, file);
  });
}

/**
 * Reads minimal norms on `test` of the same networks, found with a budget, where the tables of the
 * notebook on minimal norms have them.
 *
 * @param images The first so many.
 * @param folder Of the tables. @default as notebook 4 reads them
 */
export async function testNorms(
  models: readonly Identified[],
  maxPasses: number,
  images: number,
  folder: string = tablesFolder(),
): Promise<FinalNorm[]> {
  const norms: FinalNorm[] = [];
  for (const model of models) {
    const file = fileOf(folder, model.name);
    if (!exists(file)) continue;
    const rows = await readRows(file, { columns: [...columns] });
    norms.push(
      ...rows.flatMap(normOf(model, "test")).filter((row) =>
        row.maxPasses === maxPasses && row.image < images
      ),
    );
  }
  return norms;
}

/** Makes a network's rows into its norms; those of others, or measured otherwise, become none. */
const normOf =
  (model: Identified, subset: "test" | "val") => (row: Pick<ResultRow, typeof columns[number]>) => {
    const { p, image, minNorm, options } = row;
    const { maxPasses } = JSON.parse(options);
    const identity = identityOf(finalMeasurement(model, subset, p, maxPasses));
    if (known.some((name) => row[name] !== identity[name])) return [];
    const half = image < halves.second.from ? "first" : "second";
    const set = subset === "val" ? `val, ${half} half` as const : subset;
    return [{ network: model.name, p, set, image, minNorm, maxPasses }];
  };
