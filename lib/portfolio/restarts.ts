/**
 * Turns that begin away from the image, for images at which gradients are silent.
 *
 * Networks trained against L-infinity perturbations learn thresholds: at the image the gradient is
 * next to nothing in most pixels, so that attacks which begin there see few ways out (Schott et al.,
 * "Towards the first adversarially robust neural network model on MNIST", 2019,
 * https://arxiv.org/abs/1805.09190). From further away they see more of them.
 *
 * @module
 */
import type { Attack } from "../attacks/attack.ts";
import { differentiate } from "../attacks/differentiate.ts";
import { fmn } from "../attacks/fmn.ts";
import { margin } from "../attacks/losses.ts";
import { padded, roundUp } from "../attacks/rows.ts";
import { type Tensor, type Tensor1D, type Tensor4D, tf } from "../backend.ts";
import { compile } from "../compile.ts";
import type { Classifier } from "../network.ts";
import type { Stage } from "./stages.ts";

/** A pixel is silent where its gradient is at most this share of the largest one. */
const whisper = 1e-3;
/** An image is silent where more of its pixels are. At plain networks 0.21 of them are at most. */
const silentPixels = 0.4;
/** Images asked together. */
const batchSize = 256;

/**
 * Whether most pixels' gradient of the margin is next to nothing, for each image. It is the gradient
 * that the portfolio's scan takes in its first step, and so is counted there.
 *
 * @param images Shape `[n, 28, 28, 1]`.
 * @param references Class to leave, for each image.
 */
export function areSilent(
  network: Classifier,
  images: Tensor4D,
  references: readonly number[],
): boolean[] {
  const share = remembered.get(network.revision) ?? silence(network);
  remembered.set(network.revision, share);
  const found: boolean[] = [];
  while (found.length < references.length) {
    const left = references.length - found.length;
    const places = Array.from({ length: Math.min(left, batchSize) }, (_, i) => found.length + i);
    const rows = padded(places, roundUp(places.length));
    const shares = tf.tidy(() =>
      share(
        images.gather<Tensor4D>(tf.tensor1d(rows, "int32")),
        tf.tensor1d(rows.map((place) => references[place]!), "int32"),
      ).dataSync()
    );
    found.push(...places.map((_, i) => shares[i]! > silentPixels));
  }
  return found;
}

/** The share of silent pixels, by the state of the network that it was compiled for. */
const remembered = new WeakMap<object, ReturnType<typeof silence>>();

/** Compiles the share of silent pixels of each image, shape `[batch]`. */
const silence = (network: Classifier) =>
  compile((points: Tensor4D, classes: Tensor1D) => {
    const goals = { references: classes, targets: classes, mode: "leave" as const };
    const { gradient } = differentiate(network, points, (logits) => margin(logits, goals));
    const size: Tensor = gradient.abs();
    const largest: Tensor = size.max([1, 2, 3], true);
    // Where all gradients are zero, those of other points are as well.
    const silent = size.lessEqual(largest.mul(whisper)).logicalAnd(largest.greater(0));
    return silent.cast<Tensor>("float32").mean<Tensor1D>([1, 2, 3]);
  }, { name: "the share of silent pixels" });

/** The turns that silent images take in place of those from the image. */
export function restartsOf(p: number): readonly Stage[] {
  // The local search at L0 does better from where the scan led.
  if (p === 0) return [];
  const stage = { aims: false, targets: 1, within: Infinity, from: "image" } as const;
  return p === Infinity
    ? [{ ...stage, attack: begun(fmn({ p, stepSize: 3 }), towardsGrey), share: 0.3 }]
    : [{ ...stage, attack: begun(fmn({ p, stepSize: 3 }), amidNoise), share: 0.4 }];
}

type Start = Parameters<Attack["start"]>;

/** The attack, begun elsewhere. */
export const begun = (attack: Attack, where: (...given: Start) => Tensor4D): Attack => ({
  ...attack,
  start: (problem, beginning) => {
    const point: Tensor4D = tf.clipByValue(where(problem, beginning), 0, 1);
    return attack.start(problem, { ...beginning, point });
  },
});

const towardsGrey = ({ images }: Start[0]): Tensor4D =>
  images.add(tf.sub(0.5, images).sign().mul(0.3));

const amidNoise = ({ images }: Start[0], { uniform }: Start[1]): Tensor4D =>
  images.add(uniform().sub(0.5));
