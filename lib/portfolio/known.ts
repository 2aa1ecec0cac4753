/**
 * What a portfolio knows of one image, and what it does next with it.
 *
 * @module
 */
import type { Candidate, Outcome } from "../attacks/driver.ts";
import { outcomeOf, standing } from "../attacks/entry.ts";
import type { Logits } from "../attacks/judge.ts";
import type { Stage } from "./stages.ts";

/** A point that is adversarial in its batch; judged alone only if it is the best in the end. */
export interface Found {
  readonly norm: number;
  readonly point: Float32Array;
  /** The attack that found it. */
  readonly attack: string;
}

/** What is known of one image, while the portfolio is at work on it. */
export interface Known {
  /** The image's place among those at work. */
  readonly place: number;
  /** The clean image, looked at. */
  readonly clean: Outcome;
  /** Class to leave. */
  readonly reference: number;
  /** Class to reach, if there is one. */
  readonly target: number | undefined;
  /** Classes to aim at, at first in the order of their logits; to reach, if there is a target. */
  readonly targets: readonly number[];
  /** The best of all. */
  best: Found | undefined;
  /** The best by class aimed at. */
  readonly byClass: Map<number, Found>;
  /** All that was found, for the polish: what is not the best of its class may lead further. */
  readonly found: Found[];
  /** Where its last turn led. */
  last: Float32Array | undefined;
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
  clean: Outcome,
  target: number | undefined,
  reference = clean.prediction,
): Known {
  const { logits } = clean; // as confidences may be 0 for several classes
  const order = [...logits.keys()].sort((a, b) => logits[b]! - logits[a]!);
  return {
    place,
    clean,
    reference,
    target,
    targets: target === undefined ? order.filter((one) => one !== reference) : [target],
    best: undefined,
    byClass: new Map(),
    found: [],
    last: undefined,
    steps: 0,
    forwards: clean.forwards,
    backwards: clean.backwards,
  };
}

/** Whether the image was no image to attack: its class is the one to reach, or not its own. */
export const isDone = ({ clean: { found, norm } }: Known): boolean => found && norm === 0;

/** The smallest norm found, or Infinity. */
export const bestNorm = (known: Known): number => isDone(known) ? 0 : known.best?.norm ?? Infinity;

/**
 * How an image takes a turn within what its budget allows; `undefined` if it does not.
 *
 * @param maxPasses What the image may have spent in the end.
 * @param passesOfStep What a step of the turn's attack costs.
 * @param isLast Whether the turn takes all that is left.
 */
export function planTurn(
  known: Known,
  { aims, share, targets: most, within }: Stage,
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
  // The clean image and where the last step led to need a pass each, and the class reached, if any
  // will do.
  const looks = aims ? 2 : 3;
  const stepsFor = (count: number) => Math.floor((allowed / count - looks) / passesOfStep);
  const affordable = Math.floor(allowed / (fewestSteps * passesOfStep + looks));
  const targets = promising.slice(0, Math.max(1, affordable));
  const steps = stepsFor(targets.length);
  if (targets.length === 0 || steps < 1) return undefined;
  return {
    targets,
    steps: steps > 2 * roundSteps ? steps - steps % roundSteps : steps,
  };
}

const normAt = ({ byClass }: Known, target: number): number =>
  byClass.get(target)?.norm ?? Infinity;

/** Classes, those with the smallest norms first; a sort that keeps the order of equals. */
const ranked = (known: Known): number[] =>
  known.targets.toSorted((a, b) => {
    const [first, second] = [normAt(known, a), normAt(known, b)];
    return first === second ? 0 : first - second;
  });

/**
 * Takes in what an attack made of the image.
 *
 * @param target Class that it aimed at, or where it led to.
 */
export function learn(
  known: Known,
  target: number | undefined,
  attack: string,
  { norm, point, steps, forwards, backwards }: Candidate,
): void {
  known.steps += steps;
  known.forwards += forwards;
  known.backwards += backwards;
  const found: Found = { norm, point, attack };
  known.last = point;
  if (norm < Infinity) known.found.push(found);
  if (target !== undefined && norm < normAt(known, target)) known.byClass.set(target, found);
  if (norm < bestNorm(known)) known.best = found;
}

/**
 * What became of an image: the best point that stands when it is judged alone. One that does not is
 * pushed further out, which may be farther than the next best.
 *
 * @param alone Gives the logits of one image.
 */
export function conclude(
  known: Known,
  alone: (image: Float32Array) => Logits,
): { outcome: Outcome; attack: string | null } {
  const { clean, best, byClass, reference, target, steps, forwards, backwards } = known;
  const passes = { steps, forwards, backwards };
  if (isDone(known)) return { outcome: { ...clean, ...passes }, attack: null };
  const entry = {
    ...passes,
    id: clean.image,
    goal: { reference, target },
    image: clean.clean,
    clean: clean.logits,
    best: bestNorm(known),
    finished: true,
  };
  let chosen: { outcome: Outcome; attack: string } | undefined;
  const candidates = new Set([...best ? [best] : [], ...byClass.values()]);
  for (const { norm, point, attack } of [...candidates].toSorted((a, b) => a.norm - b.norm)) {
    if (chosen && chosen.outcome.norm <= norm) break;
    const witness = standing(point, entry, alone);
    if (!witness) continue;
    const outcome = outcomeOf({ ...entry, witness }, clean.p, undefined, alone);
    if (!chosen || outcome.norm < chosen.outcome.norm) chosen = { outcome, attack };
  }
  return chosen ?? { outcome: outcomeOf(entry, clean.p, undefined, alone), attack: null };
}
