/**
 * Transfer: what deceives one network is carried on until it deceives another.
 *
 * @module
 */
import type { Attack } from "../attacks/attack.ts";
import { runAttack } from "../attacks/driver.ts";
import { reached } from "../attacks/losses.ts";
import { type Tensor4D, tf } from "../backend.ts";
import { type MinNorm, minNorm } from "../minnorm.ts";
import type { Classifier } from "../network.ts";
import type { Find } from "./find.ts";

type ScalingState = {
  readonly point: Tensor4D;
  readonly perturbation: Tensor4D;
  /** Share of the perturbation that the point has; all shares have shape `[batch, 1, 1, 1]`. */
  readonly share: Tensor4D;
  /** The largest share that failed below the smallest one that succeeded, and that one. */
  readonly low: Tensor4D;
  readonly high: Tensor4D;
};

/** The first share tried. */
const firstShare = 0.5;
/** How shares grow until one succeeds: six doublings, to 32. */
const growth = Math.SQRT2;
/** Thirteen shares to reach 32, and as many to halve what lies between two of them. */
const scalingSteps = 26;

/**
 * Scales a perturbation: the one that leads from the image to `beginning.point`. It grows until the
 * goal is reached, then what lies between failure and success is halved. Costs a forward pass a step.
 *
 * @param p The norm that the driver measures by.
 */
export const scaling = (p: number): Attack<ScalingState> => ({
  name: "transfer",
  graph: `transfer, p ${p}`,
  p,
  stopsWhenFound: false,
  start({ images }, { point }) {
    const perturbation: Tensor4D = point.sub(images);
    const share: Tensor4D = tf.fill([images.shape[0], 1, 1, 1], firstShare);
    return {
      point: scaled(images, perturbation, share),
      perturbation,
      share,
      low: tf.zerosLike(share),
      high: tf.fill(share.shape, Infinity),
    };
  },
  step({ point, perturbation, share, low, high }, problem, oracle) {
    const success = reached(oracle.logits(point), problem);
    const next = { low: tf.where(success, low, share), high: tf.where(success, share, high) };
    const middle = next.low.add<Tensor4D>(next.high).div<Tensor4D>(2);
    const onwards: Tensor4D = tf.where(next.high.less(Infinity), middle, share.mul(growth));
    return {
      ...next,
      point: scaled(problem.images, perturbation, onwards),
      perturbation,
      share: onwards,
    };
  },
});

const scaled = (images: Tensor4D, perturbation: Tensor4D, share: Tensor4D): Tensor4D =>
  tf.clipByValue<Tensor4D>(images.add(perturbation.mul(share)), 0, 1);

/**
 * Looks for adversarial points of another network by the portfolio, with all passes but those of the
 * scaling, and carries them over. Passes through both networks count.
 *
 * @param source The network that the points are made for.
 */
export const transferFrom = (source: Classifier): Find => async (network, digits, options) => {
  const { attack: _, ...rest } = options;
  const { p, maxPasses = 2000, target, ids, seed, signal } = rest;
  const made = await minNorm(source, digits, { ...rest, maxPasses: sourcePasses(maxPasses) });
  const start = performance.now();
  const shape = digits.images.shape;
  const beginnings = tf.tensor4d(
    Float32Array.from(made.flatMap(({ perturbed }) => [...perturbed])),
    shape,
  );
  try {
    const outcomes = await runAttack(scaling(p), network, digits.images, {
      ...{ labels: [...digits.labels.dataSync()], beginnings, steps: scalingSteps },
      ...(ids && { ids }),
      ...(seed !== undefined && { seed }),
      ...(signal && { signal }),
      ...(target !== undefined && { target }),
    });
    const seconds = (performance.now() - start) / 1000 / outcomes.length;
    return outcomes.map((outcome, i): MinNorm => ({
      ...outcome,
      norm: outcome.found ? outcome.norm : Infinity,
      attack: outcome.found && outcome.norm > 0 ? "transfer" : null,
      optimal: null,
      forwards: outcome.forwards + made[i]!.forwards,
      backwards: outcome.backwards + made[i]!.backwards,
      seconds: seconds + made[i]!.seconds,
    }));
  } finally {
    beginnings.dispose();
  }
};

/** Passes for the points; two of the scaling's are for the clean image and the end. */
const sourcePasses = (maxPasses: number): number => Math.max(2, maxPasses - scalingSteps - 2);
