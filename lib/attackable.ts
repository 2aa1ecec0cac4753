/**
 * The evaluation examines itself: signs that attacks fail for other reasons than robustness.
 *
 * @module
 */
import type { Attack } from "./attacks/attack.ts";
import { runAttack } from "./attacks/driver.ts";
import { type Goals, logOdds } from "./attacks/losses.ts";
import { pgd } from "./attacks/pgd.ts";
import {
  batchDependence,
  constant,
  notFinite,
  pixelsOutside,
  shareOf,
  softmaxed,
  transfer,
  unsteadiness,
  vanished,
} from "./attacks/soundness.ts";
import { square } from "./attacks/square.ts";
import { type Tensor1D, type Tensor2D, type Tensor4D, tf } from "./backend.ts";
import { type Doubt, type DoubtName, judge } from "./evaluation/doubts.ts";
import type { Digits } from "./loader.ts";
import { crossEntropy } from "./loss.ts";
import type { Classifier } from "./network.ts";
import { assertOptions, type Names } from "./options.ts";

export type { Doubt, DoubtName } from "./evaluation/doubts.ts";

/** Settings of {@linkcode checkAttackable}. */
export interface AttackableOptions {
  /** The attack in L-infinity that is examined. @default PGD */
  attack?: (epsilon: number) => Attack;
  /** What it descends on, from logits to one number for each image. @default the log-odds */
  loss?: (logits: Tensor2D, goals: Goals) => Tensor1D;
  /** Steps of the attack. @default 20 */
  steps?: number;
  /** Adversarial images for another network, made of the same images. */
  transferred?: Tensor4D;
  /** @default 0 */
  seed?: number;
  /** Ends the run with the signal's reason. */
  signal?: AbortSignal;
}

const names: Names<AttackableOptions> = {
  ...{ attack: true, loss: true, steps: true, transferred: true, seed: true, signal: true },
};

/** The budgets tried; the last puts constant grey in reach of all images. */
const epsilons = [0.02, 0.05, 0.1, 0.2, 0.3, 0.5];

/** Steps of the random search. */
const QUERIES = 300;

/**
 * Looks for signs that an attack fails for other reasons than the network's robustness. A hundred
 * images are enough.
 *
 * @param examples Images `[n, 28, 28, 1]`, and their labels.
 * @returns What was measured of each, raised or not. Nothing is said about attacks where images or
 *   logits are fit for none (outside, not finite, others with each call), and about transfer only
 *   with `transferred`.
 * @throws {RangeError} If there are no images, or a setting is out of range.
 * @throws {TypeError} If there is no option of a name.
 * @throws The signal's reason when aborted.
 * @see Carlini et al., "On evaluating adversarial robustness" (2019),
 *   https://arxiv.org/abs/1902.06705
 */
export async function checkAttackable(
  network: Classifier,
  examples: Digits,
  options: AttackableOptions = {},
): Promise<Doubt[]> {
  assertOptions(options, names, "check a network");
  const count = examples.images.shape[0];
  if (count === 0) {
    throw new RangeError(
      `Cannot check a network as there must be images: current value is ${count}`,
    );
  }
  const outputs = checkOutputs(network, examples.images);
  // Nothing can be said of attacks on what is no image, by what is no number, or on what is redrawn
  // with each call: a graph refuses that.
  if (outputs.some(({ doubt, raised }) => raised && unfit.includes(doubt))) return outputs;
  return [
    ...outputs,
    ...checkGradients(network, examples, options.loss ?? logOdds),
    ...await checkAttack(network, examples, options),
  ];
}

const unfit: DoubtName[] = ["pixels-outside", "logits-not-finite", "outputs-differ"];

function checkOutputs(network: Classifier, images: Tensor4D): Doubt[] {
  const logits = network.logits(images);
  try {
    return [
      judge("pixels-outside", pixelsOutside(images)),
      judge("logits-not-finite", notFinite(logits)),
      judge("logits-constant", constant(logits)),
      judge("outputs-differ", unsteadiness(network, images)),
      judge("batch-dependent", batchDependence(network, images)),
      judge("softmax-outputs", softmaxed(logits)),
    ];
  } finally {
    logits.dispose();
  }
}

type Loss = Required<AttackableOptions>["loss"];

function checkGradients(network: Classifier, examples: Digits, loss: Loss): Doubt[] {
  const { labels } = examples;
  const goals: Goals = { references: labels, targets: labels, mode: "leave" };
  const inUse = judge(
    "vanished-gradients",
    vanished(network, examples, (logits) => loss(logits, goals)),
  );
  const ce = judge(
    "vanished-cross-entropy",
    vanished(network, examples, (logits) => crossEntropy(logits, labels)),
  );
  // Where a network is but sure of itself, that harms no attack that descends on something else.
  return [inUse, { ...ce, raised: ce.raised && inUse.raised }];
}

async function checkAttack(
  network: Classifier,
  { images, labels }: Digits,
  { attack = (epsilon) => pgd({ epsilon }), steps = 20, seed = 0, signal, transferred }:
    AttackableOptions,
): Promise<Doubt[]> {
  const classes = [...labels.dataSync()];
  /** Whether an attack finds adversarial images, of all or of those in some places. */
  const hunt = async (attack: Attack, steps: number, ids = [...classes.keys()]) => {
    const some = tf.tidy(() => images.gather(tf.tensor1d(ids, "int32")));
    try {
      const outcomes = await runAttack(attack, network, some, {
        ...{ ids, steps, seed, labels: ids.map((i) => classes[i]!) },
        maxPasses: 10 * steps + 10,
        ...(signal && { signal }),
      });
      return outcomes.map(({ found }) => found);
    } finally {
      some.dispose();
    }
  };
  const curve: boolean[][] = [];
  for (const epsilon of epsilons) curve.push(await hunt(attack(epsilon), steps));
  const left = new Set(classes.filter((_, i) => !curve.at(-1)![i]));
  /** The largest epsilon at which the attack fails; 0 where it never does. */
  const failures = classes.map((_, i) => epsilons.findLast((_, k) => !curve[k]![i]) ?? 0);
  /** Share of images that another attack finds where this one fails. */
  const wins = async (other: (epsilon: number) => Attack, steps: number) => {
    let won = 0;
    for (const epsilon of epsilons) {
      const ids = [...failures.keys()].filter((i) => failures[i] === epsilon);
      if (ids.length === 0) continue;
      won += (await hunt(other(epsilon), steps, ids)).filter(Boolean).length;
    }
    return won / classes.length;
  };
  return [
    judge("success-falls", largestFall(curve.map(shareOf))),
    judge("half-leaves-classes", left.size),
    judge("more-steps-gain", await wins(attack, 10 * steps)),
    judge("black-box-wins", await wins((epsilon) => square({ epsilon }), QUERIES)),
    ...(transferred
      ? [judge("transfer-wins", transfer(network, { images, labels }, transferred, failures))]
      : []),
  ];
}

/** By how much a later share is smaller, at most. */
const largestFall = (shares: number[]): number =>
  Math.max(...shares.map((share, i) => share - Math.min(...shares.slice(i))));
