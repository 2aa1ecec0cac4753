/**
 * The smallest perturbation that survives in a picture file: pixels are multiples of 1/255.
 *
 * @module
 */
import { type Tensor, type Tensor1D, type Tensor2D, type Tensor4D, tf } from "../backend.ts";
import { compile } from "../compile.ts";
import type { Classifier } from "../network.ts";
import { assertP, distance } from "../norms.ts";
import {
  adversarialMargin,
  type Goal,
  logitsAlone,
  marginOf,
  reaches,
  roundingOf,
} from "./judge.ts";
import { type Answer, type Ask, imageOf, type Levels, nearest, search } from "./lattice.ts";
import { improver } from "./lattice_moves.ts";
import { margin } from "./losses.ts";
import { padded, rows } from "./rows.ts";

/** An image and what an attack made of it. */
export interface FloatPoint extends Goal {
  clean: Float32Array;
  perturbed: Float32Array;
  found: boolean;
}

/** What becomes of it in 8 bits. */
export interface EightBit {
  /** Whether the perturbed image, each pixel rounded to the nearest k/255, is adversarial. */
  survives8bit: boolean;
  /** The smallest norm found over adversarial images of such pixels, or Infinity. */
  minNorm8bit: number;
  /** The image of that norm: each pixel is float32 of k/255. */
  image: Float32Array | null;
  /** Passes through the network spent on the image; the judgement alone is not counted. */
  forwards: number;
  backwards: number;
}

/** Settings of {@linkcode minNorm8bit}. */
export interface EightBitOptions {
  /** The norm: 0, or any p >= 1, `Infinity` included. */
  p: number;
  /** Ends the run with the signal's reason. */
  signal?: AbortSignal;
}

/** Images that search side by side. */
const TOGETHER = 100;

const shape = [28, 28, 1] as const;

/**
 * Looks for the smallest adversarial images whose pixels are multiples of 1/255, as those of an
 * 8-bit PNG are. Each is judged alone. Where the norm that an attack found is far from the smallest,
 * such an image may be the smaller one.
 *
 * @param points Images and adversarial points in [0, 1], 784 pixels each.
 * @returns One result for each point, in their order.
 * @throws {RangeError} If `p` is neither 0 nor >= 1, or pixels are not 784 in [0, 1].
 * @throws The signal's reason when aborted.
 */
export async function minNorm8bit(
  network: Classifier,
  points: readonly FloatPoint[],
  { p, signal }: EightBitOptions,
): Promise<EightBit[]> {
  assertP(p);
  points.forEach(assertPixels);
  const results: EightBit[] = [];
  for (let first = 0; first < points.length; first += TOGETHER) {
    const group = points.slice(first, first + TOGETHER);
    const searches = group.map((point) => new Searching(point, p));
    for (let open = searches; open.length > 0; open = open.filter(({ ask }) => ask)) {
      signal?.throwIfAborted();
      const asking = open.flatMap(({ ask, goal }) => ask ? [{ ...ask, goal }] : []);
      const answers = answer(network, asking);
      open.filter(({ ask }) => ask).forEach((one, i) => one.go(answers[i]!));
      await new Promise((resolve) => setTimeout(resolve));
    }
    results.push(...searches.map((one) => one.result(network)));
  }
  return results;
}

function assertPixels({ clean, perturbed }: FloatPoint, i: number): void {
  for (const image of [clean, perturbed]) {
    if (image.length === 784 && image.every((pixel) => pixel >= 0 && pixel <= 1)) continue;
    throw new RangeError(
      `Cannot look for 8-bit images as point ${i} must have 784 pixels in [0, 1]: ` +
        `current value is ${image.length} pixels${image.length === 784 ? ", some outside" : ""}`,
    );
  }
}

/** One image's search, from question to question. */
class Searching {
  /** What it wants to know, until it is done. */
  ask: Ask | undefined;
  readonly goal: Goal;
  #found: Levels[] = [];
  #forwards = 0;
  #backwards = 0;
  readonly #search: ReturnType<typeof search> | undefined;

  constructor(readonly point: FloatPoint, readonly p: number) {
    this.goal = { reference: point.reference, target: point.target };
    if (!point.found) return;
    this.#search = search(point, p, improver(p));
    this.#next(this.#search.next());
  }

  go(answers: Answer[]): void {
    this.#forwards += answers.length;
    if (this.ask!.gradients) this.#backwards += answers.length;
    this.#next(this.#search!.next(answers));
  }

