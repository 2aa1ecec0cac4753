/**
 * What the tables lack of the minimal norms that are wanted, and the computing of it.
 *
 * @module
 */
import { dirname } from "node:path";
import { loadBytes } from "../loader.ts";
import { loadNetwork, type Network } from "../network.ts";
import { mean } from "../statistics.ts";
import { measure } from "./measure.ts";
import { Table } from "./table.ts";
import {
  fileOf,
  type Folders,
  measurementOf,
  type NormRow,
  ownFolder,
  readTables,
  type Same,
  sameAs,
  type Wanted,
  weightsOf,
} from "./wanted.ts";
import { sha256OfFile } from "./weights.ts";

/** A network in a norm, with the images that no table has. */
export interface Lack extends Same {
  network: string;
  training: number;
  /** Their numbers, ascending. */
  images: number[];
  /** What they will take, as far as the tables tell; NaN if they don't. */
  seconds: number;
}

/** What is still to be computed. */
export interface Work {
  lacks: Lack[];
  /** Rows to compute. */
  rows: number;
  /** About how long that takes on a machine like the one that made the tables; NaN if unknown. */
  seconds: number;
}

/** How the computing stands. */
export interface ComputeProgress {
  /** Rows done, those under way in part. */
  done: number;
  network: string;
  p: number;
  /** Median of the smallest norms so far. */
  median: number;
}

/** Settings of {@linkcode computeLacking}. */
export interface ComputeOptions extends Pick<Folders, "own"> {
  signal?: AbortSignal;
  onProgress?: (progress: ComputeProgress) => void;
}

/** Images computed together: few, so that Stop loses little. */
const BATCH = 50;

/** Seconds to load a network and to trace its attacks, in each norm. */
const START = 2;

/**
 * Says what the tables lack of what is wanted, and how long that will take. What is wanted twice
 * counts once.
 *
 * @throws {SyntaxError} If a table is damaged.
 * @throws {Deno.errors.NotFound} If a network's weights are not there.
 */
export async function lackingWork(
  wanted: Wanted | readonly Wanted[],
  folders: Folders = {},
): Promise<Work> {
  const lacks = new Map<string, Lack>();
  for (const one of [wanted].flat()) {
    for (const network of one.networks) {
      for (const lack of await lacksOf(network, one, folders)) {
        const { p, training, attack, maxPasses, seed } = lack;
        const key = JSON.stringify([network, training, String(p), attack, maxPasses, seed]);
        const known = lacks.get(key);
        // Images are wanted from the first on, so that the longer list has the shorter one.
        if (!known || known.images.length < lack.images.length) lacks.set(key, lack);
      }
    }
  }
  const all = [...lacks.values()];
  return {
    lacks: all,
    rows: all.reduce((sum, { images }) => sum + images.length, 0),
    seconds: all.reduce((sum, { seconds }) => sum + seconds, 0),
  };
}

/** What the tables lack of one network, norm by norm. */
async function lacksOf(network: string, wanted: Wanted, folders: Folders): Promise<Lack[]> {
  const { training = 0, attack, maxPasses, seed } = wanted;
  const weightsSha256 = await sha256OfFile(weightsOf(network, training));
  const rows = await readTables(network, training, folders);
  const timed = rows.length > 0 ? rows : await readTables(network, 0, folders);
  return wanted.norms.flatMap((p) => {
    const one = { network, p, training, attack, maxPasses, seed, weightsSha256 };
    const there = new Set(rows.filter(sameAs(one)).map((row) => row.image));
    const images = Array.from({ length: wanted.images }, (_, i) => i)
      .filter((image) => !there.has(image));
    const seconds = START + images.length * secondsOf(timed, p, maxPasses);
    return images.length === 0 ? [] : [{ ...one, images, seconds }];
  });
}

/**
 * Computes what is lacking, and saves it as it comes: stopped, it goes on where it was. All networks
 * and norms are given some images, then the next, so that what is done by then can be compared.
 *
 * @throws The signal's reason when aborted; batches that are complete are saved then.
 */
export async function computeLacking(
  { lacks }: Pick<Work, "lacks">,
  { own = ownFolder, signal, onProgress }: ComputeOptions = {},
): Promise<void> {
  const opened = new Map<string, { table: Table; network: Network }>();
  const stop = signal ? { signal } : {};
  let before = 0;
  try {
    for (const { lack, from, to } of partsOf(lacks)) {
      const { network: name, p, training } = lack;
      const file = fileOf(own, name, training);
      const { table, network } = opened.get(file) ?? await openBoth(file, name, training);
      opened.set(file, { table, network });
      const bytes = await loadBytes("test", { from, to, ...stop });
      await measure(table, { ...measurementOf(lack), network }, { first: from, bytes }, {
        ...{ batchSize: BATCH, ...stop },
        onProgress: ({ done, median }) =>
          onProgress?.({ done: before + done, network: name, p, median }),
      });
      before += to - from;
    }
  } finally {
    for (const { network } of opened.values()) network.dispose();
  }
}

/** Opens a network and the table that takes its rows; who asked for them disposes the network. */
async function openBoth(file: string, name: string, training: number) {
  await Deno.mkdir(dirname(file), { recursive: true });
  return { table: await Table.open(file), network: await loadNetwork(weightsOf(name, training)) };
}

/** All that is lacking in parts of images in a row: the first images of all come first. */
function partsOf(lacks: readonly Lack[]) {
  const parts = lacks.flatMap((lack) => {
    const blocks = Map.groupBy(lack.images, (image) => Math.floor(image / BATCH));
    return [...blocks].flatMap(([block, images]) =>
      rangesOf(images).map((range) => ({ lack, block, ...range }))
    );
  });
  return parts.sort((a, b) => a.block - b.block); // stable
}

/** An image's time in a norm, taken from rows of that norm, or of any; passes make it longer. */
function secondsOf(rows: readonly NormRow[], p: number, maxPasses: number): number {
  const alike = rows.filter((row) => row.p === p);
  const timed = (alike.length > 0 ? alike : rows).map(({ seconds, options }) => {
    const { maxPasses: passes = maxPasses }: { maxPasses?: number } = JSON.parse(options);
    return seconds * maxPasses / passes;
  });
  return timed.length > 0 ? mean(timed) : NaN;
}

/** Numbers in a row as ranges; `to` is the number after the last. */
function rangesOf(images: readonly number[]): { from: number; to: number }[] {
  const ranges: { from: number; to: number }[] = [];
  for (const image of images) {
    const last = ranges.at(-1);
    if (last?.to === image) last.to++;
    else ranges.push({ from: image, to: image + 1 });
  }
  return ranges;
}
