/**
 * Resistances: what the school's second attack says of an image.
 *
 * @module
 */
import {
  adamStep,
  type Moments,
  nextPowers,
  type Powers,
  startMoments,
  startPowers,
} from "../adam.ts";
import { type Tensor, type Tensor1D, type Tensor2D, type Tensor4D, tf } from "../backend.ts";
import { compile } from "../compile.ts";
import type { Classifier } from "../network.ts";
import { norm } from "../norms.ts";
import { argMax } from "../numbers.ts";
import { differentiate } from "./differentiate.ts";
import { logitsAlone, reaches } from "./judge.ts";
import { type Descent, type Goals, schoolLoss } from "./losses.ts";
import { padded, roundUp, rows } from "./rows.ts";
import { learningRate, lowConfidence, piecewise, resisting } from "./school2.ts";

/** What the second attack says of one image; reference is the class predicted for it. */
export interface Resistance {
  /** Norm of the last perturbation; Infinity where the last image is not adversarial. */
  resN: number;
  /** The largest norm of all steps; Infinity likewise. */
  resMax: number;
  /** Steps until the confidence was at most 0.2; Infinity likewise, and where it never was. */
  resMin: number;
  /** Whether the last image is adversarial, judged alone. */
  adversarial: boolean;
  /** Class of the clean image, and of the last one. */
  prediction: number;
  lastClass: number;
  /** Norm of the perturbation after each step. */
  norms: Float32Array;
  /** Confidence in the clean image's class after each step. */
  confidences: Float32Array;
}

/** Settings of {@linkcode resistances}. */
export interface ResistanceOptions {
  /** What it descends on; "log" is not the report's. @default "confidence" */
  descent?: Descent;
  /** @default 500 */
  steps?: number;
  /** Images run together. A result does not depend on it. @default 200 */
  batchSize?: number;
  /** Ends the run with the signal's reason. */
  signal?: AbortSignal;
  /** Called after each step with the share of the work that is done. */
  onProgress?: (done: number) => void;
}

/**
 * Runs the school's second attack, exactly as the report defines it: Adam with 1e-3 on r from 0, all
 * steps also on misclassified images, r free of the pixel box.
 *
 * @param images Shape `[n, 28, 28, 1]`, in [0, 1].
 * @returns One result for each image, in their order.
 * @throws {RangeError} If there are no images, or an option is out of range.
 * @throws The signal's reason when aborted.
 */
export async function resistances(
  network: Classifier,
  images: Tensor4D,
  options: ResistanceOptions = {},
): Promise<Resistance[]> {
  const { descent = "confidence", steps = 500, batchSize = 200, signal, onProgress } = options;
  const [count] = images.shape;
  for (const [name, value] of Object.entries({ images: count, steps, batchSize })) {
    if (Number.isInteger(value) && value >= 1) continue;
    throw new RangeError(
      `Cannot measure resistances as ${name} must be at least 1: current value is ${value}`,
    );
  }
  const work = workOf(network, descent);
  const found: Resistance[] = [];
  for (let first = 0; first < count; first += batchSize) {
    const length = Math.min(batchSize, count - first);
    const run = new Run(network, work, images, { first, length });
    try {
      for (let step = 1; step <= steps; step++) {
        signal?.throwIfAborted();
        run.step();
        onProgress?.((first + length * step / steps) / count);
        if (step % 10 === 0) await new Promise((resolve) => setTimeout(resolve));
      }
      found.push(...run.results());
    } finally {
      run.dispose();
    }
  }
  return found;
}

type Descending = { r: Tensor4D } & Moments<Tensor4D> & Powers;
type Clean = { images: Tensor4D; references: Tensor1D };
type Logits = (points: Tensor4D) => Tensor2D;

/** What is compiled once for all batches. */
interface Work {
  logits: Logits;
  /** The next state, the confidence where the step began, and the norm where it led to. */
  step(state: Descending, clean: Clean): { state: Descending; c: Tensor; norm: Tensor1D };
}

