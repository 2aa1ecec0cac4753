/**
 * One universal trainer: takes any network, yields epochs, resumes from a checkpoint.
 *
 * @module
 */
import { type Tensor, tf } from "./backend.ts";
import { readCheckpoint, type TrainingState, writeCheckpoint } from "./checkpoint.ts";
import { compileLoop } from "./compile.ts";
import { copy, dispose } from "./graph/tree.ts";
import type { Digits } from "./loader.ts";
import type { Network } from "./network.ts";
import { assertProtections, type TrainingProtection } from "./protections/lesson.ts";
import { assertSeed, permutation } from "./random.ts";
import { startOf, trainingStep } from "./training_step.ts";

/** What one pass over the training images came to. */
export interface Epoch {
  /** From 1. */
  epoch: number;
  epochs: number;
  /** Mean loss over the epoch's steps, dropout on, in nats. */
  loss: number;
  /** Share of training images classified rightly after the epoch, dropout off. */
  accuracy: number;
  /** The same on the test images; null if none were given. */
  testAccuracy: number | null;
  /** Time of this epoch. */
  seconds: number;
  /** Training images each second, evaluation left out. */
  samplesPerSecond: number;
  /** Time that the epochs still to come will take. */
  remainingSeconds: number;
  /** Whether the epoch comes from the checkpoint of an earlier, interrupted run. */
  restored: boolean;
}

/** A step's place and loss. */
export interface Step {
  epoch: number;
  /** From 1, within the epoch. */
  step: number;
  steps: number;
  loss: number;
}

/** Settings of {@linkcode fit}. */
export interface FitOptions {
  /** What shuffles and dropout masks are drawn from. Any int32. @default 0 */
  seed?: number | undefined;
  /** @default the architecture's */
  epochs?: number | undefined;
  /** What makes the network robust, in this order. @default nothing */
  protections?: readonly TrainingProtection[] | undefined;
  /** Images for the test accuracy; not trained on. */
  testDigits?: Digits | undefined;
  signal?: AbortSignal | undefined;
  /** File that holds the state after each epoch; if it is there, training goes on from it. */
  checkpoint?: string | undefined;
  /** Called after each step. */
  onStep?: ((step: Step) => void) | undefined;
}

/** How long training may hold the event loop before timers and signals get a turn. */
const yieldAfter = 50; // milliseconds

/** Streams of shuffles; steps count up from 0 and initial weights down from -1. */
const shuffleStream = (epoch: number) => -1_000_000 - epoch;

/**
 * Computes the share of images that a network classifies rightly, dropout off.
 *
 * @returns A number in [0, 1].
 */
export function accuracy(network: Network, { images, labels }: Digits): number {
  const right = tf.tidy(() => network.predict(images).equal(labels).sum().dataSync()[0]!);
  return right / labels.size;
}

/**
 * Trains a network: Adam on the cross-entropy, or what protections make of it, batches shuffled by
 * seed.
 *
 * The same network, digits and seed give the same weights on the same machine, also when training
 * was killed and went on from its checkpoint. After each epoch the network holds the new weights;
 * when aborted or failed it holds those of the last complete epoch.
 *
 * @returns Epochs, as they end; those of the checkpoint come first, marked `restored`.
 * @throws {RangeError} If `epochs` is not a whole number >= 1, `seed` no int32, protections do not fit
 *   together or the architecture, or the loss becomes NaN or infinite.
 * @throws {TypeError} If the checkpoint is of another architecture or seed, or of other digits.
 * @throws `signal.reason` when aborted.
 *
 * @example
 * ```ts
 * import { MLP } from "$lib/architectures.ts";
 * import { train } from "$lib/loader.ts";
 * import { createNetwork } from "$lib/network.ts";
 * import { fit } from "$lib/trainer.ts";
 * import { assert } from "@std/assert";
 *
 * const network = createNetwork(MLP, { seed: 1 });
 * for await (const { epoch, accuracy } of fit(network, await train(500), { epochs: 5 })) {
 *   if (epoch === 5) assert(accuracy > 0.7);
 * }
 * ```
 */
