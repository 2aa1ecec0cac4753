/**
 * One batch of images under attack: its tensors, and what was found for each image so far.
 *
 * @module
 */
import { type Tensor4D, tf } from "../backend.ts";
import type { Classifier } from "../network.ts";
import { distance } from "../norms.ts";
import { argMax } from "../numbers.ts";
import type { Attack, Mode } from "./attack.ts";
import { BatchTensors, cleanLogits, type Evaluation } from "./batch_tensors.ts";
import type { Candidate, Outcome } from "./driver.ts";
import { cleanEntries, type Entry, outcomeOf, standing } from "./entry.ts";
import { type Logits, logitsAlone, reaches, softmax } from "./judge.ts";
import { padded, powerOfTwo, roundUp } from "./rows.ts";
import { stepper } from "./stepper.ts";

/** What a batch is made of. */
export interface BatchInput {
  /** All images, shape `[n, 28, 28, 1]`; the batch does not keep them. */
  images: Tensor4D;
  /** Where to begin, or the images. */
  beginnings: Tensor4D;
  /** Place of the batch's first image among them. */
  first: number;
  /** Number of each image of the batch. */
  ids: readonly number[];
  labels: readonly number[] | undefined;
  /** Classes to reach or to aim at, as the mode says. */
  targets: readonly number[] | undefined;
  mode: Mode;
  epsilons: readonly number[] | undefined;
  seed: number;
  /** Steps that will be made at most. */
  steps: number;
}

/** How one image stands. */
export interface ImageProgress {
  /** Norm of the point evaluated last, and the network's confidences there. */
  norm: number;
  confidences: number[];
  found: boolean;
  /** The smallest adversarial norm so far, or Infinity; not yet judged alone. */
  best: number;
}

/** A batch under attack. Owns tensors until {@linkcode Batch.dispose}. */
export class Batch {
  readonly #attack: Attack;
  readonly #network: Classifier;
  readonly #mode: Mode;
  readonly #shape: readonly number[];
  readonly #entries: Entry[];
  readonly #tensors: BatchTensors;
  /** The entry of each row of the tensors, without the rows that pad them. */
  #rows: Entry[];
  /** Of the point evaluated last. */
  #last: Evaluation & { rows: Entry[] };

  /**
   * Evaluates the clean images.
   *
   * @throws {RangeError} If an image already has the class to reach.
   */
  constructor(attack: Attack, network: Classifier, input: BatchInput) {
    this.#attack = attack;
    this.#network = network;
    this.#mode = input.mode;
    this.#shape = input.images.shape.slice(1);
    const { ids, first, targets, mode } = input;
    const size = roundUp(ids.length);
    const [images, beginnings] = tf.tidy(() => {
      const places = tf.tensor1d(padded(ids.map((_, row) => first + row), size), "int32");
      return [input.images.gather(places), input.beginnings.gather(places)] as const;
    });
    try {
      const logits = cleanLogits(images, attack.p, network);
      const goals = { ids, labels: input.labels, targets: mode === "reach" ? targets : undefined };
      this.#entries = cleanEntries(images, logits, goals);
      this.#rows = this.#entries;
      this.#last = { norm: new Float32Array(size), logits, rows: this.#rows };
      const references = this.#entries.map(({ goal }) => goal.reference);
      const tensors = { attack, network, images, beginnings, references };
      this.#tensors = new BatchTensors({ ...input, ...tensors, targets: targets ?? references });
    } catch (error) {
      tf.dispose(images);
      throw error;
    } finally {
      tf.dispose(beginnings);
    }
  }

  /** Judges the clean images: where one reaches the goal as it is, its norm is 0. */
  judgeClean(): void {
    for (const entry of this.#entries) {
      if (!reaches(entry.goal, entry.clean)) continue;
      this.#finish(entry, entry.image);
    }
    this.#compact();
  }

  /** Whether no image can get better. */
  get finished(): boolean {
    return this.#rows.every(({ finished }) => finished);
  }

  /** The smallest adversarial norm of each image so far, or Infinity. */
  get norms(): number[] {
    return this.#entries.map(({ best }) => best);
  }

  /** Passes spent on all images together. */
  get passes(): number {
    return this.#entries.reduce((sum, { forwards, backwards }) => sum + forwards + backwards, 0);
  }

