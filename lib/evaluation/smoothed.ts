/**
 * Attacks on smoothed classifiers: an upper bound above what they are certified for.
 *
 * @module
 */
import { type Tensor4D, tf } from "../backend.ts";
import type { Digits } from "../loader.ts";
import { type MinNorm, minNorm } from "../minnorm.ts";
import type { Classifier } from "../network.ts";
import { distance } from "../norms.ts";
import { assertOptions, type Names } from "../options.ts";
import type { CertificateRow } from "../protections/runtime/certificates.ts";
import { lowerBound } from "../protections/runtime/clopper_pearson.ts";
import { smoothedClassifier } from "../protections/runtime/smoothed.ts";
import { type Counter, counterOf, decision } from "../protections/runtime/votes.ts";

/** Settings of {@linkcode smoothedNorms}. */
export interface SmoothedAttackOptions {
  /** Standard deviation of the noise, in pixel units. */
  sigma: number;
  /** The images' numbers. */
  ids: readonly number[];
  /** Noisy copies that the attack sees. @default 16 */
  draws?: number;
  /** Passes of each image at most, each of so many copies. @default 120 */
  maxPasses?: number;
  /** Noisy copies by whose vote a point is judged. @default 1000 */
  votes?: number;
  /** @default 0 */
  seed?: number;
  signal?: AbortSignal;
  /** Called now and then with the share that is done, in [0, 1]. */
  onProgress?: (done: number) => void;
}

const names: Names<SmoothedAttackOptions> = {
  ...{ sigma: true, ids: true, draws: true, maxPasses: true, votes: true, seed: true },
  ...{ signal: true, onProgress: true },
};

/** What was found at the smoothed classifier for one image. */
export interface SmoothedNorm {
  image: number;
  label: number;
  /** L2 norm at which the vote is not for the label: 0 as it is, `Infinity` where none was found. */
  norm: number;
  /** What the attack's perturbation was multiplied by there; 0 is the clean image. */
  factor: number;
  /** The class that the vote decides for there (the clean image if none was found); null: abstains. */
  prediction: number | null;
  /** How many of the votes there are for the label. */
  labelVotes: number;
  /** The 784 pixels there, in [0, 1]; null for the clean image. */
  adversarial: Float32Array | null;
}

/** The vote's border is not where the soft classifier's is: these are tried in turn, 0 first of all. */
export const factors: readonly number[] = [0, 0.8, 0.9, 1, 1.1, 1.25, 1.5, 2];

/** Level of each vote's test. */
export const LEVEL = 0.001;

/** Blocks of draws that a vote may have. */
const BLOCKS = 2 ** 11;
/** Certificates count their streams from 0 upwards; votes here have those from this one to -2. */
const FIRST_STREAM = -(2 ** 31);

/**
 * Looks for small L2 perturbations after which the smoothed classifier no longer answers the label,
 * which is what certified accuracy counts as wrong: it answers another class, or abstains.
 *
 * DDN descends on the mean softmax of fixed noisy copies, then its perturbation, made smaller and
 * larger, is put to a vote (`decision`, at 0.001) of copies that neither the attack nor certificates
 * have seen, fresh ones at each size. Noise depends on the seed, the image's number and the size alone.
 *
 * What is claimed: one vote names a class that is not the most probable one with a probability of 0.001
 * at most; up to eight are taken of an image, so that a find by another class is chance in 0.8 % of
 * images at most. An abstention claims nothing of the kind: it says that so many votes do not tell the
 * first two classes apart, as they may also short of the border. So the norm bounds what this vote
 * withstands; {@linkcode againstCertificates} says which finds speak against a proof.
 *
 * @param digits Images `[n, 28, 28, 1]` and their labels.
 * @throws {RangeError} If votes is no whole number from 1 to 200,000, or an id not below 131,072; and
 *   as `minNorm`.
 * @throws {TypeError} If there is no option of a name.
 * @see Salman et al., "Provably robust deep learning via adversarially trained smoothed classifiers"
 *   (2019), https://arxiv.org/abs/1906.04584
 */
export async function smoothedNorms(
  network: Classifier,
  { images, labels }: Digits,
  options: SmoothedAttackOptions,
): Promise<SmoothedNorm[]> {
  assertOptions(options, names, "attack");
  const settings = { draws: 16, maxPasses: 120, votes: 1000, seed: 0, ...options };
  const { sigma, ids, draws, maxPasses, votes, seed, signal, onProgress } = settings;
  assertVotes(votes, ids);
  const soft = smoothedClassifier(network, { sigma, draws, seed });
  const classes = labels.dataSync();
  const found = await minNorm(soft, { images, labels }, {
    ...{ p: 2, attack: "ddn", maxPasses, seed, ids, ...(signal && { signal }) },
    onProgress: ({ done }) => onProgress?.(0.5 * done),
  });
  const count = counterOf(network, { sigma, seed });
  const norms: SmoothedNorm[] = [];
  for (const [i, outcome] of found.entries()) {
    signal?.throwIfAborted();
    norms.push(nearest(count, outcome, { image: ids[i]!, label: classes[i]!, votes }));
    onProgress?.(0.5 + 0.5 * norms.length / found.length);
    await new Promise((resolve) => setTimeout(resolve));
  }
  return norms;
}

