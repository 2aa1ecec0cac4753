/**
 * The tensors of a batch under attack: the problem, the attack's state, and the best points.
 *
 * @module
 */
import { type Tensor, type Tensor4D, tf } from "../backend.ts";
import type { Classifier } from "../network.ts";
import type { Attack, Mode } from "./attack.ts";
import { startBest } from "./best.ts";
import type { Logits } from "./judge.ts";
import { look } from "./look.ts";
import { draws, padded, rows } from "./rows.ts";
import {
  copied,
  type ProblemTensors,
  type Standing,
  type Stepped,
  type Stepper,
  stepper,
  tensorsOf,
} from "./stepper.ts";

/** What tensors are made from; arrays have an element for each image, and are padded. */
export interface Begin {
  attack: Attack;
  network: Classifier;
  mode: Mode;
  /** Shape `[size, 28, 28, 1]`, padded; from then on the tensors' own. */
  images: Tensor4D;
  /** Shape of `images`; stays the caller's. */
  beginnings: Tensor4D;
  ids: readonly number[];
  references: readonly number[];
  targets: readonly number[];
  epsilons: readonly number[] | undefined;
  seed: number;
  steps: number;
}

/** What the network says of the points evaluated last. */
export interface Evaluation {
  norm: Float32Array;
  logits: Logits[];
}

/** Tensors of a batch, owned until {@linkcode BatchTensors.dispose}. */
export class BatchTensors {
  readonly #attack: Attack;
  readonly #network: Classifier;
  readonly #mode: Mode;
  #problem: ProblemTensors;
  #standing: Standing;

  constructor({ attack, network, mode, images, beginnings, ...begin }: Begin) {
    this.#attack = attack;
    this.#network = network;
    this.#mode = mode;
    const [size] = images.shape;
    const column = (classes: readonly number[]) => tf.tensor1d(padded(classes, size), "int32");
    const { references, targets, epsilons, ids, seed, steps } = begin;
    this.#problem = { images, references: column(references), targets: column(targets) };
    this.#standing = tf.tidy(() => {
      const uniform = () => draws(images, ids, seed);
      const epsilon: Tensor4D | undefined = epsilons &&
        tf.tensor4d(padded(epsilons, size), [size, 1, 1, 1]);
      const problem = { ...this.#problem, mode };
      const state = attack.start(problem, { point: beginnings, epsilon, uniform, steps });
      // Copies, as an attack may begin with the images themselves.
      return copied({ state, best: startBest(images) });
    });
  }

  /** Rows, those that pad the batch included. */
  get size(): number {
    return this.#problem.images.shape[0];
  }

  /** Makes a step, and keeps the best of what was evaluated in it. */
  step(): Evaluation {
    return this.#take(this.#stepper(this.#attack).run(this.#problem, this.#standing));
  }

  /** Evaluates where the last step led to. */
  lookLast(): Evaluation {
    const { state: { point }, best } = this.#standing;
    return this.#take(this.#look({ state: { point }, best }));
  }

  /** Logits of each row's best point. */
  bestLogits(): Logits[] {
    const { best } = this.#standing;
    const looked = this.#look({ state: { point: best.point }, best });
    tf.dispose(tensorsOf(looked));
    return evaluation(looked).logits;
  }

  /** The smallest adversarial norm of each row, or Infinity. */
  bestNorms(): Float32Array {
    return this.#standing.best.norm.dataSync() as Float32Array;
  }

  bestPoints(): Float32Array[] {
    return rows(this.#standing.best.point);
  }

  /** The points to be evaluated next. */
  points(): Float32Array[] {
    return rows(this.#standing.state.point);
  }

  /** Keeps some rows, in a batch of another size. */
  keep(places: readonly number[], size: number): void {
    const old = this.#all();
    const at = tf.tensor1d(padded(places, size), "int32");
    const gather = <T extends Record<string, Tensor>>(tensors: T): T =>
      Object.fromEntries(
        Object.entries(tensors).map(([name, one]) => [name, one.gather(at)]),
      ) as T;
    this.#problem = gather(this.#problem);
    const { state, best } = this.#standing;
    this.#standing = { state: gather(state), best: gather(best) };
    tf.dispose([...old, at]);
  }

  dispose(): void {
    tf.dispose(this.#all());
  }

  #all(): Tensor[] {
    return [...Object.values(this.#problem), ...tensorsOf(this.#standing)];
  }

  #stepper(attack: Attack): Stepper {
    return stepper(attack, this.#network, this.#mode);
  }

  #look(standing: Standing): Stepped {
    return this.#stepper(look(this.#attack.p)).run(this.#problem, standing);
  }

  /** Takes over what a step gave. */
  #take(stepped: Stepped): Evaluation {
    tf.dispose(tensorsOf(this.#standing));
    this.#standing = { state: stepped.state, best: stepped.best };
    return evaluation(stepped);
  }
}

/** Reads and disposes what a step says of its last point. */
function evaluation({ last }: Stepped): Evaluation {
  const read = { norm: last.norm.dataSync() as Float32Array, logits: rows(last.logits) };
  tf.dispose([last.norm, last.logits]);
  return read;
}

/**
 * Logits of images, from the graph that also looks at points.
 *
 * @param images Padded.
 */
export function cleanLogits(images: Tensor4D, p: number, network: Classifier): Logits[] {
  const standing = tf.tidy(() => ({ state: { point: images }, best: startBest(images) }));
  const none: Tensor = tf.zeros([images.shape[0]], "int32");
  // Nothing is asked of the best point here, so any classes will do.
  const problem = { images, references: none, targets: none } as ProblemTensors;
  try {
    const looked = stepper(look(p), network, "leave").run(problem, standing);
    tf.dispose(tensorsOf(looked));
    return evaluation(looked).logits;
  } finally {
    tf.dispose([none, standing.best.norm]);
  }
}