  /** How the images stand, where they were evaluated last. */
  progress(): ImageProgress[] {
    const places = new Map(this.#last.rows.map((entry, row) => [entry, row]));
    return this.#entries.map((entry) => {
      const row = places.get(entry);
      const { witness, best } = entry;
      const logits = row === undefined ? witness?.logits ?? entry.clean : this.#last.logits[row]!;
      const norm = row === undefined ? best : this.#last.norm[row]!;
      return { norm, confidences: softmax(logits), found: best < Infinity, best };
    });
  }

  /** Makes a step, and keeps the best of what was evaluated in it. */
  step(): void {
    const { passes } = stepper(this.#attack, this.#network, this.#mode);
    this.#take(this.#tensors.step());
    for (const entry of this.#rows) {
      if (entry.finished) continue;
      entry.steps++;
      entry.forwards += passes.forwards;
      entry.backwards += passes.backwards;
    }
    this.#finishFound();
  }

  /** Ends the attack: looks where its last step led to, and says what became of each image. */
  outcomes(): Outcome[] {
    this.#lookLast();
    const [last, found] = [this.#tensors.points(), this.#tensors.bestPoints()];
    this.#rows.forEach((entry, row) => {
      if (entry.best < Infinity && !entry.finished) this.#finish(entry, found[row]!);
    });
    return this.#entries.map((entry) => {
      // What has no witness still has its row, unless the best point did not stand alone.
      const tried = last[this.#rows.indexOf(entry)];
      return outcomeOf(entry, this.#attack.p, tried, (image) => this.#alone(image));
    });
  }

  /** Ends the attack as {@linkcode Batch.outcomes} does, but judges nothing alone. */
  candidates(): Candidate[] {
    this.#lookLast();
    const found = this.#tensors.bestPoints();
    const logits = this.#mode === "leave" ? this.#lookAtBest() : undefined;
    const places = new Map(this.#rows.map((entry, row) => [entry, row]));
    return this.#entries.map((entry) => {
      const { best: norm, witness, image, steps, forwards, backwards } = entry;
      const row = norm < Infinity ? places.get(entry) : undefined;
      const point = witness?.image ?? (row === undefined ? image : found[row]!);
      const adversarialClass = logits && row !== undefined ? argMax(logits[row]!) : undefined;
      return { norm, point, adversarialClass, steps, forwards, backwards };
    });
  }

  /** Asks where the best points of a free attack lead to: a forward pass more. */
  #lookAtBest(): Logits[] {
    for (const entry of this.#rows) if (!entry.finished) entry.forwards++;
    return this.#tensors.bestLogits();
  }

  #lookLast(): void {
    const ended = this.#rows.filter(({ finished }) => !finished);
    if (ended.length === 0) return;
    this.#take(this.#tensors.lookLast());
    for (const entry of ended) entry.forwards++;
  }

  /** Disposes the batch's tensors. */
  dispose(): void {
    this.#tensors.dispose();
  }

  /** Takes in what a step has evaluated. */
  #take(evaluation: Evaluation): void {
    const norms = this.#tensors.bestNorms();
    this.#rows.forEach((entry, row) => {
      if (!entry.finished) entry.best = norms[row]!;
    });
    this.#last = { ...evaluation, rows: this.#rows };
  }

  /** Ends the attack on images for which one adversarial point is enough. */
  #finishFound(): void {
    if (!this.#attack.stopsWhenFound) return;
    const found = this.#rows.filter(({ finished, best }) => !finished && best < Infinity);
    if (found.length === 0) return;
    const points = this.#tensors.bestPoints();
    for (const entry of found) this.#finish(entry, points[this.#rows.indexOf(entry)]!);
    this.#compact();
  }

  /** Judges an image's best point alone and, if it stands, ends the attack on it. */
  #finish(entry: Entry, image: Float32Array): void {
    const witness = standing(image, entry, (image) => this.#alone(image));
    entry.best = witness ? distance(witness.image, entry.image, this.#attack.p) : Infinity;
    if (!witness) return;
    entry.witness = witness;
    entry.finished = true;
  }

  #alone(image: Float32Array): Logits {
    return logitsAlone(this.#network, image, this.#shape);
  }

  /** Drops the rows of finished images, as soon as a smaller batch holds the others. */
  #compact(): void {
    const left = this.#rows.flatMap(({ finished }, row) => finished ? [] : [row]);
    const smaller = powerOfTwo(left.length);
    if (left.length === 0 || smaller >= this.#tensors.size) return;
    this.#rows = left.map((row) => this.#rows[row]!);
    this.#tensors.keep(left, smaller);
  }
}
