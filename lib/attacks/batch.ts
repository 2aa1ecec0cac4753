/**
 * One batch of images under attack: its tensors, and what was found for each image so far.
 *
 * @module
 */
import { type Tensor1D, type Tensor2D, type Tensor4D, tf } from "../backend.ts";
import type { Classifier } from "../network.ts";
import { norm } from "../norms.ts";
import { uniform } from "../random.ts";
import type { Attack, Problem, State } from "./attack.ts";
import type { Outcome, Progress } from "./driver.ts";
import { argMax, type Goal, type Logits, logitsAlone, reaches, softmax } from "./judge.ts";
import type { Stepper, Tensors } from "./stepper.ts";

/** What a batch is made of. */
export interface BatchInput {
  /** All images, shape `[n, 28, 28, 1]`; the batch does not keep them. */
  images: Tensor4D;
  /** Place of the batch's first image among them. */
  first: number;
  /** Number of each image of the batch. */
  ids: readonly number[];
  labels: readonly number[] | undefined;
  target: number | undefined;
  seed: number;
}

/** What is known of one image. */
interface Entry {
  id: number;
  goal: Goal;
  clean: Logits;
  /** The point evaluated last. */
  last: { norm: number; logits: Logits };
  /** The best adversarial point so far, judged alone. */
  best?: { norm: number; image: Float32Array; logits: Logits };
  finished: boolean;
  steps: number;
  forwards: number;
  backwards: number;
}

/**
 * Kernels choose their algorithm by batch size; for multiples of this they give the same bits, as
 * measured on input gradients of the MLP and the CNN (multiples of 8 do not).
 */
const granularity = 16;

/** A batch under attack. Owns tensors until {@linkcode Batch.dispose}. */
export class Batch {
  readonly #attack: Attack;
  readonly #network: Classifier;
  readonly #stepper: Stepper;
  readonly #problem: Problem;
  readonly #entries: Entry[];
  #state: State;

  /**
   * Evaluates the clean images.
   *
   * @throws {RangeError} If an image already has the class to reach.
   */
  constructor(attack: Attack, network: Classifier, stepper: Stepper, input: BatchInput) {
    this.#attack = attack;
    this.#network = network;
    this.#stepper = stepper;
    const { ids, first, target, seed } = input;
    const targeted = target !== undefined;
    let entries: Entry[] = [];
    const tensors = tf.tidy((): Tensors => {
      const places = paddedRows(ids.map((_, row) => first + row));
      const images = input.images.gather(tf.tensor1d(places, "int32"));
      entries = cleanEntries(rows(network.logits(images)), input);
      const goals = entries.map(({ goal }) => goal.target ?? goal.reference);
      const classes = tf.tensor1d(paddedRows(goals), "int32");
      const start = attack.start({ images, classes, targeted }, () => draws(images, ids, seed));
      return { images, classes, ...start };
    });
    const { images, classes, ...state } = tensors;
    this.#problem = { images: images as Tensor4D, classes: classes as Tensor1D, targeted };
    this.#state = state as unknown as State;
    this.#entries = entries;
  }

  /** Judges the clean images: where one reaches the goal as it is, its norm is 0. */
  judgeClean(): void {
    this.#judge(this.#problem.images, this.#entries.map(({ clean }) => clean), () => 0);
  }

  /** Whether no image can get better. */
  get finished(): boolean {
    return this.#entries.every(({ finished }) => finished);
  }

