/**
 * Which attacks look for the smallest norm, in which order, and how the budget is shared. Chosen by
 * measurement on train images: docs/decisions/portfolio.md.
 *
 * @module
 */
import { alma } from "../attacks/alma.ts";
import type { Attack } from "../attacks/attack.ts";
import { brendelBethge } from "../attacks/brendel_bethge.ts";
import { fmn } from "../attacks/fmn.ts";
import { pivots } from "../attacks/pivots.ts";
import { pixelExchange } from "../attacks/pixel_exchange.ts";

/** One attack's turn. */
export interface Stage {
  readonly attack: Attack;
  /** Whether it aims at classes; else it may leave by any. */
  readonly aims: boolean;
  /** Share of the budget. */
  readonly share: number;
  /** How many classes it aims at, most promising first. */
  readonly targets: number;
  /** How much larger than the image's smallest norm that of a promising class may be: a factor. */
  readonly within: number;
  /** Whether it begins at the best point of the class, or at the image. */
  readonly from: "image" | "best";
}

/** The turns in their order; the first one tries all classes. */
export type Portfolio = readonly [scan: Stage, ...Stage[]];

/** The norms that there is a portfolio for. */
const portfolioNorms: readonly number[] = [0, 1, 2, Infinity];

/**
 * The portfolio for a norm.
 *
 * @throws {RangeError} If there is none.
 */
export function portfolioOf(p: number): Portfolio {
  if (!portfolioNorms.includes(p)) {
    throw new RangeError(
      `Cannot look for the smallest norm as p must be 0, 1, 2 or Infinity: current value is ${p}`,
    );
  }
  const scan: Stage = {
    attack: fmn({ p, stepSize: 3 }),
    aims: true,
    share: 0.37,
    targets: Infinity,
    within: Infinity,
    from: "image",
  };
  /** A turn for some classes, from the image; its share is the rest, if it is the last. */
  const wide = (attack: Attack, share: number, targets = 3, within = 1.15): Stage => ({
    attack,
    aims: true,
    share,
    targets,
    within,
    from: "image",
  });
  /** A turn that begins at the best points. */
  const onwards = (...stage: Parameters<typeof wide>): Stage => ({
    ...wide(...stage),
    from: "best",
  });
  if (p === 0) {
    return [scan, onwards(pixelExchange(), 0.33, 4, 1.4), onwards(pixelExchange(), 0.3, 2, 1.1)];
  }
  if (p === 1) {
    return [
      scan,
      onwards(pivots(), 0.23, 4, 1.2),
      onwards(fmn({ p, stepSize: 10 }), 0.17, 3, 1.1),
      onwards(brendelBethge({ p }), 0.23, 1),
    ];
  }
  if (p === 2) {
    return [
      scan,
      wide(alma({ p, smoothing: 0.8, decay: 0.003 }), 0.33),
      wide(alma({ p, smoothing: 0.7, decay: 0.003 }), 0.2, 1),
      onwards(brendelBethge({ p }), 0.1, 1),
    ];
  }
  return [scan, wide(fmn({ p, stepSize: 10 }), 0.3), onwards(fmn({ p, stepSize: 30 }), 0.33, 1)];
}
