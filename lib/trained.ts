/**
 * Networks trained as asked for: a saved one where there is one, else trained, and saved for the
 * next time.
 *
 * @module
 */
import { join } from "node:path";
import { type Architecture, architectures } from "./architectures.ts";
import { backend, tf } from "./backend.ts";
import type { Dataset } from "./data/datasets.ts";
import { removeIfThere } from "./files.ts";
import { load } from "./loader.ts";
import { fileNameOf, modelFile, modelsFolder, protectedName, seedFolder } from "./models.ts";
import { createNetwork, loadNetwork, type Network, saveNetwork } from "./network.ts";
import { protectionOf } from "./protections/index.ts";
import type { TrainingProtection } from "./protections/lesson.ts";
import { protectedArchitecture, teacherOf } from "./protections/plan.ts";
import { readSafetensors } from "./safetensors.ts";
import { exists } from "./setup/host.ts";
import { root } from "./setup/paths.ts";
import { type Epoch, fit, type Step } from "./trainer.ts";

/** All that makes a training, but the machine. */
export interface Training {
  /** An architecture's name. */
  network: string;
  dataset: Dataset;
  /** Training images, the first of the train split. */
  images: number;
  epochs: number;
  seed: number;
  /** Training-time protections, as `--with` has them. @default none */
  protections?: readonly string[];
}

/** A file's name for a training, without its ending: no two trainings meet in one file. */
export function trainingName(training: Training): string {
  const { network, dataset, images, epochs, seed, protections = [] } = training;
  const name = fileNameOf(protectedName(network, protections));
  return [name, dataset, `${images}-images`, `${epochs}-epochs`, `seed-${seed}`].join("_");
}

/** Where the state of an interrupted training is kept, in a folder of results. */
export function checkpointFile(folder: string, training: Training): string {
  return join(folder, ".checkpoints", `${trainingName(training)}.safetensors`);
}

/** What a network's file tells of its training. */
export function metadataOf(
  { dataset, images, epochs, seed, protections }: Training,
  history: readonly Epoch[],
): Record<string, string> {
  const { loss, accuracy, testAccuracy } = history.at(-1)!;
  const seconds = history.reduce((sum, epoch) => sum + epoch.seconds, 0);
  const figures = { seed, epochs, loss, accuracy, testAccuracy, seconds, dataset };
  const texts = Object.entries(figures).map(([name, value]) => [name, String(value)]);
  return {
    ...Object.fromEntries(texts),
    trainImages: String(images),
    ...(protections && { protections: JSON.stringify(protections) }),
    history: JSON.stringify(history.map(({ restored: _, ...epoch }) => epoch)),
    versions: JSON.stringify({ deno: Deno.version.deno, ...backend }),
  };
}

/** Settings of {@linkcode trained}. */
export interface TrainedOptions {
  /** @default "MNIST" */
  dataset?: Dataset;
  /** @default the architecture's */
  epochs?: number;
  /** @default 0 */
  seed?: number;
  /** Training images. @default 50,000 */
  images?: number;
  /** Training-time protections, as `--with` has them; epochs are then 30 by default. @default none */
  protections?: readonly string[];
  /** Folder of the networks trained here. @default out/ of the checkout */
  folder?: string;
  /** Whether to train in any case, from the beginning, and a teacher likewise. @default false */
  fresh?: boolean;
  signal?: AbortSignal;
  /** Called after each step of a training with epochs done so far, and some words. */
  onProgress?: (epochs: number, words: string) => void;
}

/** A network, and where it comes from. */
export interface Trained {
  network: Network;
  /** Its file. */
  file: string;
  /** Whether it was trained by this call, and not found. */
  fresh: boolean;
}

/**
 * Gives a network trained as asked for. Looked for in `models/` and in `folder`; where none is, it is
 * trained and saved in `folder`. When stopped, the same call goes on after the last complete
 * epoch, and so does `deno task train` with the same settings: they share their checkpoints.
 *
 * @param name An architecture's name.
 * @returns A network that the caller disposes.
 * @throws {RangeError} If there is no such architecture, or an option is out of range.
 * @throws `options.signal.reason` when aborted.
 */
