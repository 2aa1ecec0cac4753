/**
 * What a notebook's results rest on, asked in its own kernel when all cells have run.
 *
 * @module
 */
import { relative } from "node:path";
import { backend } from "../backend.ts";
import { sha256 } from "../hash.ts";
import { findWeights } from "../results/weights.ts";
import { readSafetensors, weightsSha256 } from "../safetensors.ts";
import { exists } from "../setup/host.ts";
import { root } from "../setup/paths.ts";
import { usedFiles } from "../used.ts";

/** Weights that were used. */
export interface UsedNetwork {
  network: string;
  weightsSha256: string;
  /** The seed of their training, if their file tells. */
  seed?: string;
}

/** A table of results that was read. */
export interface UsedTable {
  /** Relative to the checkout. */
  file: string;
  /** Of the file. */
  sha256: string;
  rows?: number;
  /** The seeds of its attacks. */
  seeds?: number[];
}

/** What an execution rests on. */
export interface Facts {
  networks: UsedNetwork[];
  tables: UsedTable[];
  versions: Record<string, string>;
  cores: number;
}

/** Collects the facts about this process. */
export async function facts(): Promise<Facts> {
  const networks = new Map<string, UsedNetwork>();
  const add = (one: UsedNetwork) => {
    const key = `${one.network} ${one.weightsSha256}`;
    networks.set(key, { ...networks.get(key), ...one });
  };
  const tables: UsedTable[] = [];
  for (const path of usedFiles()) {
    if (!exists(path)) continue; // one that the notebook itself made and removed
    if (path.endsWith(".safetensors")) {
      add(await usedNetwork(path));
    } else {
      const { table, weights } = await usedTable(path);
      tables.push(table);
      for (const one of weights) {
        const file = await findWeights(one.weightsSha256);
        add(file === undefined ? one : { ...await usedNetwork(file), ...one });
      }
    }
  }
  const versions = { Deno: Deno.version.deno, TensorFlow: backend.version };
  return {
    networks: [...networks.values()],
    tables,
    versions,
    cores: navigator.hardwareConcurrency,
  };
}

async function usedNetwork(path: string): Promise<UsedNetwork> {
  const { tensors, metadata } = await readSafetensors(path);
  return {
    network: metadata["architecture"] ?? relative(root, path),
    weightsSha256: await weightsSha256(tensors),
    ...(metadata["seed"] !== undefined && { seed: metadata["seed"] }),
  };
}

/** Weights and seeds are taken from the columns of a table of results, of whatever kind. */
async function usedTable(path: string): Promise<{ table: UsedTable; weights: UsedNetwork[] }> {
  const table = { file: relative(root, path), sha256: await sha256(await Deno.readFile(path)) };
  if (!path.endsWith(".parquet")) return { table, weights: [] };
  const { default: pl } = await import("nodejs-polars");
  const lazy = pl.scanParquet(path, { glob: false });
  const { columns } = await lazy.slice(0, 0).collect();
  const wanted = ["network", "weightsSha256", "seed"].filter((name) => columns.includes(name));
  const frame = await lazy.select(...wanted).collect();
  const records: { network?: string; weightsSha256?: string; seed?: number }[] = frame.unique()
    .toRecords();
  return {
    table: {
      ...table,
      rows: frame.height,
      seeds: [...new Set(records.flatMap(({ seed }) => seed ?? []))].toSorted((a, b) => a - b),
    },
    weights: records.flatMap(({ network, weightsSha256 }) =>
      network && weightsSha256 ? [{ network, weightsSha256 }] : []
    ),
  };
}
