/**
 * What looks for smallest norms: the portfolio, or one attack by its name.
 *
 * @module
 */
import { assertRegionNorm } from "../attacks/linear_region.ts";
import { attackNamed, runner } from "../attacks/run.ts";
import type { Tensor4D } from "../backend.ts";
import type { Classifier } from "../network.ts";
import { type PortfolioOptions, type PortfolioResult, runPortfolio } from "./run.ts";
import { portfolioOf } from "./stages.ts";

/** Looks for the smallest norms of some images. */
export type Seeker = (
  network: Classifier,
  images: Tensor4D,
  options: PortfolioOptions,
) => Promise<PortfolioResult[]>;

/** What is asked of it. */
export interface Sought {
  p: number;
  /** An attack's name, in place of the portfolio. */
  attack?: string;
  /** Whether the portfolio's points are to be improved on within linear regions. @default false */
  polish?: boolean;
  /** Rounds of an attack whose norms are searched. */
  rounds?: number;
}

/**
 * Gives what looks for the norms.
 *
 * @throws {RangeError} At once, if it can't be meant: a norm that it does not take, an attack that
 *   there is not, a polish of one attack, rounds where no norms are searched.
 */
export function seekerOf({ p, attack, polish = false, rounds }: Sought): Seeker {
  if (polish && attack !== undefined) {
    throw new RangeError(
      `Cannot polish as attack must be left out, which is the portfolio: current value is ${attack}`,
    );
  }
  if (polish) assertRegionNorm(p);
  if (attack === undefined) {
    if (rounds !== undefined) refuseRounds(rounds);
    return portfolio(p);
  }
  return single(attack, p, rounds);
}

function refuseRounds(rounds: number): never {
  throw new RangeError(
    `Cannot attack as rounds must be left out where no norms are searched: ` +
      `current value is ${rounds}`,
  );
}

function portfolio(p: number): Seeker {
  portfolioOf(p); // refuses norms at once
  return (network, images, options) => runPortfolio(network, images, p, options);
}

/** One attack has the whole budget; one within a fixed epsilon searches the smallest. */
function single(name: string, p: number, rounds?: number): Seeker {
  const settings = { p, norm: 1, learningRate: 0.01 };
  const attack = runner(attackNamed(name), settings, { smallest: true });
  if (rounds !== undefined && !attack.searches) refuseRounds(rounds);
  return async (network, images, { polish: _, ...options }) => {
    // Passes are the limit; in a search, steps are those of one round.
    const { maxPasses = 2000 } = options;
    const limits = {
      maxPasses,
      ...(attack.searches ? {} : { steps: maxPasses }),
      ...(rounds !== undefined && { rounds }),
    };
    const outcomes = await attack.run(network, images, { ...options, ...limits });
    return outcomes.map((outcome) => ({
      outcome,
      attack: outcome.found && outcome.norm > 0 ? name : null,
    }));
  };
}
