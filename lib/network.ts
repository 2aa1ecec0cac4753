/**
 * A network: an architecture with weights. Runs, saves and loads it.
 *
 * @module
 */
import { type Architecture, architectures, summary, weightsOf } from "./architectures.ts";
import { type Tensor, type Tensor1D, type Tensor2D, type Tensor4D, tf } from "./backend.ts";
import { compile } from "./compile.ts";
import type { Dataset } from "./data/datasets.ts";
import { writeAtomic } from "./files.ts";
import { forward } from "./forward.ts";
import { initialValues } from "./layers.ts";
import { modelFile, modelsFolder, protectedName, remedyOf } from "./models.ts";
import { assertSeed } from "./random.ts";
import { encode, readSafetensors, type SafeTensors } from "./safetensors.ts";
import { noteUsed } from "./used.ts";
import { assertWeights, toArrays, toTensors, type Weights } from "./weights.ts";

/** What attacks see of a network, and what a run-time protection wraps. */
export interface Classifier {
  readonly name: string;
  /** Number of logits. */
  readonly classes: number;
  /** Another object whenever the weights are others: graphs that hold them are kept for it. */
  readonly revision: object;
  /**
   * Computes logits; differentiable, and the same for an image whatever shares its batch (to rounding).
   *
   * @param images Shape `[batch, 28, 28, 1]`, float32 in [0, 1].
   * @returns Shape `[batch, classes]`. The caller disposes it.
   */
  logits(images: Tensor4D): Tensor2D;
}

/**
 * How many images inference sends through a network at once: as many thousands as keep the largest
 * layer's output below 64 MiB, since fresh memory costs more than another call.
 */
function chunkOf({ layers, inputShape }: Architecture): number {
  const sizes = summary({ layers, inputShape }).map(({ outputShape }) =>
    outputShape.reduce((a, b) => a * b, 1)
  );
  return 1000 * Math.max(1, Math.floor(2 ** 24 / Math.max(...sizes) / 1000));
}

/** An architecture with weights, which it owns: dispose it when done. */
export class Network implements Classifier {
  readonly classes: number;
  #weights: Weights;
  readonly #chunk: number;
  // Weights are inputs of the graph, so that one graph serves while the network is trained.
  readonly #run: (weights: Weights, images: Tensor) => Tensor;

