/**
 * The polish: what attacks found of an image, improved within linear regions.
 *
 * @module
 */
import type { Classifier, Network } from "../../network.ts";
import { argMax } from "../../numbers.ts";
import type { Outcome } from "../driver.ts";
import { type Goal, logitsAlone, reaches, softmax } from "../judge.ts";
import { regionsOf } from "../linear_region.ts";
import { improving } from "./search.ts";

/** An outcome that may say whether its point is the nearest of its linear region. */
export interface Examined extends Outcome {
  /** `null` or absent where that was not looked into. */
  optimal?: boolean | null;
}

/** The name by which the attack signs. */
export const linearRegionName = "linear-region";

/** What a search must be allowed for, to be begun at all. */
const fewestPasses = 4;

/**
 * How many points of an image are improved on, and programs solved for each: with convolutions
 * hundreds of constraints bind, and a program takes up to half a second.
 */
function effort({ architecture: { layers } }: Network, p: number) {
  const isDense = layers.every(({ kind }) => kind !== "conv");
  return { points: isDense ? Infinity : 1, maxPrograms: isDense || p === 1 ? 40 : 4 };
}

/**
 * Improves on the best point of an image, then on others, while the passes last; gives way after
 * each program.
 *
 * @param outcome What was found so far.
 * @param others Points that may be adversarial, too, the most promising first: of other classes, say.
 * @param maxPasses Of the outcome's and the polish's passes together.
 * @returns The outcome, with the best point of all; the programs count as steps.
 * @throws {TypeError} If the classifier is no network, or its layers are not piecewise affine.
 */
export function* polishing(
  classifier: Classifier,
  outcome: Outcome,
  { goal, others, maxPasses }: {
    goal: Goal;
    others: readonly Float32Array[];
    maxPasses: number;
  },
): Generator<undefined, Examined> {
  const { network, net } = regionsOf(classifier);
  const { p, clean } = outcome;
  const logitsOf = (point: Float32Array) =>
    logitsAlone(network, point, network.architecture.inputShape);
  if (!outcome.found || outcome.norm === 0) return outcome;
  const { points, maxPrograms } = effort(network, p);
  const starts = [outcome.perturbed, ...others].slice(0, points);
  let { steps, forwards, backwards } = outcome;
  let best: { point: Float32Array; norm: number; optimal: boolean | null } | undefined;
  for (const point of starts) {
    const left = maxPasses - forwards - backwards;
    if (left < fewestPasses) break;
    if (!reaches(goal, logitsOf(point))) continue;
    const start = { ...goal, image: clean, point };
    const found = yield* improving(network, net, start, p, { maxPrograms, maxPasses: left });
    steps += found.programs;
    forwards += found.forwards;
    backwards += found.backwards;
    if (!best || found.norm < best.norm) best = found;
  }
  const spent = { ...outcome, steps, forwards, backwards };
  if (!best) return { ...spent, optimal: null };
  const { point: perturbed, norm, optimal } = best;
  const logits = logitsOf(perturbed);
  return {
    ...{ ...spent, perturbed, norm, optimal, adversarialClass: argMax(logits) },
    confidences: { clean: outcome.confidences.clean, perturbed: softmax(logits) },
  };
}
