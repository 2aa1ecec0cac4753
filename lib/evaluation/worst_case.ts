/**
 * What all attacks together leave of a protection: the worst case of each image, and how far to trust
 * it.
 *
 * @module
 */
import { abstention } from "../attacks/judge.ts";
import type { ResultRow } from "../results.ts";
import { median, wilson } from "../statistics.ts";
import { whiteBoxes } from "./white_boxes.ts";

/** What is taken of a row. */
export type AttackRow =
  & Pick<ResultRow, "network" | "image" | "p" | "attack" | "minNorm">
  & Partial<Pick<ResultRow, "prediction">>;

/** The smallest norm of one image in one norm, over all attacks. */
export interface WorstCase {
  network: string;
  image: number;
  p: number;
  /** An upper bound: 0 if misclassified already, `Infinity` if no attack found anything. */
  minNorm: number;
  /** The attack that found it, or `null` where none did or none was needed. */
  attack: string | null;
}

/** An attack held against others, on the images that it and the portfolio were run on. */
export interface Duel {
  attack: string;
  /**
   * What it is held against: the portfolio if it has gradients itself, or if no other attack that
   * has them was run; else, at each image, the best of all that have them.
   */
  against: "portfolio" | "white-box";
  images: number;
  /** Images at which it found a norm smaller by more than 1 %. */
  wins: number;
}

/** Robust accuracy with Wilson's interval of 95 %. */
export interface Robustness {
  epsilon: number;
  /**
   * Share of images that are answered as they are, and whose smallest norm found is greater: an upper
   * bound. A detector that abstains on a clean image does not answer it.
   */
  share: number;
  low: number;
  high: number;
}

/** One network in one norm. */
export interface Cell {
  network: string;
  p: number;
  /**
   * Images that the portfolio was run on, and each attack that is a reason to suspect masking: the
   * figures are over these, as without that attack they would be too large.
   */
  images: number;
  /** Median of the smallest norms. */
  median: number;
  robustness: Robustness[];
  duels: Duel[];
  /** Why masking is suspected; empty where it is not. */
  reasons: string[];
  /** Where the portfolio alone would mislead, though gradients do not: no sign of masking. */
  remarks: string[];
}

/** Something that the evaluation noticed of a network, of those that `checkAttackable` looks into. */
export interface Noticed {
  doubt: string;
  raised: boolean;
  message: string;
}

/** The attack whose images count, and that others with gradients are held against. */
const main = "portfolio";

/** Attacks that descend on the network's own gradients. */
const descending: readonly (string | null)[] = [main, ...[...whiteBoxes.values()].flat()];

/**
 * An attack without them, or by another network's, that wins on more than this share of the images
 * says that gradients mislead; one with them, that the portfolio is weak there.
 */
export const winsTolerated = 0.02;

/** A norm wins by more than this share: attacks end a little beside the same minimum, each by its step. */
const TIE = 0.01;

/** Doubts of the network itself; the others are of the attack that `checkAttackable` examines. */
const damning = [
  "logits-not-finite",
  "logits-constant",
  "outputs-differ",
  "batch-dependent",
  "softmax-outputs",
  "vanished-gradients",
];

/**
 * The smallest norm of each image over all attacks, in the order of the rows.
 *
 * @param rows Of any attacks, networks and norms; several rows of one attack count as well.
 */
export function worstCase(rows: readonly AttackRow[]): WorstCase[] {
  const worst = new Map<string, WorstCase>();
  for (const { network, image, p, attack, minNorm } of rows) {
    const key = `${network} ${p} ${image}`;
    const known = worst.get(key);
    if (known && known.minNorm <= minNorm) continue;
    const credited = minNorm > 0 && minNorm < Infinity;
    // What stands already keeps its place.
    const found = { network, image, p, minNorm, attack: credited ? attack : null };
    if (known) Object.assign(known, found);
    else worst.set(key, found);
  }
  return [...worst.values()];
}

/** Settings of {@linkcode cellsOf}. */
export interface CellOptions {
  /** Budgets by norm. */
  epsilons?: ReadonlyMap<number, readonly number[]>;
  /** By network: what was noticed of it. */
  doubts?: ReadonlyMap<string, readonly Noticed[]>;
}