  constructor(
    readonly architecture: Architecture,
    weights: Weights,
    /** Seed, accuracies, versions and so on: what its file holds besides weights. */
    public metadata: Record<string, string> = {},
  ) {
    this.classes = architecture.classes;
    this.#weights = weights;
    this.#chunk = chunkOf(architecture);
    this.#run = compile((weights: Weights, images: Tensor) =>
      forward(architecture.layers, images, weights)
    );
  }

  /** The architecture's name, and the protections that it was trained with. */
  get name(): string {
    const specs: string[] = JSON.parse(this.metadata["protections"] ?? "[]");
    return protectedName(this.architecture.name, specs);
  }

  get revision(): object {
    return this.#weights;
  }

  /** By name; owned by the network. */
  get weights(): Readonly<Weights> {
    return this.#weights;
  }

  /** Takes new weights (which it then owns) and disposes the old ones that are not among them. */
  setWeights(weights: Weights): void {
    const kept = new Set(Object.values(weights));
    Object.values(this.#weights).forEach((old) => kept.has(old) || old.dispose());
    this.#weights = weights;
  }

  /** @throws {TypeError} If the images' shape is not the architecture's. */
  logits(images: Tensor4D): Tensor2D {
    this.#check(images);
    return tf.tidy(() => forward(this.architecture.layers, images, this.#weights) as Tensor2D);
  }

  /**
   * Computes logits of any number of images, in chunks; not differentiable.
   *
   * @param images Shape `[n, 28, 28, 1]`.
   * @returns Shape `[n, classes]`. The caller disposes it.
   * @throws {TypeError} If the images' shape is not the architecture's.
   */
  infer(images: Tensor4D): Tensor2D {
    this.#check(images);
    const [n] = images.shape;
    const chunk = this.#chunk;
    return tf.tidy(() => {
      const parts: Tensor[] = [];
      for (let from = 0; from < n; from += chunk) {
        const size = Math.min(chunk, n - from);
        const part = n <= chunk ? images : images.slice([from, 0, 0, 0], [size, -1, -1, -1]);
        parts.push(this.#run(this.#weights, part));
      }
      return (parts.length === 1 ? parts[0] : tf.concat(parts)) as Tensor2D;
    });
  }

  /** Predicts classes, shape `[n]`, int32. The caller disposes it. */
  predict(images: Tensor4D): Tensor1D {
    return tf.tidy(() => this.infer(images).argMax<Tensor1D>(1));
  }

  /** Computes the softmax of the logits, shape `[n, classes]`. The caller disposes it. */
  confidences(images: Tensor4D): Tensor2D {
    return tf.tidy(() => tf.softmax(this.infer(images)));
  }

  dispose(): void {
    tf.dispose(this.#weights);
  }

  #check({ shape }: Tensor4D): void {
    const { inputShape } = this.architecture;
    if (String(shape.slice(1)) === String(inputShape)) return;
    throw new TypeError(
      `Cannot run ${this.name} as images must have shape [n,${inputShape}]: ` +
        `current value is [${shape}]`,
    );
  }
}

/**
 * Makes an untrained network; the same seed gives the same weights.
 *
 * @param options.seed Any int32. @default 0
 * @throws {RangeError} If it is none.
 */
export function createNetwork(architecture: Architecture, { seed = 0 } = {}): Network {
  assertSeed(seed, "create a network");
  const specs = Object.entries(weightsOf(architecture));
  // Negative streams: those of steps, which dropout draws from, count from 0.
  const weights = specs.map(([name, spec], i) =>
    [name, tf.tensor(initialValues(spec, seed, -1 - i), spec.shape)] as const
  );
  return new Network(architecture, Object.fromEntries(weights), { seed: String(seed) });
}

/**
 * Loads a network.
 *
 * @param nameOrPath A name (`CNN` or `CNN+pgd:linf:0.2`: a file in `models/`) or a safetensors file's
 *   path.
 * @param options.architecture What the file must hold. @default the one that its metadata names
 * @param options.dataset What it must have been trained on, if its metadata tells. @default by name
 *   MNIST, by path any
 * @throws {Deno.errors.NotFound} If there is no such file.
 * @throws {SyntaxError} If the file is not safetensors.
 * @throws {TypeError} If it holds another architecture's weights, or those for another data set.
 *
 * @example
 * ```ts
 * import { test } from "$lib/loader.ts";
 * import { loadNetwork } from "$lib/network.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const network = await loadNetwork("MLP");
 * const { images, labels } = await test(3);
 * assertEquals(network.predict(images).dataSync(), labels.dataSync());
 * ```
 */
export async function loadNetwork(
  nameOrPath: string,
  options: { architecture?: Architecture; dataset?: Dataset } = {},
): Promise<Network> {
  const [first = "", ...specs] = nameOrPath.split("+");
  const isName = Object.hasOwn(architectures, first) && !nameOrPath.endsWith(".safetensors");
  const dataset = options.dataset ?? (isName ? "MNIST" : undefined);
  const path = isName ? `${modelsFolder}${modelFile(nameOrPath, dataset)}` : nameOrPath;
  const { tensors, metadata } = await read(path, isName ? remedyOf(first, specs, dataset) : "");
  const learned = metadata["dataset"];
  if (dataset !== undefined && learned !== undefined && learned !== dataset) {
    throw new TypeError(`Cannot load ${path} for ${dataset}: it was trained on ${learned}`);
  }
  const named = metadata["architecture"];
  const wanted = options.architecture?.name ?? (isName ? first : named);
  if (named !== undefined && named !== wanted) {
    throw new TypeError(`Cannot load ${path} as ${wanted}: it holds ${named}`);
  }
  const architecture = options.architecture ??
    (wanted !== undefined && Object.hasOwn(architectures, wanted) ? architectures[wanted] : null);
  if (!architecture) {
    const known = Object.keys(architectures).join(", ");
    throw new TypeError(
      `Cannot load ${path} as its architecture must be one of ${known}: current value is ${wanted}`,
    );
  }
  assertWeights(tensors, architecture, path);
  noteUsed(path);
  return new Network(architecture, toTensors(tensors), metadata);
}

async function read(path: string, remedy: string): Promise<SafeTensors> {
  try {
    return await readSafetensors(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new Deno.errors.NotFound(`Cannot load a network as there is no file ${path}${remedy}`);
  }
}

/**
 * Saves a network as safetensors, atomically: the old file stands until the new one is complete.
 *
 * @param metadata Added to the network's own.
 */
export async function saveNetwork(
  network: Network,
  path: string,
  metadata: Record<string, string> = {},
): Promise<void> {
  const { name, layers: _, ...hyperparameters } = network.architecture;
  await writeAtomic(
    path,
    encode(toArrays(network.weights), {
      ...network.metadata,
      ...metadata,
      architecture: name,
      hyperparameters: JSON.stringify(hyperparameters),
    }),
  );
}