export async function* fit(
  network: Network,
  digits: Digits,
  options: FitOptions = {},
): AsyncGenerator<Epoch> {
  const { architecture } = network;
  const { seed = 0, epochs = architecture.epochs, signal } = options;
  if (!Number.isInteger(epochs) || epochs < 1) {
    throw new RangeError(`Cannot train as epochs must be a whole number >= 1: it is ${epochs}`);
  }
  assertSeed(seed, "train");
  const { protections = [] } = options;
  assertProtections(protections, architecture);
  const specs = protections.map(({ spec }) => spec);
  // Then steps depend on how many there will be.
  const planned = specs.length > 0 || architecture.optimizer.schedule !== undefined;
  const settings = planned ? { protections: specs, epochs } : {};
  const run = { architecture, seed, digits, settings };
  const saved = options.checkpoint ? await readCheckpoint(options.checkpoint, run) : undefined;
  if (saved && saved.history.length > epochs) {
    throw new TypeError(
      `Cannot go on from ${options.checkpoint} as it is after epoch ${saved.history.length} of ${epochs}`,
    );
  }
  const training = new TrainingRun(network, digits, { ...options, seed, epochs }, saved?.state);
  try {
    const history = saved?.history ?? [];
    for (const epoch of history) yield { ...epoch, epochs, remainingSeconds: 0, restored: true };
    for (let number = history.length + 1; number <= epochs; number++) {
      signal?.throwIfAborted();
      const epoch = await training.epoch(number);
      history.push(epoch);
      if (options.checkpoint) {
        const state = training.state();
        try {
          await writeCheckpoint(options.checkpoint, run, { state, history });
        } finally {
          dispose(state);
        }
      }
      yield epoch;
    }
  } finally {
    training.dispose();
  }
}

/** The mutable part of a training: its state. {@linkcode fit} drives it, and so do benchmarks. */
export class TrainingRun {
  readonly #loop;

  constructor(
    private readonly network: Network,
    private readonly digits: Digits,
    private readonly options: FitOptions & { seed: number; epochs: number },
    saved?: TrainingState,
  ) {
    const start = saved ?? startOf(network);
    const step = trainingStep(network.architecture, options.protections);
    this.#loop = compileLoop(step, start, { name: "the training step" });
    if (saved) network.setWeights(copy(saved.weights));
    dispose(start);
  }

  /** Weights and Adam's memory; the caller disposes them. */
  state(): TrainingState {
    return this.#loop.state();
  }

  /** Trains for one epoch and evaluates the network. */
  async epoch(number: number): Promise<Epoch> {
    const { epochs, testDigits } = this.options;
    const start = performance.now();
    const loss = await this.#trainEpoch(number);
    const trained = performance.now();
    const { weights, ...memory } = this.state();
    dispose(memory);
    this.network.setWeights(weights);
    const result = {
      epoch: number,
      epochs,
      loss,
      accuracy: accuracy(this.network, this.digits),
      testAccuracy: testDigits ? accuracy(this.network, testDigits) : null,
    };
    const seconds = (performance.now() - start) / 1000;
    return {
      ...result,
      seconds,
      samplesPerSecond: this.digits.images.shape[0] / (trained - start) * 1000,
      remainingSeconds: seconds * (epochs - number),
      restored: false,
    };
  }

  async #trainEpoch(epoch: number): Promise<number> {
    const { seed, signal, onStep } = this.options;
    const { batchSize } = this.network.architecture;
    const [n] = this.digits.images.shape;
    const order = permutation(n, seed, shuffleStream(epoch));
    const steps = Math.ceil(n / batchSize);
    let [sum, yielded] = [0, performance.now()];
    for (let step = 1; step <= steps; step++) {
      const rows = order.subarray((step - 1) * batchSize, step * batchSize);
      const loss = this.advance(rows, (epoch - 1) * steps + step);
      if (!Number.isFinite(loss)) {
        throw new RangeError(
          `Cannot train on as the loss must be finite: it is ${loss} in epoch ${epoch}, step ${step}`,
        );
      }
      sum += loss * rows.length;
      onStep?.({ epoch, step, steps, loss });
      if (performance.now() - yielded > yieldAfter) {
        await new Promise((resolve) => setTimeout(resolve));
        signal?.throwIfAborted();
        yielded = performance.now();
      }
    }
    return sum / n;
  }

  /**
   * Makes one step on some of the images; returns its loss.
   *
   * @param rows The images' places.
   * @param step From 1: dropout masks are drawn for it.
   */
  advance(rows: Int32Array, step: number): number {
    const { images, labels } = this.digits;
    const batch = tf.tensor1d(rows, "int32");
    const seed = tf.tensor1d([this.options.seed, step], "int32");
    const steps = Math.ceil(labels.size / this.network.architecture.batchSize);
    const progress = tf.scalar((step - 1) / (steps * this.options.epochs));
    const loss = this.#loop.step(
      images as Tensor,
      labels as Tensor,
      batch as Tensor,
      seed as Tensor,
      progress as Tensor,
    );
    const value = loss.dataSync()[0]!;
    tf.dispose([batch, seed, progress, loss]);
    return value;
  }

  dispose(): void {
    this.#loop.dispose();
  }
}
