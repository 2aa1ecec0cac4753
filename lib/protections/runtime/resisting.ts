/**
 * Detection by resistance, and the report's adversarial correction.
 *
 * @module
 */
import { type Resistance, resistances } from "../../attacks/resistance.ts";
import type { Tensor4D } from "../../backend.ts";
import type { Classifier } from "../../network.ts";
import type { Answerer } from "./answers.ts";

/** The resistances that can be judged by. */
export type ResistanceName = "resN" | "resMax" | "resMin";

/** Settings of {@linkcode resistanceDetector}. */
export interface ResistanceSettings {
  /** The resistance below which an image is suspect, from clean images: see `thresholdBelow`. */
  threshold: number;
  /** What suspect images get: no answer, or the class that the second attack reaches. @default "abstain" */
  suspect?: "abstain" | "correct";
  /** @default "resN" */
  by?: ResistanceName;
  /** Steps of the second attack. @default 500 */
  steps?: number;
}

/**
 * Rejects, or answers otherwise, images that resist the school's second attack less than clean images
 * do. It runs that attack on every image: hundreds of passes for an answer.
 *
 * It is no differentiable function, so it has no logits. An attack that knows of it stays within the
 * norm that clean images have, or goes on until its own image resists.
 *
 * @throws {RangeError} If the threshold is not > 0.
 * @see the school report that the lab takes up, "adversarial correction"
 */
export function resistanceDetector(
  network: Classifier,
  { threshold, suspect = "abstain", by = "resN", steps = 500 }: ResistanceSettings,
): Answerer {
  if (!(threshold > 0)) {
    throw new RangeError(
      `Cannot detect by resistance as the threshold must be > 0: current value is ${threshold}`,
    );
  }
  const correct = suspect === "correct";
  return {
    name: `${network.name}+${correct ? "correction" : "resistance"}`,
    async answer(images: Tensor4D, options = {}) {
      const found = await resistances(network, images, { ...options, steps });
      return found.map((one) =>
        one[by] >= threshold ? one.prediction : correct ? one.lastClass : null
      );
    },
  };
}

/** What {@linkcode resistanceDetector} judges by, for images to calibrate it on. */
export async function resistanceScores(
  network: Classifier,
  images: Tensor4D,
  { by = "resN", ...options }: {
    by?: ResistanceName;
    steps?: number;
    signal?: AbortSignal;
    onProgress?: (done: number) => void;
  } = {},
): Promise<number[]> {
  const found: Resistance[] = await resistances(network, images, options);
  return found.map((one) => one[by]);
}
