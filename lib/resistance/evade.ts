/**
 * Adversarial examples whose maker knows that low resistance gives them away.
 *
 * @module
 */
import { inward } from "../attacks/box.ts";
import { differentiate } from "../attacks/differentiate.ts";
import { type Goals, logOdds } from "../attacks/losses.ts";
import { type Tensor, type Tensor1D, type Tensor4D, tf } from "../backend.ts";
import { compile } from "../compile.ts";
import type { Classifier } from "../network.ts";
import { project, rescale } from "../norms.ts";

/** Settings of {@linkcode evade}. */
export interface EvadeOptions {
  /** L2 norm that each image's perturbation may have. */
  epsilons: readonly number[];
  /** @default 100 */
  steps?: number;
  signal?: AbortSignal | undefined;
}

/** What stays the same; pixels of shape `[batch, 28, 28, 1]`, `epsilons` `[batch, 1, 1, 1]`. */
type Round = { images: Tensor4D; targets: Tensor1D; epsilons: Tensor4D };

/** The first step as a share of epsilon; the last one is next to none. */
const FIRST_STEP = 0.4;

/**
 * Makes examples that lie deep in a class: attacks stop where the class begins, this one goes on
 * climbing on its log-odds as far as the norm allows. What is far from the border resists long.
 *
 * It need not differentiate through the 500 steps of the detector's attack. A game in which the
 * example also withstood the worst blow of a given norm was tried and evades no better.
 *
 * @param images Shape `[n, 28, 28, 1]`, in [0, 1].
 * @param targets The class that each example is to have.
 * @returns Examples, shape `[n, 28, 28, 1]`, in [0, 1] and within their epsilons; whether they are
 *   adversarial is for others to judge. The caller disposes them.
 * @throws {RangeError} If lengths differ or an option is out of range.
 * @throws The signal's reason when aborted.
 * @see Carlini and Wagner, "Adversarial examples are not easily detected" (2017),
 *   https://arxiv.org/abs/1705.07263
 */
export async function evade(
  network: Classifier,
  images: Tensor4D,
  targets: readonly number[],
  { epsilons, steps = 100, signal }: EvadeOptions,
): Promise<Tensor4D> {
  check(images, targets, { epsilons, steps });
  const climb = compile(climbing(network), { name: "a step of the evading example" });
  const budgets = tf.tensor4d([...epsilons], [epsilons.length, 1, 1, 1]);
  const round: Round = { images, targets: tf.tensor1d([...targets], "int32"), epsilons: budgets };
  let point: Tensor4D = images.clone();
  try {
    for (let i = 0; i < steps; i++) {
      signal?.throwIfAborted();
      const before = point;
      point = tf.tidy(() => climb(before, round, tf.scalar(FIRST_STEP * (1 - i / steps))));
      before.dispose();
      if (i % 10 === 9) await new Promise((resolve) => setTimeout(resolve));
    }
    return point.clone();
  } finally {
    tf.dispose([budgets, round.targets, point]);
  }
}

/** A step of a length given as a share of epsilon: a pure function of tensors. */
function climbing(network: Classifier) {
  return (point: Tensor4D, { images, targets, epsilons }: Round, share: Tensor): Tensor4D => {
    const goals: Goals = { references: targets, targets, mode: "reach" };
    const { gradient } = differentiate(network, point, (logits) => logOdds(logits, goals));
    const way = rescale(inward(gradient.neg(), point), 2, epsilons.mul(share));
    const r = project(point.add<Tensor4D>(way).sub(images), 2, epsilons);
    return tf.clipByValue(images.add(r), 0, 1);
  };
}

function check(
  images: Tensor4D,
  targets: readonly number[],
  { epsilons, steps }: { epsilons: readonly number[]; steps: number },
): void {
  const fail = (rule: string, value: unknown) =>
    new RangeError(`Cannot evade as ${rule}: current value is ${value}`);
  const [count] = images.shape;
  if (targets.length !== count) throw fail(`there must be ${count} targets`, targets.length);
  if (epsilons.length !== count) throw fail(`there must be ${count} epsilons`, epsilons.length);
  const bad = epsilons.find((epsilon) => !(epsilon >= 0 && epsilon < Infinity));
  if (bad !== undefined) throw fail("epsilons must be finite and >= 0", bad);
  if (!(Number.isInteger(steps) && steps >= 1)) throw fail("steps must be at least 1", steps);
}
