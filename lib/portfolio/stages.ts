/**
 * Which attacks look for the smallest norm, in which order, and how the budget is shared. Chosen by
 * measurement on train images: docs/decisions/portfolio.md.
 *
 * @module
 */
import { alma } from "../attacks/alma.ts";
import type { Attack } from "../attacks/attack.ts";
import { fmn } from "../attacks/fmn.ts";
import { pixelExchange } from "../attacks/pixel_exchange.ts";

/** One attack's turn. */
export interface Stage {
  readonly attack: Attack;
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
export const portfolioNorms: readonly number[] = [0, 1, 2, Infinity];

/**
 * The portfolio for a norm.
 *
 * @throws {RangeError} If there is none.
 */
export function portfolioOf(p: number): Portfolio {
  const scan: Stage = {
    attack: fmn({ p, stepSize: 3 }),
    share: 0.37,
    targets: Infinity,
    within: Infinity,
    from: "image",
  };
  const wide: Stage = {
    attack: fmn({ p, stepSize: 10 }),
    share: 0.3,
    targets: 3,
    within: 1.15,
    from: "image",
  };
  if (p === Infinity) return [scan, wide, { ...wide, share: 0.33, targets: 2, within: 1.05 }];
  if (p === 0) {
    const exchange: Stage = {
      attack: pixelExchange(),
      share: 0.3,
      targets: 4,
      within: 1.4,
      from: "best",
    };
    return [scan, exchange, { ...exchange, share: 0.33, targets: 2, within: 1.2 }];
  }
  if (p === 1 || p === 2) {
    const penalty: Stage = { ...wide, attack: alma({ p }) };
    return [scan, penalty, { ...wide, share: 0.33, within: 1.1 }];
  }
  throw new RangeError(
    `Cannot look for the smallest norm as p must be 0, 1, 2 or Infinity: current value is ${p}`,
  );
}
