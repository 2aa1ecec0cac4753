/**
 * Checkpoints: all that training needs to go on after an epoch, in one safetensors file.
 *
 * @module
 */
import type { AdamState } from "./adam.ts";
import type { Architecture } from "./architectures.ts";
import { backend } from "./backend.ts";
import { writeAtomic } from "./files.ts";
import { assertWeights, toArrays, toTensors, type Weights } from "./network.ts";
import { decode, encode, type NamedArray } from "./safetensors.ts";
import type { Epoch } from "./trainer.ts";

/** What makes two trainings the same: a checkpoint of another is refused. */
export interface Run {
  architecture: Architecture;
  seed: number;
  /** Number of training images. */
  images: number;
}

/** The state after an epoch. */
export interface Checkpoint {
  weights: Weights;
  /** By the name of the weight. */
  adam: Record<string, AdamState>;
  /** The epochs so far. */
  history: Epoch[];
}

// Bits depend on the kernels and the number of threads, so a run goes on only on its own.
const identity = ({ architecture: { name, layers, batchSize, optimizer }, seed, images }: Run) =>
  JSON.stringify({ name, layers, batchSize, optimizer, seed, images, backend });

/** Writes a checkpoint; the one before stands until the new one is complete. */
export async function writeCheckpoint(
  path: string,
  run: Run,
  { weights, adam, history }: Checkpoint,
): Promise<void> {
  const tensors = toArrays(weights);
  for (const [name, state] of Object.entries(adam)) {
    for (const [part, array] of Object.entries(toArrays(state))) {
      tensors[`adam.${part}.${name}`] = array;
    }
  }
  const metadata = { run: identity(run), history: JSON.stringify(history) };
  await writeAtomic(path, encode(tensors, metadata));
}

/**
 * Reads a checkpoint.
 *
 * @returns Nothing if there is no such file.
 * @throws {TypeError} If it belongs to another run.
 * @throws {SyntaxError} If it is no checkpoint.
 */
export async function readCheckpoint(path: string, run: Run): Promise<Checkpoint | undefined> {
  let bytes;
  try {
    bytes = await Deno.readFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  const { tensors, metadata } = decode(bytes);
  if (metadata["run"] !== identity(run)) {
    throw new TypeError(
      `Cannot go on from ${path} as it is of another run: ${metadata["run"]} is not ${
        identity(run)
      }`,
    );
  }
  const parts: Record<string, Record<string, NamedArray>> = {};
  const weights: Record<string, NamedArray> = {};
  for (const [name, array] of Object.entries(tensors)) {
    const [, part, weight] = /^adam\.(\w+)\.(.+)$/.exec(name) ?? [];
    if (part && weight) (parts[weight] ??= {})[part] = array;
    else weights[name] = array;
  }
  assertWeights(weights, run.architecture, path);
  // Which parts a state has is adamStart()'s business; the run's identity vouches for them.
  const adam = Object.entries(parts).map(([name, state]) =>
    [name, toTensors(state) as AdamState] as const
  );
  return {
    weights: toTensors(weights),
    adam: Object.fromEntries(adam),
    history: JSON.parse(metadata["history"] ?? "[]"),
  };
}
