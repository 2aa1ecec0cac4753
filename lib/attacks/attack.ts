/**
 * What an attack is: mathematics over tensors, run by the driver.
 *
 * @module
 */
import type { Tensor, Tensor1D, Tensor2D, Tensor4D } from "../backend.ts";

/**
 * What an attack must do with the reference class and, but for `leave`, with one target class:
 *
 * - `leave`: any class may win but the reference;
 * - `reach`: the target must win;
 * - `aim`: leave the reference by way of the target, whose logit must pass the reference's. Whoever
 *   wins in the end, the reference has lost: so an untargeted attack is steered.
 */
export type Mode = "leave" | "reach" | "aim";

/** What an attack works on. Every tensor has the same leading batch axis, one row an image. */
export interface Problem {
  /** The clean images, shape `[batch, 28, 28, 1]`, in [0, 1]. */
  readonly images: Tensor4D;
  /** The class to leave, shape `[batch]`, int32. */
  readonly references: Tensor1D;
  /** The class to reach or to aim at, shape `[batch]`, int32; without meaning if there is none. */
  readonly targets: Tensor1D;
  readonly mode: Mode;
}

/** Where an attack begins. */
export interface Beginning {
  /**
   * The best adversarial point known, or the clean image where none is; shape
   * `[batch, 28, 28, 1]`. Attacks that begin at the clean image may ignore it.
   */
  readonly point: Tensor4D;
  /**
   * Each image's own budget, shape `[batch, 1, 1, 1]`: whoever attacks within one takes it in place
   * of that of its settings.
   */
  readonly epsilon: Tensor4D | undefined;
  /** How many steps will be made at most, for what changes from step to step. */
  readonly steps: number;
  /**
   * Random numbers uniform in [0, 1), shape `[batch, 28, 28, 1]`, drawn for each image by seed and
   * image number alone: its place in the batch does not matter.
   */
  uniform(): Tensor4D;
}

/**
 * The attack's only way to the network. The driver counts the passes made through it and judges
 * every point that was evaluated, so that no attack can lose its own best.
 */
export interface Oracle {
  /** One forward pass: logits at `points`, shape `[batch, 10]`. */
  logits(points: Tensor4D): Tensor2D;
  /**
   * One forward and one backward pass.
   *
   * @param loss From logits `[batch, 10]` to one number for each image, shape `[batch]`.
   * @returns The logits, and the loss's gradient with respect to `points`.
   */
  gradient(
    points: Tensor4D,
    loss: (logits: Tensor2D) => Tensor1D,
  ): { logits: Tensor2D; gradient: Tensor4D };
}

/**
 * What an attack carries from one step to the next. Rows are independent of each other, so that the
 * driver may gather or split them.
 */
export interface State {
  /** The image that the attack stands at, shape `[batch, 28, 28, 1]`, in [0, 1]. */
  readonly point: Tensor4D;
  readonly [name: string]: Tensor;
}

/** An attack with its settings; `S` is what it remembers. */
export interface Attack<S extends State = State> {
  readonly name: string;
  /**
   * All that `step` depends on besides its arguments, as a text: attacks for which it is the same
   * share their graphs. Settings that users vary belong into the state.
   */
  readonly graph: string;
  /** The norm that it measures perturbations by. */
  readonly p: number;
  /** Whether an image is finished once an adversarial point was found, or may still improve. */
  readonly stopsWhenFound: boolean;
  /** The first state. */
  start(problem: Problem, beginning: Beginning): S;
  /** One step: a pure function of tensors, so that it can be traced into one graph. */
  step(state: S, problem: Problem, oracle: Oracle): S;
}
