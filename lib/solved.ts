/**
 * A network so small that its smallest perturbations are known exactly.
 *
 * @module
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { adam, architecture } from "./architectures.ts";
import { dense, flatten, relu } from "./layers.ts";
import { loadNetwork, type Network } from "./network.ts";
import { formatP } from "./numbers.ts";
import { noteUsed } from "./used.ts";

/** 784-16-16-10: each image meets few enough linear regions to look into all of them. */
export const small = architecture("small", [
  flatten(),
  dense(16),
  relu(),
  dense(16),
  relu(),
  dense(10),
], { epochs: 5, batchSize: 32, optimizer: adam({ learningRate: 1e-3 }) });

/** Where its weights and its answers are; `tests/fixtures/small/make.ts` made both. */
export const solvedFolder: string = fileURLToPath(new URL("../data/solved/", import.meta.url));

/** Its weights. */
export const weightsFile: string = join(solvedFolder, "small.safetensors");

/** The network with the truth about its first test images. */
export interface Solved {
  network: Network;
  /** How many images, from the first one of the test split. */
  images: number;
  /**
   * The smallest norms by which the images can become another class than their label, by at least
   * the margin that attacks are judged by. 0 where the network is wrong already.
   *
   * @throws {RangeError} If `p` is none of 1, 2 and infinity.
   */
  minimal(p: number): number[];
}

/** Loads the network and its answers. The caller disposes the network. */
export async function loadSolved(): Promise<Solved> {
  const file = join(solvedFolder, "exact.json");
  const text = await Deno.readTextFile(file);
  noteUsed(file);
  const { answers }: { answers: Record<string, number>[] } = JSON.parse(text);
  return {
    network: await loadNetwork(weightsFile, { architecture: small }),
    images: answers.length,
    minimal: (p) =>
      answers.map((row) => {
        const norm = row[formatP(p)];
        if (norm !== undefined) return norm;
        throw new RangeError(
          `Cannot look up smallest norms as p must be one of ${Object.keys(row).join(", ")}: ` +
            `current value is ${p}`,
        );
      }),
  };
}
