/**
 * Rows of tables of minimal norms, as the command line asks for them.
 *
 * @module
 */
import { type MinNormRow, normName } from "../../plots/min_norms.ts";
import { type Column, readRows, type ResultRow } from "../../results.ts";
import { fileOf, tablesFolder } from "../../results/wanted.ts";
import type { ImageRange } from "../measuring.ts";

/** What tells rows of one measurement from those of another. */
export const identity = [
  "network",
  "weightsSha256",
  "dataset",
  "subset",
  "image",
  "p",
  "minNorm",
] as const;

/** Which rows. */
export interface TableChoice {
  /** Files, with commas between; without, the tables of the networks that come with the lab. */
  rows: string | undefined;
  images: ImageRange | undefined;
  norms?: readonly number[] | undefined;
  networks?: readonly string[];
  network?: string;
}

/**
 * The rows of all tables that the command line names, of the images and norms that it names.
 *
 * @throws {RangeError} If none is left.
 */
export async function table<C extends Column>(
  { rows: files, images, norms, networks, network }: TableChoice,
  columns: readonly (C | "image" | "p")[],
): Promise<Pick<ResultRow, C | "image" | "p">[]> {
  const own = (networks ?? [network!]).map((name) => fileOf(tablesFolder(), name));
  const tables = (files?.split(",") ?? own).map((file) => readRows(file, { columns }));
  const all = (await Promise.all(tables)).flat();
  const rows = all.filter(({ image, p }) =>
    (!images || image >= images.from && image < images.to) && (norms?.includes(p) ?? true)
  );
  if (rows.length > 0 || all.length === 0) return rows;
  const there = images && !all.some(({ image }) => image >= images.from && image < images.to);
  throw new RangeError(
    there
      ? `Cannot draw this figure as a table must have an image of --images: ` +
        `current value is ${images.from}:${images.to}`
      : `Cannot draw this figure as a table must have rows of --norms: ` +
        `current value is ${norms?.map(normName).join(", ")}`,
  );
}

/** Rows whose networks bear their weights where one name stands for several. */
export function named<R extends MinNormRow & { weightsSha256: string }>(rows: readonly R[]): R[] {
  const weights = new Map<string, Set<string>>();
  for (const { network, weightsSha256 } of rows) {
    weights.set(network, (weights.get(network) ?? new Set()).add(weightsSha256));
  }
  return rows.map((row) => {
    const several = (weights.get(row.network)?.size ?? 0) > 1;
    return several ? { ...row, network: `${row.network} ${row.weightsSha256.slice(0, 8)}` } : row;
  });
}

/** "MNIST's test images", or several of these. */
export function scopeOf(rows: readonly { dataset: string; subset: string }[]): string {
  return [...new Set(rows.map((row) => `${row.dataset}'s ${row.subset}`))].join(", ") + " images";
}

/** @throws {RangeError} Always: the table has no rows of the network in the norm. */
export function none(rows: readonly MinNormRow[], network: string, p: number): never {
  const there = new Set(rows.map((row) => `${row.network} in ${normName(row.p)}`));
  throw new RangeError(
    `Cannot draw this figure as the table has no rows of ${network} in ${normName(p)}: ` +
      `current value is ${[...there].join(", ") || "none"}`,
  );
}
