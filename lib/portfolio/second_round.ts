/**
 * The second round, for large budgets: again and again from near the best point down to another one.
 *
 * @module
 */
import type { Attack, Beginning } from "../attacks/attack.ts";
import { brendelBethge } from "../attacks/brendel_bethge.ts";
import { roll } from "../attacks/dice.ts";
import { fmn } from "../attacks/fmn.ts";
import { type Tensor4D, tf } from "../backend.ts";
import { begun } from "./restarts.ts";
import type { Stage } from "./stages.ts";

/** Budgets from which on there is a second round. */
const largeBudget = 4000;
/** The first round's share of such a budget. */
export const firstRoundShare = 0.5;

/** By how much a kick moves each pixel at most. */
const kickSize = 0.2;
/** Steps of a descent, and then along the boundary. */
const descentSteps = 100;
const boundarySteps = 40;

/**
 * The turns of the second round; none where the budget is not large, and none but for L1, where it
 * was measured.
 *
 * All pixels of the best point are moved a little by chance; FMN descends from there, with long first
 * steps, and Brendel-Bethge goes on from where that led, though it be worse than the best: what counts
 * is that it is another minimum.
 *
 * @param maxPasses Passes of an image at most.
 */
export function secondRoundOf(p: number, maxPasses: number): readonly Stage[] {
  if (p !== 1 || maxPasses < largeBudget) return [];
  const turn = (attack: Attack, steps: number, from: Stage["from"]): Stage => ({
    attack,
    aims: false,
    share: passesOf(steps) / maxPasses,
    targets: 1,
    within: Infinity,
    from,
  });
  const passes = (1 - firstRoundShare) * maxPasses;
  const kicks = Math.round(passes / (passesOf(descentSteps) + passesOf(boundarySteps)));
  return Array.from({ length: kicks }, (_, kick) => [
    turn(begun(fmn({ p, stepSize: 10 }), kicked(kick)), descentSteps, "best"),
    turn(brendelBethge({ p }), boundarySteps, "last"),
  ]).flat();
}

/** What a turn of so many steps takes, with those at its ends; a half, as shares are rounded down. */
const passesOf = (steps: number): number => 2 * steps + 3.5;

/** The best point, each pixel moved by chance; each kick draws other numbers. */
const kicked =
  (kick: number) => ({ images }: { images: Tensor4D }, beginning: Beginning): Tensor4D => {
    const done: Tensor4D = tf.zeros([images.shape[0], 1, 1, 1]);
    const dice = roll({ done, shift: beginning.uniform() }, kick);
    return beginning.point.add(dice.sub(0.5).mul(2 * kickSize));
  };
