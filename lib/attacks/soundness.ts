/**
 * Whether a network is fit to be attacked: its input, its outputs, its gradients.
 *
 * @module
 */
import { type Tensor, type Tensor1D, type Tensor2D, type Tensor4D, tf } from "../backend.ts";
import type { Digits } from "../loader.ts";
import type { Classifier } from "../network.ts";
import { distance } from "../norms.ts";
import { argMax } from "../numbers.ts";
import { reaches } from "./judge.ts";
import { type Goals, margin } from "./losses.ts";
import { rows } from "./rows.ts";

/** Share of images with pixels outside [0, 1], or NaN. */
export const pixelsOutside = (images: Tensor4D): number =>
  shareOf(rows(images).map((image) => !image.every((pixel) => pixel >= 0 && pixel <= 1)));

/** Share of images with logits that are NaN or infinite. */
export const notFinite = (logits: Tensor2D): number =>
  shareOf(rows(logits).map((row) => !row.every(Number.isFinite)));

/** Whether several images all get the same logits, to rounding: 1 or 0. */
export function constant(logits: Tensor2D): number {
  const [first, ...others] = rows(logits);
  const noise = 1e-6 * largest(logits);
  const same = (row: Float32Array) => row.every((z, i) => Math.abs(z - first![i]!) <= noise);
  return Number(others.length > 0 && others.every(same));
}

/** Share of images whose outputs are in [0, 1] and add up to 1, as those of a softmax do. */
export const softmaxed = (logits: Tensor2D): number =>
  shareOf(
    rows(logits).map((row) =>
      row.every((z) => z >= 0 && z <= 1) && Math.abs(row.reduce((a, b) => a + b) - 1) < 1e-3
    ),
  );

/**
 * Largest difference of logits between two calls, as a share of the largest logit. Called eagerly: a
 * graph would hold what was drawn when it was traced.
 */
export function unsteadiness(network: Classifier, images: Tensor4D): number {
  return tf.tidy(() => {
    const [first, second] = [network.logits(images), network.logits(images)];
    return second.sub(first).abs().max().dataSync()[0]! / Math.max(largest(first), 1e-30);
  });
}

/** Share of images whose class is another alone, or beside half of the images, than beside all. */
export function batchDependence(network: Classifier, images: Tensor4D): number {
  const [count] = images.shape;
  const half = Math.ceil(count / 2);
  const classes = (size: number, from: number, to: number) => {
    const found: number[] = [];
    for (let first = from; first < to; first += size) {
      tf.tidy(() => {
        const part = images.slice(first, Math.min(size, to - first));
        found.push(...rows(network.logits(part)).map(undecided));
      });
    }
    return found;
  };
  const together = classes(count, 0, count);
  const others = [classes(half, 0, count), classes(1, 0, Math.min(count, 16))];
  // Where two classes are level, rounding decides.
  const flips = (i: number) =>
    others.some((part) => i < part.length && part[i]! >= 0 && part[i] !== together[i]);
  return shareOf(together.map((own, i) => own >= 0 && flips(i)));
}

/** The class of logits, or -1 where rounding may decide. */
function undecided(logits: Float32Array): number {
  const best = argMax(logits);
  const noise = 1e-5 * Math.abs(logits[best]!);
  return logits.some((z, i) => i !== best && z >= logits[best]! - noise) ? -1 : best;
}

/**
 * Share of images where a loss's gradient vanishes, among those classified rightly: if the loss were
 * linear, going as far as the pixel box allows anywhere would still bring less than a hundredth of
 * what is missing to a tie of two classes. So the scale of logits and losses does not matter.
 *
 * @param loss From logits to one number for each image.
 */
export function vanished(
  network: Classifier,
  { images, labels }: Digits,
  loss: (logits: Tensor2D) => Tensor1D,
): number {
  return tf.tidy(() => {
    const logits = network.logits(images);
    const goals: Goals = { references: labels, targets: labels, mode: "leave" };
    const ahead = margin(logits, goals);
    const own = tf.oneHot(labels, network.classes).cast("float32");
    const tie: Tensor2D = logits.sub(own.mul(ahead.expandDims(1)));
    const missing = loss(logits).sub(loss(tie)).abs();
    const gradient = tf.grad((x: Tensor) => loss(network.logits(x as Tensor4D)))(images);
    const reach = gradient.abs().sum([1, 2, 3]);
    const [right, weak] = [ahead.greater(0), reach.less(missing.mul(0.01))];
    const count = (which: Tensor) => which.cast("float32").sum().dataSync()[0]!;
    return count(right.logicalAnd(weak)) / Math.max(1, count(right));
  });
}

/**
 * Share of images that fall to points made for another network, and no further away in L-infinity
 * than where an attack fails.
 *
 * @param transferred One for each image.
 * @param failures The largest epsilon at which the attack fails on each image.
 * @throws {RangeError} If there is not one point for each image.
 */
export function transfer(
  network: Classifier,
  { images, labels }: Digits,
  transferred: Tensor4D,
  failures: number[],
): number {
  if (String(transferred.shape) !== String(images.shape)) {
    throw new RangeError(
      `Cannot check transfer as transferred must have the images' shape [${images.shape}]: ` +
        `current value is [${transferred.shape}]`,
    );
  }
  const logits = network.logits(transferred);
  const [clean, points, answers] = [rows(images), rows(transferred), rows(logits)];
  logits.dispose();
  const classes = labels.dataSync();
  return shareOf(failures.map((epsilon, i) =>
    reaches({ reference: classes[i]! }, answers[i]!) &&
    distance(points[i]!, clean[i]!, Infinity) <= epsilon
  ));
}

const largest = (logits: Tensor2D): number => tf.tidy(() => logits.abs().max().dataSync()[0]!);

/** Share of those that are true; 0 of none. */
export const shareOf = (which: boolean[]): number =>
  which.filter(Boolean).length / Math.max(1, which.length);
