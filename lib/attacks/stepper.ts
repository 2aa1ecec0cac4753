/**
 * One step of an attack, ready to be run: it asks the network on the attack's behalf, and remembers
 * each point and the answer.
 *
 * @module
 */
import { type Tensor, type Tensor1D, type Tensor2D, type Tensor4D, tf } from "../backend.ts";
import { compile } from "../compile.ts";
import type { Classifier } from "../network.ts";
import { norm } from "../norms.ts";
import type { Attack, Oracle, State } from "./attack.ts";

/** Tensors by name: what a compiled step takes and gives. */
export type Tensors = Record<string, Tensor>;

/** Forward and backward passes of each image in one step. */
export interface Passes {
  forwards: number;
  backwards: number;
}

/** A step as the driver runs it, with the passes that one costs. */
export interface Stepper {
  /**
   * From `images`, `classes` and the state to the next state and, as `evaluated.<i>.point`,
   * `.logits` and `.norm`, all that was evaluated meanwhile. The caller disposes it.
   */
  run(inputs: Tensors): Tensors;
  passes: Passes;
}

/** Steppers by the state of the network that they were made for, then by what they do. */
const remembered = new WeakMap<object, Map<string, Stepper>>();

/**
 * Makes an attack's step on a network ready to be run over and over, on batches of any size; one
 * that was made before for the same step and weights serves again.
 */
export function stepper(attack: Attack, network: Classifier, targeted: boolean): Stepper {
  const steppers = remembered.get(network.revision) ?? new Map<string, Stepper>();
  remembered.set(network.revision, steppers);
  const key = `${attack.graph}${targeted ? ", targeted" : ""}`;
  const step = steppers.get(key) ?? makeStepper(attack, network, targeted);
  steppers.set(key, step);
  return step;
}

function makeStepper(attack: Attack, network: Classifier, targeted: boolean): Stepper {
  const step = ({ images, classes, ...state }: Tensors): Tensors => {
    const problem = { images: images as Tensor4D, classes: classes as Tensor1D, targeted };
    const recorder = new Recorder(network, attack.p, problem.images);
    const next = attack.step(state as unknown as State, problem, recorder);
    return { ...next, ...recorder.evaluated };
  };
  const run = compile(step, { name: `a step of ${attack.name}` });
  const passes = countPasses(attack, network.classes, targeted);
  // Sorted, as another order of names would be another graph.
  return { run: (inputs) => run(sorted(inputs)), passes };
}

/** Counts what a step asks for, before any is made: an oracle that knows nothing counts the questions. */
function countPasses(attack: Attack, classes: number, targeted: boolean): Passes {
  const passes: Passes = { forwards: 0, backwards: 0 };
  const answer = ({ shape }: Tensor4D): Tensor2D => {
    passes.forwards++;
    return tf.zeros([shape[0], classes]);
  };
  const oracle: Oracle = {
    logits: answer,
    gradient(points) {
      passes.backwards++;
      return { logits: answer(points), gradient: tf.zerosLike(points) };
    },
  };
  tf.tidy(() => {
    const images: Tensor4D = tf.zeros([1, 28, 28, 1]);
    const problem = { images, classes: tf.zeros([1], "int32") as Tensor1D, targeted };
    attack.step(attack.start(problem, () => tf.zerosLike(images), 1), problem, oracle);
  });
  return passes;
}

function sorted(tensors: Tensors): Tensors {
  const entries = Object.entries(tensors);
  return Object.fromEntries(entries.sort(([a], [b]) => a < b ? -1 : 1));
}

/** Asks the network on the attack's behalf, and remembers each point and the answer. */
class Recorder implements Oracle {
  readonly evaluated: Tensors = {};
  #points = 0;
  readonly #network: Classifier;
  readonly #p: number;
  readonly #images: Tensor4D;

  constructor(network: Classifier, p: number, images: Tensor4D) {
    this.#network = network;
    this.#p = p;
    this.#images = images;
  }

  logits(points: Tensor4D): Tensor2D {
    return this.#record(points, this.#network.logits(points));
  }

  gradient(
    points: Tensor4D,
    loss: (logits: Tensor2D) => Tensor1D,
  ): { logits: Tensor2D; gradient: Tensor4D } {
    const { classes } = this.#network;
    // tfjs keeps but one tensor of a differentiated function, so logits and loss leave as one; the
    // gradient asked for is that of the last column.
    const both = (x: Tensor): Tensor => {
      const logits = this.#network.logits(x as Tensor4D);
      return tf.concat([logits, loss(logits).reshape<Tensor2D>([-1, 1])], 1);
    };
    const last = tf.oneHot(tf.fill([points.shape[0]], classes, "int32"), classes + 1);
    const { value, grad } = tf.valueAndGrad(both)(points, last.cast("float32"));
    const logits = (value as Tensor2D).slice([0, 0], [-1, classes]);
    return { logits: this.#record(points, logits), gradient: grad as Tensor4D };
  }

  #record(point: Tensor4D, logits: Tensor2D): Tensor2D {
    const name = `evaluated.${this.#points++}`;
    this.evaluated[`${name}.point`] = point.clone();
    this.evaluated[`${name}.logits`] = logits.clone();
    this.evaluated[`${name}.norm`] = norm(point.sub(this.#images), this.#p);
    return logits;
  }
}
