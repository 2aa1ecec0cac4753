/**
 * What a portfolio knows of one image, and what it does next with it.
 *
 * @module
 */
import type { Outcome } from "../attacks/driver.ts";
import type { Stage } from "./stages.ts";

/** What is known of one image, while the portfolio is at work on it. */
export interface Known {
  /** The image's place among those at work. */
  readonly place: number;
  /** The best outcome or, if nothing was found, the last one. */
  outcome: Outcome;
  /** The attack that found it. */
  attack: string | null;
  /** Classes to aim at, at first in the order of their logits; to reach, if there is a target. */
  readonly targets: readonly number[];
  /** The smallest norm and its point, by class aimed at. */
  readonly norms: Map<number, number>;
  readonly points: Map<number, Float32Array>;
  steps: number;
  forwards: number;
  backwards: number;
}

/** An image to be attacked with its share of a turn. */
export interface Plan {
  /** Classes to aim at. */
  targets: readonly number[];
  /** Steps for each. */
  steps: number;
}

/** Steps that are worth a turn: rather fewer classes than fewer steps. */
const fewestSteps = 10;
/** Longer turns are rounded down to multiples of it, so that more images share a run. */
const roundSteps = 20;

/**
 * What is known of an image before the first turn.
 *
 * @param target Class to reach, if there is one.
 * @param reference Class to leave.
 */
export function startKnown(
  place: number,
  outcome: Outcome,
  target: number | undefined,
  reference = outcome.prediction,
): Known {
  const { logits } = outcome; // as confidences may be 0 for several classes
  const order = [...logits.keys()].sort((a, b) => logits[b]! - logits[a]!);
  return {
    place,
    outcome,
    attack: null,
    targets: target === undefined ? order.filter((one) => one !== reference) : [target],
    norms: new Map(),
    points: new Map(),
    steps: 0,
    forwards: outcome.forwards,
    backwards: outcome.backwards,
  };
}

/** Whether the image was no image to attack: its class is the one to reach, or not its own. */
export const isDone = ({ outcome: { found, norm } }: Known): boolean => found && norm === 0;

/** The smallest norm found, or Infinity. */
export const bestNorm = ({ outcome: { found, norm } }: Known): number => found ? norm : Infinity;

/**
 * How an image takes a turn within what its budget allows; `undefined` if it does not.
 *
 * @param passesOfStep What a step of the turn's attack costs.
 */
export function planTurn(
  known: Known,
  { share, targets: most, within }: Stage,
  { maxPasses, passesOfStep, isLast }: {
    maxPasses: number;
    passesOfStep: number;
    isLast: boolean;
  },
): Plan | undefined {
  const left = maxPasses - known.forwards - known.backwards;
  const allowed = isLast ? left : Math.min(left, Math.floor(share * maxPasses));
  const promising = ranked(known).filter((one) => normAt(known, one) <= within * bestNorm(known))
    .slice(0, most);
  // The clean image and where the last step led to need a pass each.
  const stepsFor = (count: number) => Math.floor((allowed / count - 2) / passesOfStep);
  const affordable = Math.floor(allowed / (fewestSteps * passesOfStep + 2));
  const targets = promising.slice(0, Math.max(1, affordable));
  const steps = stepsFor(targets.length);
  if (targets.length === 0 || steps < 1) return undefined;
  return {
    targets,
    steps: steps > 2 * roundSteps ? steps - steps % roundSteps : steps,
  };
}

const normAt = ({ norms }: Known, target: number): number => norms.get(target) ?? Infinity;

/** Classes, those with the smallest norms first; a sort that keeps the order of equals. */
const ranked = (known: Known): number[] =>
  known.targets.toSorted((a, b) => {
    const [first, second] = [normAt(known, a), normAt(known, b)];
    return first === second ? 0 : first - second;
  });

/** Takes in what an attack that aimed at a class made of the image. */
export function learn(known: Known, target: number, attack: string, outcome: Outcome): void {
  const { found, norm, perturbed } = outcome;
  known.steps += outcome.steps;
  known.forwards += outcome.forwards;
  known.backwards += outcome.backwards;
  if (found && norm < normAt(known, target)) {
    known.norms.set(target, norm);
    known.points.set(target, perturbed);
  }
  if (found ? norm < bestNorm(known) : !known.outcome.found) {
    known.outcome = outcome;
    known.attack = found && norm > 0 ? attack : null;
  }
}
