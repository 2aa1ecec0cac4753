/**
 * One step of an attack, ready to be run: it asks the network on the attack's behalf, and keeps the
 * best of what was evaluated.
 *
 * @module
 */
import { type Tensor, type Tensor1D, type Tensor2D, type Tensor4D, tf } from "../backend.ts";
import { compile } from "../compile.ts";
import type { Classifier } from "../network.ts";
import type { Attack, Mode, Oracle, Problem, State } from "./attack.ts";
import { type Best, better, type Evaluated } from "./best.ts";
import { differentiate } from "./differentiate.ts";

/** Forward and backward passes of each image in one step. */
export interface Passes {
  forwards: number;
  backwards: number;
}

/** The tensors of a problem: what steps take besides the state. */
export type ProblemTensors = Pick<Problem, "images" | "references" | "targets">;

/** All that changes from step to step. */
export type Standing = { state: State; best: Best };

/** A standing of its own, made of tensors that may be others' or occur twice. */
export const copied = ({ state, best }: Standing): Standing => ({
  state: Object.fromEntries(
    Object.entries(state).map(([name, one]) => [name, one.clone()]),
  ) as unknown as State,
  best: { norm: best.norm.clone(), point: best.point.clone() },
});

/** All tensors of a standing. */
export const tensorsOf = (
  { state, best }: Standing,
): Tensor[] => [...Object.values(state), best.norm, best.point];

/** What became of a step: the next standing, and the point evaluated last. */
export type Stepped = Standing & { last: { norm: Tensor1D; logits: Tensor2D } };

/** A step as the driver runs it, with the passes that one costs. */
export interface Stepper {
  /** Makes a step. The caller disposes what it gives. */
  run(problem: ProblemTensors, standing: Standing): Stepped;
  passes: Passes;
}

/** Steppers by the state of the network that they were made for, then by what they do. */
const remembered = new WeakMap<object, Map<string, Stepper>>();

/**
 * Makes an attack's step on a network ready to be run over and over, on batches of any size; one
 * that was made before for the same step and weights serves again.
 */
export function stepper(attack: Attack, network: Classifier, mode: Mode): Stepper {
  const steppers = remembered.get(network.revision) ?? new Map<string, Stepper>();
  remembered.set(network.revision, steppers);
  const key = `${attack.graph}, ${mode}`;
  const step = steppers.get(key) ?? makeStepper(attack, network, mode);
  steppers.set(key, step);
  return step;
}

function makeStepper(attack: Attack, network: Classifier, mode: Mode): Stepper {
  const step = (tensors: ProblemTensors, { state, best }: Standing): Stepped => {
    const problem = { ...tensors, mode };
    const recorder = new Recorder(network);
    const next = attack.step(state, problem, recorder);
    let last: Tensor1D | undefined;
    for (const evaluated of recorder.evaluated) {
      ({ best, norm: last } = better(best, evaluated, problem, attack.p));
    }
    const logits = recorder.evaluated.at(-1)?.logits;
    if (!last || !logits) throw new Error(`Cannot run ${attack.name} as its step asks nothing`);
    return { state: next, best, last: { norm: last, logits: logits.clone() } };
  };
  const run = compile(step, { name: `a step of ${attack.name}` });
  return {
    // Sorted, as another order of names would be another graph.
    run: (problem, { state, best }) => run(problem, { state: sorted(state), best }),
    passes: countPasses(attack, network.classes, mode),
  };
}

/** Counts what a step asks for, before any is made: an oracle that knows nothing counts the questions. */
function countPasses(attack: Attack, classes: number, mode: Mode): Passes {
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
    const zero: Tensor1D = tf.zeros([1], "int32");
    const problem = { images, references: zero, targets: zero, mode };
    const uniform = () => tf.zerosLike(images);
    attack.step(
      attack.start(problem, { point: images, epsilon: undefined, uniform, steps: 1 }),
      problem,
      oracle,
    );
  });
  return passes;
}

function sorted(state: State): State {
  const entries = Object.entries(state);
  return Object.fromEntries(entries.sort(([a], [b]) => a < b ? -1 : 1)) as unknown as State;
}

/** Asks the network on the attack's behalf, and remembers each point and the answer. */
class Recorder implements Oracle {
  readonly evaluated: Evaluated[] = [];
  readonly #network: Classifier;

  constructor(network: Classifier) {
    this.#network = network;
  }

  logits(point: Tensor4D): Tensor2D {
    const logits = this.#network.logits(point);
    this.evaluated.push({ point, logits });
    return logits;
  }

  gradient(
    point: Tensor4D,
    loss: (logits: Tensor2D) => Tensor1D,
  ): { logits: Tensor2D; gradient: Tensor4D } {
    const { logits, gradient } = differentiate(this.#network, point, loss);
    this.evaluated.push({ point, logits });
    return { logits, gradient };
  }
}