export async function trained(name: string, options: TrainedOptions = {}): Promise<Trained> {
  if (!Object.hasOwn(architectures, name)) {
    throw new RangeError(
      `Cannot train as the network must be one of ${Object.keys(architectures).join(", ")}: ` +
        `current value is ${name}`,
    );
  }
  const { dataset = "MNIST", seed = 0, images = 50_000, protections = [], fresh } = options;
  const architecture = protections.length === 0
    ? architectures[name]!
    : protectedArchitecture(name, options.epochs);
  const { epochs = architecture.epochs, folder = join(root, "out") } = options;
  const training: Training = {
    ...{ network: name, dataset, images, epochs, seed },
    ...(protections.length > 0 && { protections }),
  };
  const own = join(folder, `${trainingName(training)}.safetensors`);
  const file = modelFile(protectedName(name, protections), dataset);
  const places = [join(modelsFolder, file), join(seedFolder(seed), file), own];
  if (fresh) await removeIfThere(checkpointFile(folder, training));
  for (const file of fresh ? [] : places) {
    if (await holds(file, architecture, training)) {
      return { network: await loadNetwork(file, { architecture }), file, fresh: false };
    }
  }
  const network = createNetwork(architecture, { seed });
  try {
    await train(network, training, { ...options, folder, file: own });
  } catch (error) {
    network.dispose();
    throw error;
  }
  return { network, file: own, fresh: true };
}

/** Whether a file is the result of a training. */
async function holds(file: string, own: Architecture, training: Training): Promise<boolean> {
  if (!exists(file)) return false;
  const { metadata } = await readSafetensors(file);
  const { name, layers: _, ...hyperparameters } = own;
  const wanted = {
    architecture: name,
    hyperparameters: JSON.stringify(hyperparameters),
    dataset: training.dataset,
    trainImages: String(training.images),
    epochs: String(training.epochs),
    seed: String(training.seed),
    ...(training.protections && { protections: JSON.stringify(training.protections) }),
  };
  return Object.entries(wanted).every(([key, value]) => metadata[key] === value);
}

/** What a training's protections are made of. */
export interface Prepared {
  protections: TrainingProtection[];
  /** Of distillation; the caller disposes its network. */
  teacher?: Trained;
}

/**
 * Makes the protections of a training ready, with the teacher that distillation needs: found or trained.
 *
 * @param options For the teacher's training; what `training` says goes before.
 * @throws As {@linkcode trained}.
 */
export async function prepared(
  { network, protections: specs = [], ...training }: Training,
  options: TrainedOptions = {},
): Promise<Prepared> {
  const plan = teacherOf(specs);
  const teacher = plan && await trained(network, { ...options, ...training, protections: plan });
  return {
    protections: specs.map((spec) => protectionOf(spec, teacher?.network)),
    ...(teacher && { teacher }),
  };
}

async function train(
  network: Network,
  training: Training,
  options: TrainedOptions & { folder: string; file: string },
): Promise<void> {
  const { folder, file, signal, onProgress } = options;
  const { dataset, epochs, seed } = training;
  const { protections, teacher } = await prepared(training, options);
  const source = { dataset, ...(signal && { signal }) };
  const digits = await load("train", { ...source, to: training.images });
  const testDigits = await load("test", source);
  const checkpoint = checkpointFile(folder, training);
  const history: Epoch[] = [];
  try {
    const onStep = ({ epoch, step, steps, loss }: Step) =>
      onProgress?.(epoch - 1 + step / steps, `epoch ${epoch}, loss ${loss.toFixed(3)}`);
    const settings = { seed, epochs, protections, testDigits, signal, checkpoint, onStep };
    for await (const epoch of fit(network, digits, settings)) history.push(epoch);
  } finally {
    tf.dispose([digits.images, digits.labels, testDigits.images, testDigits.labels]);
    teacher?.network.dispose();
  }
  network.metadata = { ...network.metadata, ...metadataOf(training, history) };
  await saveNetwork(network, file);
  // Only now: a kill before this point finds the checkpoint, and repeats nothing but the saving.
  await removeIfThere(checkpoint);
}
