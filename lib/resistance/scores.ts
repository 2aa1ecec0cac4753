/**
 * Suspicions that an image is misclassified: by its resistances, and by what is simpler.
 *
 * @module
 */
import { assertPositive } from "../numbers.ts";
import { tempered } from "../statistics/calibration.ts";
import type { ResistanceRecord } from "./table.ts";

/** What a suspicion is taken from. */
export type ScoreName = "resN" | "resMax" | "resMin" | "minNorm" | "margin" | "entropy";

/** All scores; the first three are the report's, the others what they must beat. */
export const scoreNames: readonly ScoreName[] = [
  "resN",
  "resMax",
  "resMin",
  "minNorm",
  "margin",
  "entropy",
];

/** The two classes with the largest logits, the largest first. */
export function topTwo(logits: ArrayLike<number>): [first: number, second: number] {
  let [first, second] = logits[1]! > logits[0]! ? [1, 0] : [0, 1];
  for (let i = 2; i < logits.length; i++) {
    if (logits[i]! > logits[first]!) [first, second] = [i, first];
    else if (logits[i]! > logits[second]!) second = i;
  }
  return [first, second];
}

/** The largest logit minus the next one. */
export function predictionMargin(logits: ArrayLike<number>): number {
  const [first, second] = topTwo(logits);
  return logits[first]! - logits[second]!;
}

/** Entropy of the confidences, in nats. */
export function entropyOf(logits: ArrayLike<number>): number {
  return tempered(logits, 1).reduce((sum, c) => c > 0 ? sum - c * Math.log(c) : sum, 0);
}

/** Whether the network is wrong about the image. */
export const isWrong = ({ label, prediction }: ResistanceRecord): boolean => label !== prediction;

/**
 * The suspicion, higher where the image is more likely to be misclassified: small resistances,
 * norms and margins, and a large entropy are suspect.
 *
 * @throws {RangeError} If it is of the smallest norm, and the row has none.
 */
export function suspicion(record: ResistanceRecord, score: ScoreName): number {
  if (score === "entropy") return entropyOf(record.logits);
  if (score === "margin") return -predictionMargin(record.logits);
  const value = record[score];
  if (value !== null) return -value;
  throw new RangeError(
    `Cannot score by minNorm as the table must have it: current value is none for image ` +
      record.image,
  );
}

/**
 * The report's score for a resistance, in [0, 1]: (Res / K) / (1 + Res / K). It rises with the
 * resistance and is 1 where that is infinite; K only says which resistance has the score 1/2.
 *
 * @throws {RangeError} If `scale` is not positive and finite.
 */
export function schoolScore(resistance: number, scale: number): number {
  assertPositive(scale, "K", "score");
  return resistance === Infinity ? 1 : resistance / scale / (1 + resistance / scale);
}