  #next({ done, value }: IteratorResult<Ask, Levels[]>): void {
    this.ask = done ? undefined : value;
    if (done) this.#found = value;
  }

  /** The smallest of its points that stands alone, the attack's own, rounded, among them. */
  result(network: Classifier): EightBit {
    const { point, p, goal } = this;
    const stands = (image: Float32Array) => reaches(goal, logitsAlone(network, image, shape));
    const norm = (image: Float32Array | null) => image ? distance(image, point.clean, p) : Infinity;
    const best = this.#found.toReversed().map(imageOf).find(stands) ?? null;
    const rounded = imageOf(nearest(point.perturbed));
    const survives8bit = point.found && stands(rounded);
    // The search asks for a hair more, as it asks in batches.
    const image = survives8bit && norm(rounded) < norm(best) ? rounded : best;
    return {
      survives8bit,
      minNorm8bit: norm(image),
      image,
      forwards: this.#forwards,
      backwards: this.#backwards,
    };
  }
}

type Asking = Ask & { goal: Goal };

/** Answers all questions together: those after gradients, then the others. */
function answer(network: Classifier, asking: Asking[]): Answer[][] {
  const answers = asking.map((): Answer[] => []);
  for (const gradients of [true, false]) {
    const rows = asking.flatMap((ask, i) =>
      ask.gradients === gradients ? ask.points.map((point) => ({ point, goal: ask.goal, i })) : []
    );
    const all = inBatches(rows, (part) => evaluate(network, part, gradients));
    all.forEach((one, row) => answers[rows[row]!.i]!.push(one));
  }
  return answers;
}

/** Few sizes of batches, so that their graphs are soon there: full ones, then small ones. */
function inBatches<T, R>(all: readonly T[], run: (part: T[]) => R[]): R[] {
  const results: R[] = [];
  for (let first = 0; first < all.length;) {
    const left = all.length - first;
    const size = left > 64 ? 128 : 16;
    const part = all.slice(first, first + size);
    results.push(...run(padded(part, size)).slice(0, part.length));
    first += size;
  }
  return results;
}

type Row = { point: Levels; goal: Goal };

/** Gaps of points, and their gradients if wanted. */
function evaluate(network: Classifier, part: Row[], gradients: boolean): Answer[] {
  const pixels = new Float32Array(part.length * 784);
  part.forEach(({ point }, row) => pixels.set(imageOf(point), row * 784));
  const ask = asker(network);
  let [values, steep]: Float32Array[][] = [[], []];
  tf.tidy(() => {
    const images = tf.tensor4d(pixels, [part.length, ...shape]);
    if (!gradients) {
      values = rows(ask.logits(images));
      return;
    }
    const classes = (of: (goal: Goal) => number): Tensor1D =>
      tf.tensor1d(part.map(({ goal }) => of(goal)), "int32");
    const { logits, slopes } = ask.slopes(
      images,
      classes(({ reference }) => reference),
      classes(({ reference, target }) => target ?? reference),
    );
    [values, steep] = [rows(logits), rows(slopes)];
  });
  return part.map(({ goal }, row): Answer => {
    const gap = gapOf(values![row]!, goal);
    return gradients ? { gap, gradient: steep![row]! } : { gap };
  });
}

/** What logits lack to reach the goal, in any batch. */
function gapOf(logits: Float32Array, { reference, target }: Goal): number {
  const ahead = target === undefined ? marginOf(logits, reference) : -marginOf(logits, target);
  return ahead + adversarialMargin + roundingOf(logits);
}

/** Compiled questions to a network. */
interface Asker {
  logits(images: Tensor4D): Tensor2D;
  /** Gradients of margins with respect to the images; a target that is the reference is none. */
  slopes(images: Tensor4D, references: Tensor1D, targets: Tensor1D): {
    logits: Tensor2D;
    slopes: Tensor4D;
  };
}

const askers = new WeakMap<object, Asker>();

function asker(network: Classifier): Asker {
  const known = askers.get(network.revision);
  if (known) return known;
  const slopes = (images: Tensor4D, references: Tensor1D, targets: Tensor1D) => {
    const slope = tf.grad((x: Tensor) => {
      const logits = network.logits(x as Tensor4D);
      const of = (mode: "leave" | "reach") => margin(logits, { references, targets, mode });
      return tf.where(targets.equal(references), of("leave"), of("reach"));
    });
    return { logits: network.logits(images), slopes: slope(images) as Tensor4D };
  };
  const fresh = {
    logits: compile((images: Tensor4D) => network.logits(images), { name: "8-bit images" }),
    slopes: compile(slopes, { name: "gradients at 8-bit images" }),
  };
  askers.set(network.revision, fresh);
  return fresh;
}
