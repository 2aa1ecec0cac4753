/**
 * The ways through a portfolio: which stage an image takes in which turn.
 *
 * @module
 */
import { isDone, type Known } from "./known.ts";
import { rescueOf } from "./rescue.ts";
import { restartsOf } from "./restarts.ts";
import { portfolioOf, type Stage } from "./stages.ts";

/** Turns in their order: the scan, the rescue of images on which it found nothing, the others. */
export type Way = readonly [scan: Stage, rescue: Stage, ...others: Stage[]];

/** The rescue's turn. */
const RESCUE = 1;

/** The ways of a norm. */
export interface Ways {
  straight: Way;
  /** That of images where gradients are silent, if they have one of their own. */
  around?: Way;
}

/**
 * The ways through a norm's portfolio.
 *
 * @throws {RangeError} If there is none.
 */
export function waysOf(p: number): Ways {
  const [scan, ...others] = portfolioOf(p);
  const rescue = rescueOf(p);
  const restarts = restartsOf(p);
  const onwards = others.filter(({ from }) => from === "best");
  return {
    straight: [scan, rescue, ...others],
    ...(restarts.length > 0 && { around: [scan, rescue, ...restarts, ...onwards] }),
  };
}

/** The stage that an image takes in a turn: where gradients gain nothing, it is rescued. */
export function stageOf(known: Known, way: Way, turn: number): Stage | undefined {
  const stage = way[turn];
  if (!stage || isDone(known)) return undefined;
  if (turn === RESCUE) return known.best ? undefined : stage;
  // After a rescue, gradients have one turn from what it found.
  return turn > RESCUE + 1 && isRescued(known, way) ? way[RESCUE] : stage;
}

/** Whether the rescue found the best point: nobody else a better one. */
export const isRescued = ({ best }: Known, { [RESCUE]: rescue }: Way): boolean =>
  best?.attack === rescue.attack.name;
