/**
 * Which attacks a protection has to stand, on which images, with how many passes.
 *
 * @module
 */
import { abstains, pastDetector } from "./abstain.ts";
import { minNorm } from "../minnorm.ts";
import { type Measurement, portfolio } from "../results/measure.ts";
import type { Find } from "./find.ts";
import type { Subject } from "./subject.ts";
import { transferFrom } from "./transfer.ts";
import { whiteBoxes } from "./white_boxes.ts";

/** Images from one number to the one before another. */
export interface ImageRange {
  from: number;
  to: number;
}

/** One attack in one norm. */
export interface Trial {
  measurement: Measurement;
  images: ImageRange;
  find: Find;
}

/** What is asked of an evaluation. */
export interface PlanOptions {
  /** Of 0, 1, 2 and `Infinity`. */
  norms: readonly number[];
  /** Numbers of images in the test split. */
  images: ImageRange;
  /** Images, from the first of these, that black-box attacks are run on as well. */
  blackBox: number;
  /** Forward plus backward passes of each image at most, for attacks with gradients. */
  maxPasses: number;
  seed: number;
}

/** The name of what is carried over from the unprotected network. */
export const transferName = "transfer";

/** Passes of an image for a transfer: most of them make the point, as gradients are to be had there. */
const transferPasses = 200;

/** Passes of an image for an attack without gradients, of which it needs more. */
const blackBoxPasses = 2000;

/** Attacks without gradients, by the norms that they take. */
const blackBoxes: ReadonlyMap<number, readonly string[]> = new Map([
  [0, ["sparse-rs"]],
  [2, ["square", "hop-skip-jump"]],
  [Infinity, ["square", "hop-skip-jump"]],
]);

/**
 * Into how many rounds the passes are shared where an attack's norms are searched. Rounds of 50 steps
 * would leave most of them over: docs/decisions/adaptive-evaluation.md.
 */
const roundsOf: Readonly<Record<string, number>> = {
  ...{ "apgd": 8, "apgd-dlr": 8, "square": 6, "sparse-rs": 6 },
};

/** Searches norms in so many rounds. */
const inRounds = (rounds: number): Find => (network, digits, options) =>
  minNorm(network, digits, { ...options, rounds });

/** The trials of a subject in their order: norm by norm, attacks with gradients first. */
export function trialsOf(
  { classifier, weightsSha256, dataset, plain, through, threshold }: Subject,
  { norms, images, blackBox, maxPasses, seed }: PlanOptions,
): Trial[] {
  const detector = abstains(classifier);
  const shared = { network: classifier, weightsSha256, dataset, subset: "test", seed };
  const some = { from: images.from, to: Math.min(images.to, images.from + blackBox) };
  const protection = { ...(through && { through }), ...(threshold !== undefined && { threshold }) };
  return norms.flatMap((p) => {
    const trial = (
      attack: string,
      { passes, find = minNorm, own = images, settings = {} }: {
        passes: number;
        find?: Find;
        own?: ImageRange;
        settings?: Record<string, string | number>;
      },
    ): Trial => ({
      measurement: {
        ...{ ...shared, p, reference: "label", maxPasses: passes },
        ...(attack !== portfolio && { attack }),
        settings: { ...settings, ...protection },
      },
      images: own,
      find: detector ? pastDetector(find) : find,
    });
    const single = (attack: string, options: { passes: number; own?: ImageRange }): Trial => {
      const rounds = roundsOf[attack];
      return trial(attack, {
        ...options,
        ...(rounds !== undefined && { find: inRounds(rounds), settings: { rounds } }),
      });
    };
    return [
      trial(portfolio, { passes: maxPasses }),
      ...(whiteBoxes.get(p) ?? []).map((attack) => single(attack, { passes: maxPasses })),
      ...(plain
        ? [trial(transferName, {
          passes: transferPasses,
          find: transferFrom(plain.network),
          settings: { source: plain.weightsSha256 },
        })]
        : []),
      ...(blackBox > 0 ? blackBoxes.get(p) ?? [] : []).map((attack) =>
        single(attack, { passes: blackBoxPasses, own: some })
      ),
    ];
  });
}
