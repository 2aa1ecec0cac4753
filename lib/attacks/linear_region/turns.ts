/**
 * The turns with which the linear-region attack begins: each image aimed at several classes.
 *
 * @module
 */
import type { Classifier } from "../../network.ts";
import type { Attack } from "../attack.ts";
import type { Outcome, RunOptions } from "../driver.ts";
import { stepper } from "../stepper.ts";

/** What of the attack's settings the turns depend on. */
export type TurnOptions = Pick<
  RunOptions,
  "steps" | "maxPasses" | "ids" | "labels" | "target" | "seed" | "signal"
>;

/** An image aimed at one class. */
export interface Task {
  place: number;
  target: number;
}

/** Share of the passes that the turns may take; the rest is for linear regions. */
export const turnsShare = 0.6;

/** Rows that are attacked together. */
const turnBatch = 256;

/** Steps that are worth a turn: rather fewer classes than fewer steps. */
const fewestSteps = 10;
/** The clean image and where the last step led to need a pass each. */
const looks = 2;

/** How many classes each image is aimed at, and by how many steps: none if passes are too few. */
export function planTurns(
  attack: Attack,
  network: Classifier,
  { steps = 500, maxPasses = 2000, target }: TurnOptions,
): { classes: number; steps: number } {
  const { forwards, backwards } = stepper(attack, network, "leave").passes;
  const allowed = turnsShare * maxPasses;
  const affordable = Math.floor(allowed / (fewestSteps * (forwards + backwards) + looks));
  const most = target === undefined ? network.classes - 1 : 1;
  const classes = Math.max(1, Math.min(most, affordable));
  const each = Math.floor((allowed / classes - looks) / (forwards + backwards));
  return { classes, steps: Math.min(steps, each) };
}

/**
 * Images and the classes that they are aimed at, those most likely first.
 *
 * @param clean What became of the images as they are, by place.
 * @param count Classes for each image.
 */
export function tasksOf(
  places: readonly number[],
  clean: readonly Outcome[],
  count: number,
  { labels, target }: TurnOptions,
): Task[] {
  const likely = places.map((place) => {
    const asked = targetAt(target, place);
    if (asked !== undefined) return [asked];
    const { logits, prediction } = clean[place]!;
    const reference = labels?.[place] ?? prediction;
    return [...logits.keys()].filter((one) => one !== reference)
      .sort((a, b) => logits[b]! - logits[a]!);
  });
  return Array.from({ length: count }, (_, rank) => rank).flatMap((rank) =>
    places.map((place, i) => ({ place, target: likely[i]![rank]! }))
  );
}

/** The driver's options for some tasks. */
export function driverOptions(
  tasks: readonly Task[],
  steps: number,
  { ids, labels, seed, signal, target }: TurnOptions,
): RunOptions {
  const targets = tasks.map(({ target }) => target);
  return {
    ids: tasks.map(({ place }) => ids?.[place] ?? place),
    ...(labels && { labels: tasks.map(({ place }) => labels[place]!) }),
    ...(target === undefined ? { aims: targets } : { target: targets }),
    ...(seed !== undefined && { seed }),
    ...(signal && { signal }),
    steps,
    maxPasses: Infinity,
    batchSize: turnBatch,
  };
}

/** The class that an image must reach, if there is one. */
export const targetAt = (target: TurnOptions["target"], place: number): number | undefined =>
  typeof target === "number" ? target : target?.[place];
