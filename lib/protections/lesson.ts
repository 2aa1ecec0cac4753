/**
 * What a training-time protection is: a change to the images, the loss or the weights of each step of
 * the one trainer.
 *
 * @module
 */
import type { Architecture } from "../architectures.ts";
import type { Tensor, Tensor1D, Tensor2D, Tensor4D } from "../backend.ts";
import type { Classifier } from "../network.ts";
import type { Weights } from "../weights.ts";

/** One step of training, as a protection sees it. Everything happens inside one traced function. */
export interface Lesson {
  readonly architecture: Architecture;
  /** Shape `[batch, 28, 28, 1]`; changed by the protections before this one. */
  readonly images: Tensor4D;
  /** Shape `[batch]`, int32. */
  readonly labels: Tensor1D;
  /** The network as it stands before the step, dropout off, running statistics on. */
  readonly network: Classifier;
  /** Share of the whole training that is done, in [0, 1); a scalar. */
  readonly progress: Tensor;
  /** What random numbers are drawn from, another with each call: `[seed, stream]`, int32. */
  stream(): Tensor1D;
}

/** The network being trained, dropout on, as a function of images. */
export type Answer = (images: Tensor4D) => Tensor2D;

/** A loss: from the network and its weights to a scalar, differentiable in the weights. */
export type Loss = (answer: Answer, weights: Weights) => Tensor;

/**
 * A training-time protection. Each part is optional; what is done outside the losses is no part of
 * the gradient with respect to the weights, so adversarial images are made there.
 */
export interface TrainingProtection {
  /** Its name with all settings, `pgd:linf:0.2`: what tells two trainings apart. */
  readonly spec: string;
  /** Whether it looks for the worst within a ball around the images, and within pixels of [0, 1]. */
  readonly inBall?: boolean;
  /** Standard deviation of the noise that it adds to the images, beyond [0, 1], if it does. */
  readonly sigma?: number;
  /** Changes the images, shape `[batch, 28, 28, 1]`, before the loss. */
  images?(lesson: Lesson): Tensor4D;
  /** Takes the place of the cross-entropy. */
  loss?(lesson: Lesson): Loss;
  /** Is added to the loss. */
  penalty?(lesson: Lesson): Loss;
  /** Share by which weights (no biases) shrink in each step, times the learning rate. */
  readonly decay?: number;
  /** @throws {RangeError} If it can't protect this architecture. */
  check?(architecture: Architecture): void;
}

/**
 * Checks that protections fit together and fit an architecture.
 *
 * Noise after an attack is well meant: the points that it moves to get noise, too. Not so before what
 * keeps to a ball and to [0, 1], as that would clip the noise.
 *
 * @throws {RangeError} If one is there twice, two replace the loss, two look within balls or make
 *   noise, noise would be clipped, or one can't protect it.
 */
export function assertProtections(
  protections: readonly TrainingProtection[],
  architecture: Architecture,
): void {
  const names = protections.map(({ spec }) => spec.split(":")[0]!);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice) throw new RangeError(`Cannot train with ${twice} twice: current value is ${names}`);
  const refuse = (those: readonly TrainingProtection[], why: string) => {
    const together = those.map(({ spec }) => spec).join(" and ");
    throw new RangeError(`Cannot train with ${together} as ${why}`);
  };
  const losses = protections.filter(({ loss }) => loss);
  if (losses.length > 1) refuse(losses, "each replaces the loss: choose one");
  const seeking = protections.filter(({ inBall }) => inBall);
  if (seeking.length > 1) refuse(seeking, "each looks for the worst within a ball: choose one");
  const noisy = protections.filter(({ sigma }) => sigma !== undefined);
  if (noisy.length > 1) refuse(noisy, "each adds noise: choose one");
  const [seeker] = seeking;
  const noise = noisy.find(({ images }) => images);
  // Losses see the images after all changes, wherever they stand in the list.
  const clips = seeker && noise &&
    (seeker.loss || protections.indexOf(seeker) > protections.indexOf(noise));
  if (clips) {
    const remedy = seeker.loss ? "choose one" : "write the noise last";
    refuse([noise, seeker], `the latter would clip the noise to [0, 1]: ${remedy}`);
  }
  for (const { check } of protections) check?.(architecture);
}