/** Work by the state of the network that it was made for, then by what is descended on. */
const remembered = new WeakMap<object, Map<Descent, Work>>();

/** What was made before for the same weights serves again. */
function workOf(network: Classifier, descent: Descent): Work {
  const works = remembered.get(network.revision) ?? new Map<Descent, Work>();
  remembered.set(network.revision, works);
  const work = works.get(descent) ?? makeWork(network, descent);
  works.set(descent, work);
  return work;
}

function makeWork(network: Classifier, descent: Descent): Work {
  const loss = schoolLoss(descent);
  const step: Work["step"] = (state, { images, references }) => {
    const goals: Goals = { references, targets: references, mode: "leave" };
    const { logits, gradient } = differentiate(
      network,
      images.add(state.r),
      (logits) => loss(logits, goals),
    );
    const powers = nextPowers(state);
    const c = resisting(logits, goals);
    const slope = piecewise(c, gradient, state.r);
    const { x: r, moments } = adamStep(state.r, state, slope, powers, { learningRate });
    return { state: { r, ...moments, ...powers }, c, norm: norm(r, 2) };
  };
  return {
    step: compile(step, { name: "a step of school2" }),
    logits: compile((points: Tensor4D) => network.logits(points), { name: "logits" }),
  };
}

/** A batch on its way. Owns its tensors. */
class Run {
  readonly #network: Classifier;
  readonly #work: Work;
  readonly #length: number;
  readonly #clean: Clean;
  readonly #predictions: number[];
  #state: Descending;
  /** Of each step, for each row. */
  readonly #norms: ArrayLike<number>[] = [];
  readonly #confidences: ArrayLike<number>[] = [];

  constructor(
    network: Classifier,
    work: Work,
    all: Tensor4D,
    { first, length }: { first: number; length: number },
  ) {
    this.#network = network;
    this.#work = work;
    this.#length = length;
    const places = padded(Array.from({ length }, (_, i) => first + i), roundUp(length));
    const images: Tensor4D = tf.tidy(() => all.gather(tf.tensor1d(places, "int32")));
    const logits = work.logits(images);
    this.#predictions = rows(logits).map((logits) => argMax(logits));
    logits.dispose();
    this.#clean = { images, references: tf.tensor1d(this.#predictions, "int32") };
    this.#state = { r: tf.zerosLike(images), ...startMoments(images), ...startPowers() };
  }

  step(): void {
    const { state, c, norm } = this.#work.step(this.#state, this.#clean);
    tf.dispose(this.#state);
    this.#state = state;
    this.#confidences.push(c.dataSync());
    this.#norms.push(norm.dataSync());
    tf.dispose([c, norm]);
  }

  results(): Resistance[] {
    const { images } = this.#clean;
    const { references } = this.#clean;
    const goals: Goals = { references, targets: references, mode: "leave" };
    const point: Tensor4D = images.add(this.#state.r);
    const c = tf.tidy(() => resisting(this.#work.logits(point), goals));
    this.#confidences.push(c.dataSync());
    const last = rows(point);
    tf.dispose([point, c]);
    const shape = images.shape.slice(1);
    return last.slice(0, this.#length).map((image, row) => {
      const reference = this.#predictions[row]!;
      const logits = logitsAlone(this.#network, image, shape);
      const adversarial = reaches({ reference }, logits);
      const norms = Float32Array.from(this.#norms, (step) => step[row]!);
      const all = Float32Array.from(this.#confidences, (step) => step[row]!);
      const low = all.findIndex((c) => c <= lowConfidence);
      return {
        resN: adversarial ? norms.at(-1)! : Infinity,
        resMax: adversarial ? norms.reduce((a, b) => Math.max(a, b)) : Infinity,
        resMin: adversarial && low >= 0 ? low : Infinity,
        adversarial,
        prediction: reference,
        lastClass: argMax(logits),
        norms,
        confidences: all.slice(1),
      };
    });
  }

  dispose(): void {
    tf.dispose([this.#state, this.#clean]);
  }
}
