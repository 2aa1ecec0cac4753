/**
 * Runs every attack: the loop, the count of passes, the judgement, progress and interruption.
 *
 * @module
 */
import type { Tensor4D } from "../backend.ts";
import type { Classifier } from "../network.ts";
import { median } from "../statistics.ts";
import type { Attack } from "./attack.ts";
import { Batch, type ImageProgress } from "./batch.ts";
import { checkInput, checkNames } from "./check_input.ts";
import { stepper } from "./stepper.ts";

/** Settings of a run that are not the attack's own. */
export interface RunOptions {
  /** Steps at most. @default 500 */
  steps?: number;
  /**
   * Forward plus backward passes of each image at most, those for the clean image and for the last
   * point included; not counted is the judgement alone of what is reported. @default 2000
   */
  maxPasses?: number;
  /** Seed of the random starts: any int32. @default 0 */
  seed?: number;
  /** Number of each image; with the seed it fixes the image's start. @default 0, 1, 2, ... */
  ids?: readonly number[];
  /** True classes to leave; without them the attack leaves the class predicted at first. */
  labels?: readonly number[];
  /** Class to reach, instead of leaving one: the same for all images, or one for each. */
  target?: number | readonly number[];
  /**
   * Class to aim at, one for each image: the attack leaves the reference by way of it, though any
   * class will do in the end.
   */
  aims?: readonly number[];
  /**
   * Where to begin, shape `[n, 28, 28, 1]`, in [0, 1]: adversarial points, for attacks that improve
   * on one. @default the images
   */
  beginnings?: Tensor4D;
  /** Budget of each image, for attacks that take one; in place of that of the attack's settings. */
  epsilons?: readonly number[];
  /** Images attacked together. A result does not depend on it. @default 200 */
  batchSize?: number;
  /** Ends the run with the signal's reason. */
  signal?: AbortSignal;
  /** Called after each step. */
  onStep?: (progress: Progress) => void;
}

/** What was reached so far, and at what cost. */
export interface SoFar {
  /** The smallest norm of each image that was begun, in order; `Infinity` where none was found. */
  norms(): number[];
  /** Forward plus backward passes of all images together. */
  passes(): number;
}

/** How a batch, and those before it, stand after a step; the best points are not yet judged alone. */
export interface Progress extends SoFar {
  /** Steps made: points evaluated for each image, of which the random start is the first. */
  step: number;
  /** Steps at most. */
  steps: number;
  /** Place of the batch's first image among all. */
  first: number;
  /** Share of the steps of all images that are made, in [0, 1]. */
  done: number;
  /** Each image of the batch. */
  readonly images: ImageProgress[];
  /** Median of the smallest norms. */
  median(): number;
}

/** What became of one image. */
export interface Outcome {
  image: number;
  /** Logits of the clean image, and the class predicted for it. */
  logits: number[];
  prediction: number;
  found: boolean;
  /** The norm that the attack measures by. */
  p: number;
  /** The image as it was; pixels in [0, 1]. */
  clean: Float32Array;
  /** Class of the adversarial image, or `null` if none was found. */
  adversarialClass: number | null;
  /** The adversarial image or, if none was found, the last one tried; pixels in [0, 1]. */
  perturbed: Float32Array;
  /** Norm of its perturbation. */
  norm: number;
  /** Confidence of each class for the clean and for the perturbed image. */
  confidences: { clean: number[]; perturbed: number[] };
  /** Steps made until the end of this image's attack. */
  steps: number;
  /** Passes through the network spent on this image. */
  forwards: number;
  backwards: number;
}

/** What an attack made of one image, not yet judged alone: for callers that judge the best of many. */
export interface Candidate {
  /** Norm of the best point, or `Infinity` if none was found. */
  norm: number;
  /** The best point, or the image; pixels in [0, 1]. */
  point: Float32Array;
  /** Its class, if any would do; `undefined` if none was found. */
  adversarialClass: number | undefined;
  steps: number;
  forwards: number;
  backwards: number;
}

