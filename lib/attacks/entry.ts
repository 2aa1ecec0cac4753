/**
 * What the driver knows of one image under attack.
 *
 * @module
 */
import type { Tensor4D } from "../backend.ts";
import { argMax, type Goal, type Logits } from "./judge.ts";
import { rows } from "./rows.ts";

/** A point that reached the goal. */
export interface Witness {
  norm: number;
  image: Float32Array;
  logits: Logits;
  /** Whether the logits are those of a batch of one. */
  alone: boolean;
}

/** What is known of one image. */
export interface Entry {
  id: number;
  goal: Goal;
  image: Float32Array;
  clean: Logits;
  /** The point evaluated last. */
  last: { norm: number; logits: Logits };
  /**
   * The best point at every time, the last one the best of all. A batch judged them; where the
   * attack runs on, they are judged alone when it has ended, as most will be surpassed.
   */
  witnesses: Witness[];
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
  { ids, labels, target }: {
    ids: readonly number[];
    labels: readonly number[] | undefined;
    target: number | undefined;
  },
): Entry[] {
  const pixels = rows(images);
  return ids.map((id, row): Entry => {
    const clean = logits[row]!;
    const reference = labels?.[row] ?? argMax(clean);
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
      last: { norm: 0, logits: clean },
      witnesses: [],
      finished: false,
      steps: 0,
      forwards: 1,
      backwards: 0,
    };
  });
}