  /** Makes a step, and judges what was evaluated in it. */
  step(): Progress["images"] {
    const { images, classes } = this.#problem;
    const outputs = this.#stepper.run({ images, classes, ...this.#state });
    try {
      const { forwards, backwards } = this.#stepper.passes();
      for (const entry of this.#entries.filter(({ finished }) => !finished)) {
        entry.steps++;
        entry.forwards += forwards;
        entry.backwards += backwards;
      }
      for (let i = 0; i < forwards; i++) {
        const point = outputs[`evaluated.${i}.point`] as Tensor4D;
        const norms = outputs[`evaluated.${i}.norm`]!.dataSync();
        const logits = rows(outputs[`evaluated.${i}.logits`] as Tensor2D);
        this.#judge(point, logits, (row) => norms[row]!);
      }
    } finally {
      this.#advance(outputs);
    }
    return this.#entries.map(({ last, best }) => ({
      norm: last.norm,
      confidences: softmax(last.logits),
      found: best !== undefined,
    }));
  }

  /** Ends the attack: judges where its last step led to, and says what became of each image. */
  outcomes(): Outcome[] {
    const { point } = this.#state;
    if (!this.finished) {
      for (const entry of this.#entries) if (!entry.finished) entry.forwards++;
      tf.tidy(() => {
        const norms = norm(point.sub(this.#problem.images), this.#attack.p).dataSync();
        this.#judge(point, rows(this.#network.logits(point)), (row) => norms[row]!);
      });
    }
    return this.#entries.map((entry, row): Outcome => {
      const { id, clean, best, last, steps, forwards, backwards } = entry;
      const image = best?.image ?? rowOf(point, row);
      const logits = best?.logits ?? logitsAlone(this.#network, image, point.shape.slice(1));
      return {
        image: id,
        p: this.#attack.p,
        clean: rowOf(this.#problem.images, row),
        prediction: argMax(clean),
        found: best !== undefined,
        adversarialClass: best === undefined ? null : argMax(best.logits),
        perturbed: image,
        norm: best?.norm ?? last.norm,
        confidences: { clean: softmax(clean), perturbed: softmax(logits) },
        steps,
        forwards,
        backwards,
      };
    });
  }

  /** Disposes the batch's tensors. */
  dispose(): void {
    tf.dispose([this.#problem.images, this.#problem.classes, Object.values(this.#state)]);
  }

  #judge(points: Tensor4D, logits: Logits[], normOf: (row: number) => number): void {
    this.#entries.forEach((entry, row) => {
      if (entry.finished) return;
      entry.last = { norm: normOf(row), logits: logits[row]! };
      const better = entry.last.norm < (entry.best?.norm ?? Infinity);
      if (!better || !reaches(entry.goal, logits[row]!, 0)) return;
      const image = rowOf(points, row);
      const alone = logitsAlone(this.#network, image, points.shape.slice(1));
      if (!reaches(entry.goal, alone)) return;
      entry.best = { norm: entry.last.norm, image, logits: alone };
      entry.finished = this.#attack.stopsWhenFound || entry.best.norm === 0;
    });
  }

  /** Takes the next state from a step's outputs and disposes all else. */
  #advance(outputs: Tensors): void {
    const state: Tensors = {};
    for (const [name, tensor] of Object.entries(outputs)) {
      if (name.startsWith("evaluated.")) tensor.dispose();
      else state[name] = tensor;
    }
    const { images, classes } = this.#problem;
    // An attack may start from the images themselves, or hand a tensor on unchanged.
    const kept = new Set([images, classes, ...Object.values(state)]);
    for (const tensor of Object.values(this.#state)) if (!kept.has(tensor)) tensor.dispose();
    this.#state = state as unknown as State;
  }
}

/** What is known of the images before the attack. */
function cleanEntries(logits: Logits[], { ids, labels, target }: BatchInput): Entry[] {
  return ids.map((id, row): Entry => {
    const clean = logits[row]!;
    const reference = labels?.[row] ?? argMax(clean);
    if (target === reference) {
      throw new RangeError(
        `Cannot attack as the target must be another class than that of image ${id}: ` +
          `current value is ${target}`,
      );
    }
    return {
      id,
      goal: { reference, target },
      clean,
      last: { norm: 0, logits: clean },
      finished: false,
      steps: 0,
      forwards: 1,
      backwards: 0,
    };
  });
}

/** Repeats the last element until the length is a multiple of {@linkcode granularity}. */
function paddedRows<T>(rows: readonly T[]): T[] {
  const length = Math.ceil(rows.length / granularity) * granularity;
  return Array.from({ length }, (_, i) => rows[Math.min(i, rows.length - 1)]!);
}

/** Random numbers for each image, from the seed and its number. */
function draws(images: Tensor4D, ids: readonly number[], seed: number): Tensor4D {
  const [, ...shape] = images.shape;
  const size = shape.reduce((a, b) => a * b, 1);
  return tf.stack(
    paddedRows(ids).map((id) => tf.tensor(uniform(size, seed, id), shape)),
  ) as Tensor4D;
}

function rows(logits: Tensor2D): Logits[] {
  const [count, classes] = logits.shape;
  const values = logits.dataSync();
  return Array.from({ length: count }, (_, i) => values.slice(i * classes, (i + 1) * classes));
}

function rowOf(points: Tensor4D, row: number): Float32Array {
  return tf.tidy(() => points.slice([row], [1]).dataSync() as Float32Array);
}