/** The smallest multiple of a perturbation that the vote does not withstand. */
function nearest(count: Counter, { clean, perturbed, found, norm: whole }: MinNorm, of: Ballot) {
  const { image, label } = of;
  const asItIs = voteOn(count, clean, 0, of);
  const unmoved = { image, label, factor: 0, ...asItIs, adversarial: null };
  if (asItIs.prediction !== label) return { ...unmoved, norm: 0 };
  for (const factor of found && whole > 0 ? factors.slice(1) : []) {
    const adversarial = scaled(clean, perturbed, factor);
    const there = voteOn(count, adversarial, factor, of);
    if (there.prediction === label) continue;
    const norm = distance(adversarial, clean, 2);
    return { image, label, norm, factor, ...there, adversarial };
  }
  return { ...unmoved, norm: Infinity };
}

/** Whose vote is taken, and how many have one. */
export type Ballot = Pick<SmoothedNorm, "image" | "label"> & { votes: number };

/** Takes the vote on an image's pixels, which are its perturbation times a factor away. */
export function voteOn(
  count: Counter,
  pixels: Float32Array,
  factor: number,
  { image, label, votes }: Ballot,
): Pick<SmoothedNorm, "prediction" | "labelVotes"> {
  const turn = factors.indexOf(factor);
  const point: Tensor4D = tf.tensor4d(pixels, [1, 28, 28, 1]);
  try {
    const stream = FIRST_STREAM + (image * factors.length + turn) * BLOCKS;
    const counts = count(point, stream, votes);
    return { prediction: decision(counts, LEVEL), labelVotes: counts[label]! };
  } finally {
    point.dispose();
  }
}

/** A perturbation made larger or smaller, cut to the pixel box. */
const scaled = (clean: Float32Array, perturbed: Float32Array, factor: number): Float32Array =>
  clean.map((pixel, i) => Math.min(1, Math.max(0, pixel + factor * (perturbed[i]! - pixel))));

/** By what a certificate and an attack are of the same smoothed classifier and image. */
const shared = ["weightsSha256", "dataset", "subset", "image", "sigma"] as const;

/** An attack that has a certificate; as much of their rows as is asked for. */
export type Attacked =
  & Pick<SmoothedNorm, "label" | "norm" | "labelVotes">
  & Pick<CertificateRow, typeof shared[number] | "network">
  & { votes: number };

/** An image's proof and what attacks found, side by side. */
export interface Bracket {
  network: string;
  sigma: number;
  image: number;
  /** Certified L2 radius: proven, but for a probability of alpha. */
  radius: number;
  /** L2 norm of the smallest find, or `Infinity`. */
  norm: number;
  /** `norm / radius`. */
  ratio: number;
  /** A violation: the find lies within the radius. */
  below: boolean;
  /**
   * Whether, moreover, the votes prove that the label has no majority there, at a level of 0.001 for
   * all sizes of the perturbation together (Bonferroni): then the certificate is one of the share alpha
   * that may be wrong. Where this is false the vote was merely too small to tell.
   */
  refuted: boolean;
}

/**
 * Holds attacks against certificates: those of images certified for their true class, which both have.
 *
 * Of n images, `alpha * n` may be refuted without any fault. An image certified twice has the larger
 * radius.
 *
 * @returns In the order of the attacks.
 */
export function againstCertificates(
  certificates: readonly Omit<CertificateRow, "n0" | "n" | "alpha" | "seed" | "successes">[],
  attacks: readonly Attacked[],
): Bracket[] {
  const keyOf = (row: Pick<CertificateRow, typeof shared[number]>) =>
    JSON.stringify(shared.map((name) => row[name]));
  const proven = certificates.filter(({ prediction, label }) => prediction === label);
  const radii = new Map<string, number>();
  for (const row of proven) {
    radii.set(keyOf(row), Math.max(row.radius, radii.get(keyOf(row)) ?? 0));
  }
  return attacks.flatMap((attack) => {
    const radius = radii.get(keyOf(attack));
    if (radius === undefined) return [];
    const { network, sigma, image, norm, votes, labelVotes } = attack;
    const below = norm < radius;
    const others = lowerBound(votes - labelVotes, votes, LEVEL / factors.length);
    const refuted = below && others > 0.5;
    return { network, sigma, image, radius, norm, ratio: norm / radius, below, refuted };
  });
}

function assertVotes(votes: number, ids: readonly number[]): void {
  const most = 200_000;
  if (!(Number.isInteger(votes) && votes >= 1 && votes <= most)) {
    throw new RangeError(
      `Cannot attack as votes must be a whole number from 1 to ${most}: current value is ${votes}`,
    );
  }
  const end = 2 ** 31 / BLOCKS / factors.length;
  const bad = ids.find((id) => !(Number.isInteger(id) && id >= 0 && id < end));
  if (bad === undefined) return;
  throw new RangeError(
    `Cannot attack as ids must be whole numbers below ${end}: current value is ${bad}`,
  );
}
