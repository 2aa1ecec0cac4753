/**
 * Checkpoints: all that training needs to go on after an epoch, in one safetensors file.
 *
 * @module
 */
import type { Moments, Powers } from "./adam.ts";
import { type Architecture, weightsOf } from "./architectures.ts";
import { backend, type Tensor, tf } from "./backend.ts";
import { writeAtomic } from "./files.ts";
import { sha256 } from "./hash.ts";
import type { Digits } from "./loader.ts";
import { encode, type NamedArray, readSafetensors } from "./safetensors.ts";
import type { Epoch } from "./trainer.ts";
import { assertWeights, toArrays, toTensors, type Weights } from "./weights.ts";

/** What makes two trainings the same: a checkpoint of another is refused. */
export interface Run {
  architecture: Architecture;
  seed: number;
  /** What it is trained on. */
  digits: Digits;
  /** What else tells it apart: protections, and epochs where its steps depend on them. */
  settings?: Record<string, unknown>;
}

/**
 * All that one step of training hands to the next.
 *
 * A type and not an interface, so that it may pass through a compiled function.
 */
export type TrainingState = {
  weights: Weights;
  /** Adam's, by the name of the weight. */
  moments: Record<string, Moments>;
  powers: Powers;
};

/** What a checkpoint holds. */
export interface Checkpoint {
  state: TrainingState;
  /** The epochs so far. */
  history: Epoch[];
}

/** All that the bits of a training depend on, as a text. */
async function identity({ architecture, seed, digits, settings }: Run): Promise<string> {
  const { name, layers, batchSize, optimizer } = architecture;
  const data = { images: digits.labels.size, digits: await fingerprint(digits) };
  // Not its warning, which may change from one start to the next.
  const { name: runsOn, version, threads, oneDNN, operations } = backend;
  const ground = { backend: runsOn, version, threads, oneDNN, operations };
  return JSON.stringify({
    name,
    layers,
    batchSize,
    optimizer,
    seed,
    ...settings,
    ...data,
    ...ground,
  });
}

/** Tells digits from others by all labels and up to a hundred images, from first to last. */
async function fingerprint({ images, labels }: Digits): Promise<string> {
  const count = Math.min(100, labels.size);
  const places = Array.from({ length: count }, (_, i) => Math.floor(i * labels.size / count));
  const some = tf.tidy(() => tf.gather(images, tf.tensor1d(places, "int32")));
  const parts = [labels.dataSync(), some.dataSync()];
  some.dispose();
  return (await sha256(...parts)).slice(0, 16);
}

/** Writes a checkpoint; the one before stands until the new one is complete. */
export async function writeCheckpoint(
  path: string,
  run: Run,
  { state: { weights, moments, powers }, history }: Checkpoint,
): Promise<void> {
  const named = { ...weights, ...prefixed("adam", powers) };
  for (const [name, memory] of Object.entries(moments)) {
    Object.assign(named, prefixed(`adam.${name}`, memory));
  }
  const metadata = { run: await identity(run), history: JSON.stringify(history) };
  await writeAtomic(path, encode(toArrays(named), metadata));
}

/**
 * Reads a checkpoint.
 *
 * @returns Nothing if there is no such file.
 * @throws {TypeError} If it belongs to another run.
 * @throws {SyntaxError} If it is no checkpoint.
 */
export async function readCheckpoint(path: string, run: Run): Promise<Checkpoint | undefined> {
  let file;
  try {
    file = await readSafetensors(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  const { tensors, metadata } = file;
  const own = await identity(run);
  if (metadata["run"] !== own) {
    throw new TypeError(
      `Cannot go on from ${path} as it is of another run: ${metadata["run"]} is not ${own}`,
    );
  }
  const weights: Record<string, NamedArray> = {};
  const adam: Record<string, NamedArray> = {};
  for (const [name, array] of Object.entries(tensors)) {
    const own = /^adam\.(.+)$/.exec(name)?.[1];
    (own ? adam : weights)[own ?? name] = array;
  }
  assertWeights(weights, run.architecture, path);
  assertAdam(adam, run.architecture, path);
  const history = historyOf(metadata["history"], path);
  const { power1, power2, ...memory } = toTensors(adam);
  const moments: Record<string, Moments> = {};
  for (const [name, tensor] of Object.entries(memory)) {
    const [, weight, part] = /^(.+)\.(mean|square)$/.exec(name) ?? [];
    moments[weight!] = { ...moments[weight!], [part!]: tensor } as Moments;
  }
  return {
    state: { weights: toTensors(weights), moments, powers: { power1: power1!, power2: power2! } },
    history,
  };
}

/** Checks that Adam's memory is whole: two parts for each trained weight, and the powers. */
function assertAdam(
  adam: Record<string, NamedArray>,
  architecture: Architecture,
  path: string,
): void {
  const shapes: Record<string, readonly number[]> = { power1: [], power2: [] };
  for (const [name, { shape, trainable }] of Object.entries(weightsOf(architecture))) {
    if (trainable) shapes[`${name}.mean`] = shapes[`${name}.square`] = shape;
  }
  const names = Object.keys({ ...shapes, ...adam });
  const wrong = names.find((name) => String(adam[name]?.shape) !== String(shapes[name]));
  if (wrong === undefined) return;
  throw new TypeError(
    `Cannot go on from ${path} as adam.${wrong} must have shape [${shapes[wrong] ?? "none"}]: ` +
      `current value is [${adam[wrong]?.shape ?? "none"}]`,
  );
}

function historyOf(text: string | undefined, path: string): Epoch[] {
  try {
    const history = JSON.parse(text ?? "");
    if (Array.isArray(history) && history.length > 0) return history;
  } catch { // said below
  }
  throw new SyntaxError(`Cannot go on from ${path} as it must tell of its epochs`);
}

/** The same tensors under longer names. */
const prefixed = (prefix: string, tensors: Record<string, Tensor>): Record<string, Tensor> =>
  Object.fromEntries(Object.entries(tensors).map(([name, one]) => [`${prefix}.${name}`, one]));
