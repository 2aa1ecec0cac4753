/**
 * The ways through a portfolio: which stage an image takes in which turn.
 *
 * @module
 */
import { isDone, type Known } from "./known.ts";
import { rescueOf } from "./rescue.ts";
import { restartsOf } from "./restarts.ts";
import { firstRoundShare, secondRoundOf } from "./second_round.ts";
import { portfolioOf, type Stage } from "./stages.ts";

/**
 * Turns in their order: the scan, the rescue of images on which it found nothing, the others; those of
 * the second round, if there is one, at the end.
 */
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
 * @param maxPasses Passes of an image at most.
 * @throws {RangeError} If there is none.
 */
export function waysOf(p: number, maxPasses: number): Ways {
  const second = secondRoundOf(p, maxPasses);
  const first = (stage: Stage): Stage =>
    second.length === 0 ? stage : { ...stage, until: firstRoundShare };
  const [scan, ...others] = portfolioOf(p);
  const begin = [first(scan), first(rescueOf(p))] as const;
  const straight = others.map(first);
  const onwards = straight.filter(({ from }) => from === "best");
  const restarts = restartsOf(p).map(first);
  return {
    straight: [...begin, ...straight, ...second],
    ...(restarts.length > 0 && { around: [...begin, ...restarts, ...onwards, ...second] }),
  };
}

/** What an image may have spent after a turn, and whether the turn takes all that is left of it. */
export function budgetAt(
  way: Way,
  turn: number,
  maxPasses: number,
): { maxPasses: number; isLast: boolean } {
  const untilOf = ({ until = 1 }: Stage) => until;
  const [stage, next] = [way[turn]!, way[turn + 1]];
  return {
    maxPasses: Math.floor(untilOf(stage) * maxPasses),
    isLast: next === undefined || untilOf(next) !== untilOf(stage),
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
