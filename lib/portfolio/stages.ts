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
import { sigmaZero } from "../attacks/sigma_zero.ts";

/** One attack's turn. */
export interface Stage {
  readonly attack: Attack;
  /** Whether it aims at classes; else it may leave by any. */
  readonly aims: boolean;
  /** Share of its round's budget. */
  readonly share: number;
  /** Share of the image's passes that are its round's budget, with all before. @default 1 */
  readonly until?: number;
  /** How many classes it aims at, most promising first. */
  readonly targets: number;
  /** How much larger than the image's smallest norm that of a promising class may be: a factor. */
  readonly within: number;
  /** Whether it begins at the image, at the best point of the class, or where the last turn led. */
  readonly from: "image" | "best" | "last";
}

/** The turns in their order; the first one tries all classes. */
export type Portfolio = readonly [scan: Stage, ...Stage[]];

/** Goes up when results change, so that tables do not mix those of several portfolios. */
export const portfolioVersion = 2;

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
  const scan = (share: number): Stage => ({
    attack: fmn({ p, stepSize: 3 }),
    aims: true,
    share,
    targets: Infinity,
    within: Infinity,
    from: "image",
  });
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
  /** A turn from the image that leaves by any class. */
  const free = (attack: Attack, share: number): Stage => ({
    ...wide(attack, share, 1, Infinity),
    aims: false,
  });
  if (p === 0) {
    return [
      scan(0.3),
      free(sigmaZero(), 0.15),
      onwards(pixelExchange(), 0.28, 4, 1.4),
      onwards(pixelExchange(), 0.27, 2, 1.1),
    ];
  }
  if (p === 1) {
    return [
      scan(0.25),
      free(fmn({ p }), 0.1),
      free(alma({ p, smoothing: 0.8, decay: 0.003 }), 0.15),
      onwards(pivots(), 0.18, 4, 1.2),
      onwards(fmn({ p, stepSize: 10 }), 0.12, 3, 1.1),
      onwards(brendelBethge({ p }), 0.2, 1),
    ];
  }
  if (p === 2) {
    return [
      scan(0.3),
      free(alma({ p }), 0.2),
      wide(alma({ p, smoothing: 0.8, decay: 0.003 }), 0.25),
      wide(alma({ p, smoothing: 0.7, decay: 0.003 }), 0.15, 1),
      onwards(brendelBethge({ p }), 0.1, 1),
    ];
  }
  return [
    scan(0.37),
    wide(fmn({ p, stepSize: 10 }), 0.3),
    onwards(fmn({ p, stepSize: 30 }), 0.33, 1),
  ];
}
