/**
 * What the driver knows of one image under attack.
 *
 * @module
 */
import type { Tensor4D } from "../backend.ts";
import { argMax } from "../numbers.ts";
import type { Goal, Logits } from "./judge.ts";
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