/**
 * Attacks images and gives the event loop its turn meanwhile, so that it can be interrupted.
 *
 * @param images Shape `[n, 28, 28, 1]`, in [0, 1].
 * @returns One outcome for each image, in their order.
 * @throws {RangeError} If there are no images, pixels are outside [0, 1], or an option is out of
 *   range.
 * @throws {TypeError} If there is no option of a name.
 * @throws The signal's reason when aborted.
 */
export function runAttack(
  attack: Attack,
  network: Classifier,
  images: Tensor4D,
  options: RunOptions = {},
): Promise<Outcome[]> {
  return drain(attackSteps(attack, network, images, options, (batch) => batch.outcomes()), options);
}

/** {@linkcode runAttack} that leaves the judgement alone to its caller. */
export function runCandidates(
  attack: Attack,
  network: Classifier,
  images: Tensor4D,
  options: RunOptions = {},
): Promise<Candidate[]> {
  return drain(
    attackSteps(attack, network, images, options, (batch) => batch.candidates()),
    options,
  );
}

async function drain<T>(
  steps: Generator<Progress, T[]>,
  { signal, onStep }: RunOptions,
): Promise<T[]> {
  let turn = performance.now();
  try {
    for (;;) {
      signal?.throwIfAborted();
      const { done, value } = steps.next();
      if (done) return value;
      onStep?.(value);
      // A timer's turn costs a millisecond, so not every short step takes one.
      if (performance.now() - turn > 40) {
        await new Promise((resolve) => setTimeout(resolve));
        turn = performance.now();
      }
    }
  } finally {
    steps.return([]);
  }
}

/** {@linkcode runAttack} without a pause, for the REPL: there, a plain call prints its result. */
export function runAttackSync(
  attack: Attack,
  network: Classifier,
  images: Tensor4D,
  options: Omit<RunOptions, "signal"> = {},
): Outcome[] {
  const steps = attackSteps(attack, network, images, options, (batch) => batch.outcomes());
  try {
    for (;;) {
      const { done, value } = steps.next();
      if (done) return value;
      options.onStep?.(value);
    }
  } finally {
    steps.return([]);
  }
}

function* attackSteps<T>(
  attack: Attack,
  network: Classifier,
  images: Tensor4D,
  options: RunOptions,
  end: (batch: Batch) => T[],
): Generator<Progress, T[]> {
  checkNames(options);
  const { batchSize = 200, seed = 0, maxPasses = 2000, aims, labels, epsilons } = options;
  const count = images.shape[0];
  const ids = options.ids ?? Array.from({ length: count }, (_, i) => i);
  const { steps: atMost = 500, beginnings = images, target } = options;
  const targets = aims ?? (typeof target === "number" ? ids.map(() => target) : target);
  checkInput(images, network, {
    ...options,
    ids,
    targets,
    steps: atMost,
    maxPasses,
    batchSize,
    seed,
  });
  const mode = aims ? "aim" : targets ? "reach" : "leave";
  const { passes: { forwards, backwards } } = stepper(attack, network, mode);
  // The clean image and where the last step led to need a pass each.
  const affordable = Math.floor((maxPasses - 2) / Math.max(1, forwards + backwards));
  const steps = Math.min(atMost, affordable);
  const results: T[] = [];
  const before: { norms: number[]; passes: number } = { norms: [], passes: 0 };
  for (let first = 0; first < count; first += batchSize) {
    const part = <T>(values: readonly T[]) => values.slice(first, first + batchSize);
    const batch = new Batch(attack, network, {
      images,
      beginnings,
      first,
      ids: part(ids),
      labels: labels && part(labels),
      targets: targets && part(targets),
      mode,
      epsilons: epsilons && part(epsilons),
      seed,
      steps,
    });
    const norms = () => [...before.norms, ...batch.norms];
    const passes = () => before.passes + batch.passes;
    try {
      batch.judgeClean();
      for (let step = 1; step <= steps && !batch.finished; step++) {
        batch.step();
        yield {
          step,
          steps,
          first,
          done: (first + Math.min(batchSize, count - first) * step / steps) / count,
          get images() {
            return batch.progress();
          },
          norms,
          passes,
          median: () => median(norms()),
        };
      }
      results.push(...end(batch));
      before.norms.push(...batch.norms);
      before.passes += batch.passes;
    } finally {
      batch.dispose();
    }
  }
  return results;
}
