/**
 * What the driver knows of one image under attack.
 *
 * @module
 */
import type { Tensor4D } from "../backend.ts";
import { distance } from "../norms.ts";
import { argMax } from "../numbers.ts";
import { along } from "./box.ts";
import type { Outcome } from "./driver.ts";
import { type Goal, type Logits, reaches, softmax } from "./judge.ts";
import { rows } from "./rows.ts";

/** What is known of one image. */
export interface Entry {
  id: number;
  goal: Goal;
  image: Float32Array;
  clean: Logits;
  /** The smallest norm that a batch called adversarial. */
  best: number;
  /** Judged alone, and adversarial: what is reported. */
  witness?: { image: Float32Array; logits: Logits };
  finished: boolean;
  steps: number;
  forwards: number;
  backwards: number;
}

/**
 * What is known of the images before the attack.
 *
 * @param images Padded, and so are their logits; the ids are not.
 * @throws {RangeError} If an image already has the class to reach.
 */
export function cleanEntries(
  images: Tensor4D,
  logits: Logits[],
  { ids, labels, targets }: {
    ids: readonly number[];
    labels: readonly number[] | undefined;
    /** Classes to reach. */
    targets: readonly number[] | undefined;
  },
): Entry[] {
  const pixels = rows(images);
  return ids.map((id, row): Entry => {
    const clean = logits[row]!;
    const reference = labels?.[row] ?? argMax(clean);
    const target = targets?.[row];
    if (target === reference) {
      throw new RangeError(
        `Cannot attack as the target must be another class than that of image ${id}: ` +
          `current value is ${target}`,
      );
    }
    return {
      id,
      goal: { reference, target },
      image: pixels[row]!,
      clean,
      best: Infinity,
      finished: false,
      steps: 0,
      forwards: 1,
      backwards: 0,
    };
  });
}

/** The point beyond another, seen from the image, by a share of the way. */
const further = (image: Float32Array, point: Float32Array, share: number): Float32Array =>
  along(image, Float64Array.from(point, (pixel, i) => pixel - image[i]!), 1 + share);

/** By how much a point that does not stand alone is pushed further, until one does. */
const pushes = [1e-4, 1e-3, 0.01, 0.03, 0.1, 0.3, 1];

/**
 * Judges a point alone; if it does not stand, points a little further out.
 *
 * @param alone Gives the logits of one image.
 * @returns The first that stands, and its logits; `undefined` if none does.
 */
export function standing(
  point: Float32Array,
  { image, goal }: Entry,
  alone: (image: Float32Array) => Logits,
): Entry["witness"] {
  for (const push of [0, ...pushes]) {
    const candidate = push === 0 ? point : further(image, point, push);
    const logits = alone(candidate);
    if (reaches(goal, logits)) return { image: candidate, logits };
  }
  return undefined;
}

/**
 * What became of an image.
 *
 * @param tried The point evaluated last, if there is one: reported where none was found.
 * @param alone Gives the logits of one image.
 */
export function outcomeOf(
  { witness, id, image, clean, steps, forwards, backwards }: Entry,
  p: number,
  tried: Float32Array | undefined,
  alone: (image: Float32Array) => Logits,
): Outcome {
  // Where logits are NaN, so are the points that gradients lead to.
  const perturbed = witness?.image ?? (tried?.every(Number.isFinite) ? tried : image);
  const logits = witness?.logits ?? alone(perturbed);
  return {
    image: id,
    p,
    clean: image,
    logits: Array.from(clean),
    prediction: argMax(clean),
    found: witness !== undefined,
    adversarialClass: witness === undefined ? null : argMax(witness.logits),
    perturbed,
    norm: distance(perturbed, image, p),
    confidences: { clean: softmax(clean), perturbed: softmax(logits) },
    steps,
    forwards,
    backwards,
  };
}
