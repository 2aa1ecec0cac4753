/**
 * One batch of images under attack: its tensors, and what was found for each image so far.
 *
 * @module
 */
import { type Tensor1D, type Tensor2D, type Tensor4D, tf } from "../backend.ts";
import type { Classifier } from "../network.ts";
import { norm } from "../norms.ts";
import type { Attack, Problem, State } from "./attack.ts";
import type { Outcome, Progress } from "./driver.ts";
import { cleanEntries, type Entry, type Witness } from "./entry.ts";
import { argMax, type Logits, logitsAlone, reaches, softmax } from "./judge.ts";
import { draws, padded, powerOfTwo, roundUp, rows } from "./rows.ts";
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
  /** Steps that will be made at most. */
  steps: number;
}

/** A batch under attack. Owns tensors until {@linkcode Batch.dispose}. */
export class Batch {
  readonly #attack: Attack;
  readonly #network: Classifier;
  readonly #stepper: Stepper;
  readonly #entries: Entry[];
  /** The entry of each row of the tensors, without the rows that pad them. */
  #rows: Entry[];
  #problem: Problem;
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
    const { ids, first, target, seed, steps } = input;
    const targeted = target !== undefined;
    let entries: Entry[] = [];
    const tensors = tf.tidy((): Tensors => {
      const size = roundUp(ids.length);
      const places = padded(ids.map((_, row) => first + row), size);
      const images = input.images.gather(tf.tensor1d(places, "int32"));
      entries = cleanEntries(images, rows(network.logits(images)), input);
      const goals = entries.map(({ goal }) => goal.target ?? goal.reference);
      const classes = tf.tensor1d(padded(goals, size), "int32");
      const problem = { images, classes, targeted };
      const start = attack.start(problem, () => draws(images, ids, seed), steps);
      return { images, classes, ...start };
    });
    const { images, classes, ...state } = tensors;
    this.#problem = { images: images as Tensor4D, classes: classes as Tensor1D, targeted };
    this.#state = state as unknown as State;
    this.#entries = entries;
    this.#rows = entries;
  }

  /** Judges the clean images: where one reaches the goal as it is, its norm is 0. */
  judgeClean(): void {
    this.#judge(this.#problem.images, this.#entries.map(({ clean }) => clean), () => 0);
    this.#compact();
  }

  /** Whether no image can get better. */
  get finished(): boolean {
    return this.#rows.every(({ finished }) => finished);
  }

  /** Makes a step, and judges what was evaluated in it. */
  step(): Progress["images"] {
    const { images, classes } = this.#problem;
    const outputs = this.#stepper.run({ images, classes, ...this.#state });
    try {
      const { forwards, backwards } = this.#stepper.passes;
      for (const entry of this.#rows.filter(({ finished }) => !finished)) {
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
    this.#compact();
    return this.#entries.map(({ last, witnesses }) => ({
      norm: last.norm,
      confidences: softmax(last.logits),
      found: witnesses.length > 0,
      best: witnesses.at(-1)?.norm ?? Infinity,
    }));
  }

  /** Ends the attack: judges where its last step led to, and says what became of each image. */
  outcomes(): Outcome[] {
    const { point } = this.#state;
    if (!this.finished) {
      for (const entry of this.#rows) if (!entry.finished) entry.forwards++;
      tf.tidy(() => {
        const norms = norm(point.sub(this.#problem.images), this.#attack.p).dataSync();
        this.#judge(point, rows(this.#network.logits(point)), (row) => norms[row]!);
      });
    }
    const last = rows(point);
    return this.#entries.map((entry): Outcome => {
      const witness = this.#best(entry);
      // What has no witness was never finished, and so still has its row.
      const perturbed = witness?.image ?? last[this.#rows.indexOf(entry)]!;
      const logits = witness?.logits ?? this.#alone(perturbed);
      const { id, image, clean, steps, forwards, backwards } = entry;
      return {
        image: id,
        p: this.#attack.p,
        clean: image,
        prediction: argMax(clean),
        found: witness !== undefined,
        adversarialClass: witness === undefined ? null : argMax(witness.logits),
        perturbed,
        norm: witness?.norm ?? entry.last.norm,
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
    const { stopsWhenFound } = this.#attack;
    let images: Float32Array[] | undefined;
    this.#rows.forEach((entry, row) => {
      if (entry.finished) return;
      const last = { norm: normOf(row), logits: logits[row]! };
      entry.last = last;
      if (!(last.norm < (entry.witnesses.at(-1)?.norm ?? Infinity))) return;
      const finishes = stopsWhenFound || last.norm === 0;
      // Whoever is judged alone at once needs no margin in the batch.
      if (!reaches(entry.goal, last.logits, finishes ? 0 : undefined)) return;
      images ??= rows(points);
      const witness = { ...last, image: images[row]!, alone: finishes };
      if (finishes) {
        witness.logits = this.#alone(witness.image);
        if (!reaches(entry.goal, witness.logits)) return;
        entry.finished = true;
      }
      entry.witnesses.push(witness);
    });
  }

  /** The best point that stands alone. */
  #best({ goal, witnesses }: Entry): Witness | undefined {
    return witnesses.toReversed().find((witness) => {
      if (!witness.alone) witness.logits = this.#alone(witness.image);
      return reaches(goal, witness.logits);
    });
  }

  #alone(image: Float32Array): Logits {
    return logitsAlone(this.#network, image, this.#problem.images.shape.slice(1));
  }

  /** Takes the next state from a step's outputs and disposes all else. */
  #advance(outputs: Tensors): void {
    const state: Tensors = {};
    for (const [name, tensor] of Object.entries(outputs)) {
      if (name.startsWith("evaluated.")) tensor.dispose();
      else state[name] = tensor;
    }
    this.#replace(this.#problem, state as unknown as State);
  }

  /** Drops the rows of finished images, as soon as a smaller batch holds the others. */
  #compact(): void {
    const size = this.#problem.images.shape[0];
    const left = this.#rows.flatMap(({ finished }, row) => finished ? [] : [row]);
    const smaller = powerOfTwo(left.length);
    if (left.length === 0 || smaller >= size) return;
    this.#rows = left.map((row) => this.#rows[row]!);
    const { images, classes, targeted } = this.#problem;
    const places = tf.tensor1d(padded(left, smaller), "int32");
    const state = Object.entries(this.#state).map(([name, one]) => [name, one.gather(places)]);
    const problem = { images: images.gather(places), classes: classes.gather(places), targeted };
    places.dispose();
    this.#replace(problem, Object.fromEntries(state));
  }

  /** Goes on with other tensors, and disposes those that are needed no more. */
  #replace(problem: Problem, state: State): void {
    const { images, classes } = this.#problem;
    // An attack may start from the images themselves, or hand a tensor on unchanged.
    const kept = new Set([problem.images, problem.classes, ...Object.values(state)]);
    for (const tensor of [images, classes, ...Object.values(this.#state)]) {
      if (!kept.has(tensor)) tensor.dispose();
    }
    this.#problem = problem;
    this.#state = state;
  }
}