/**
 * Each network in each norm, in the order of the rows: robust accuracy over the images of the cell,
 * and whether masking is suspected. It is where an attack without gradients,
 * or by another network's, beats all those with gradients on more than 2 % of the images that both
 * were run on, and where a network has raised a doubt that gradients tell anything. Where an attack
 * with gradients beats the portfolio that often, the portfolio is weak there: that is remarked, and
 * no sign of masking.
 *
 * @param rows Those of other attacks at images without a row of the portfolio are left out.
 */
export function cellsOf(
  rows: readonly AttackRow[],
  { epsilons = new Map(), doubts = new Map() }: CellOptions = {},
): Cell[] {
  const groups = Map.groupBy(rows, ({ network, p }) => `${network} ${p}`);
  return [...groups.values()].flatMap((group) => {
    const { network, p } = group[0]!;
    const { told, duels, masked } = examined(group);
    if (told.length === 0) return [];
    const worst = worstCase(told);
    const rejected = new Set(told.filter(isRejected).map(({ image }) => image));
    const norms = worst.map(({ image, minNorm }) => rejected.has(image) ? 0 : minNorm);
    return {
      network,
      p,
      images: worst.length,
      median: median(worst.map(({ minNorm }) => minNorm)),
      robustness: (epsilons.get(p) ?? []).map((epsilon) => robustnessAt(norms, epsilon)),
      duels,
      reasons: [...masked.flatMap(lost), ...(doubts.get(network) ?? []).flatMap(suspicious)],
      remarks: duels.filter(isWhiteBox).flatMap(lost),
    };
  });
}

/**
 * The rows of one network in one norm that its figures are over: those of images that the portfolio
 * was run on, and each attack that is a reason to suspect masking.
 */
export const toldOf = <R extends AttackRow>(rows: readonly R[]): R[] => examined(rows).told;

/** Those rows, the duels of all, and the duels that are a reason to suspect masking. */
function examined<R extends AttackRow>(rows: readonly R[]) {
  const attacked = new Set(rows.filter(isMain).map(({ image }) => image));
  const own = rows.filter(({ image }) => attacked.has(image));
  const duels = duelsOf(own);
  const masked = duels.filter((duel) => !isWhiteBox(duel) && lost(duel).length > 0);
  const tried = masked.map(({ attack }) =>
    new Set(own.filter((row) => row.attack === attack).map(({ image }) => image))
  );
  const told = own.filter(({ image }) => tried.every((images) => images.has(image)));
  return { told, duels, masked };
}

/** Whether a detector abstains on the clean image. */
const isRejected = ({ prediction }: AttackRow): boolean => prediction === abstention;

const isMain = ({ attack }: AttackRow): boolean => attack === main;

const isWhiteBox = ({ attack }: { attack: string | null }): boolean => descending.includes(attack);

/** Robust accuracy, with what chance makes of so many images. */
function robustnessAt(norms: readonly number[], epsilon: number): Robustness {
  const robust = norms.filter((norm) => norm > epsilon).length;
  const [low, high] = wilson(robust, norms.length);
  return { epsilon, share: robust / norms.length, low, high };
}

/** Each other attack against the portfolio, or against all that have gradients. */
function duelsOf(rows: readonly AttackRow[]): Duel[] {
  const bestOf = (some: readonly AttackRow[]) =>
    new Map(worstCase(some).map((row) => [row.image, row.minNorm]));
  const white = rows.filter(isWhiteBox);
  const best = { "portfolio": bestOf(rows.filter(isMain)), "white-box": bestOf(white) };
  const several = !white.every(isMain);
  const others = Map.groupBy(rows.filter((row) => !isMain(row)), ({ attack }) => attack);
  return [...others].map(([attack, own]) => {
    const against = several && !isWhiteBox({ attack }) ? "white-box" : "portfolio";
    const tried = worstCase(own);
    const wins = tried.filter(({ image, minNorm }) =>
      minNorm < best[against].get(image)! * (1 - TIE)
    );
    return { attack, against, images: tried.length, wins: wins.length };
  });
}

const rivals = { "portfolio": "the portfolio", "white-box": "all attacks with gradients" };

const lost = ({ attack, against, images, wins }: Duel): string[] =>
  wins > winsTolerated * images
    ? [`${attack} beats ${rivals[against]} on ${wins} of ${images} images`]
    : [];

const suspicious = ({ doubt, raised, message }: Noticed): string[] =>
  raised && damning.includes(doubt) ? [message] : [];
