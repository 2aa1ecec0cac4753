/**
 * The linear-region attack from the images on: short turns of FMN aimed at each class, whose points
 * are then improved on.
 *
 * @module
 */
import { type Tensor4D, tf } from "../../backend.ts";
import type { Classifier } from "../../network.ts";
import type { Attack } from "../attack.ts";
import {
  type Outcome,
  type Progress,
  runAttack,
  runAttackSync,
  type RunOptions,
  type SoFar,
} from "../driver.ts";
import { fmn } from "../fmn.ts";
import { assertRegionNorm, regionsOf } from "../linear_region.ts";
import { look } from "../look.ts";
import { type Examined, polishing } from "./polish.ts";
import { driverOptions, planTurns, targetAt, type Task, tasksOf, turnsShare } from "./turns.ts";

/** Settings of {@linkcode attackRegions}. `steps` are those of a turn at one class, at most. */
export interface RegionAttackOptions
  extends Omit<RunOptions, "target" | "aims" | "beginnings" | "epsilons"> {
  /** Class to reach, instead of leaving one: the same for all images, or one for each. */
  target?: number | readonly number[];
  /** Called now and then with the share of the work that is done, in [0, 1]. */
  onProgress?: (progress: SoFar & { done: number }) => void;
}

/** What makes the points to begin with. @throws {RangeError} If `p` is not 1, 2 or infinity. */
export function regionBeginner(p: number): Attack {
  assertRegionNorm(p);
  return fmn({ p, stepSize: 3 });
}

/**
 * Looks for the smallest norm: a turn of the attack aimed at each class, those most likely first,
 * then the points found are improved on within linear regions, the nearest first.
 *
 * @param attack As {@linkcode regionBeginner} gives it.
 * @param images Shape `[n, 28, 28, 1]`, in [0, 1].
 * @returns One outcome for each image, in their order; steps are those of all turns, and programs.
 * @throws {RangeError} If an option is out of range.
 * @throws {TypeError} If the classifier is no network, or its layers are not piecewise affine.
 * @throws The signal's reason when aborted.
 */
export async function attackRegions(
  attack: Attack,
  network: Classifier,
  images: Tensor4D,
  options: RegionAttackOptions = {},
): Promise<Examined[]> {
  const work = regionSteps(attack, network, images, options);
  let turn = performance.now();
  try {
    for (let next = work.next([]);;) {
      options.signal?.throwIfAborted();
      if (next.done) return next.value;
      if (next.value) {
        const { attack, images, options } = next.value;
        next = work.next(await runAttack(attack, network, images, options));
        continue;
      }
      if (performance.now() - turn > 20) {
        await new Promise((resolve) => setTimeout(resolve));
        turn = performance.now();
      }
      next = work.next([]);
    }
  } finally {
    work.return([]);
  }
}

/** {@linkcode attackRegions} without a pause, for the REPL: there, a plain call prints its result. */
export function attackRegionsSync(
  attack: Attack,
  network: Classifier,
  images: Tensor4D,
  options: Omit<RegionAttackOptions, "signal"> = {},
): Examined[] {
  const work = regionSteps(attack, network, images, options);
  try {
    for (let next = work.next([]);;) {
      if (next.done) return next.value;
      const turn = next.value;
      next = work.next(turn ? runAttackSync(turn.attack, network, turn.images, turn.options) : []);
    }
  } finally {
    work.return([]);
  }
}

/** What the driver is asked to run. */
interface Turn {
  attack: Attack;
  images: Tensor4D;
  options: RunOptions;
}

/** Asks for turns, and between programs for nothing. */
function* regionSteps(
  attack: Attack,
  network: Classifier,
  images: Tensor4D,
  options: RegionAttackOptions,
): Generator<Turn | undefined, Examined[], Outcome[]> {
  regionsOf(network);
  const { maxPasses = 2000, batchSize = 200, labels, target } = options;
  const { onStep: _, onProgress: __, ...same } = options;
  const looking = { attack: look(attack.p), images, options: { ...same, steps: 1 } };
  const results: Examined[] = yield looking;
  const open = results.flatMap(({ found }, place) => found ? [] : [place]);
  const { classes, steps } = planTurns(attack, network, options);
  const report = reporter(results, open.length, options);
  for (let first = 0; first < open.length; first += batchSize) {
    const places = open.slice(first, first + batchSize);
    const tasks = tasksOf(places, results, classes, options);
    const rows = tf.tidy(() =>
      images.gather<Tensor4D>(tf.tensor1d(tasks.map(({ place }) => place), "int32"))
    );
    const onStep = (progress: Progress) => {
      options.onStep?.(progress);
      report(first, places.length, { tasks, progress });
    };
    let found: Outcome[] = [];
    try {
      const turn = { ...driverOptions(tasks, steps, options), onStep };
      if (steps >= 1) found = yield { attack, images: rows, options: turn };
    } finally {
      rows.dispose();
    }
    for (const [i, place] of places.entries()) {
      const own = found.filter((_, row) => tasks[row]!.place === place);
      const best = bestOf(results[place]!, own);
      const goal = {
        reference: labels?.[place] ?? best.prediction,
        target: targetAt(target, place),
      };
      const others = own.filter((one) => one.found && one.perturbed !== best.perturbed)
        .sort((a, b) => a.norm - b.norm).map(({ perturbed }) => perturbed);
      results[place] = yield* polishing(network, best, { goal, others, maxPasses });
      report(first + turnsShare * places.length + (1 - turnsShare) * (i + 1), 0);
    }
  }
  return results;
}

/** The best of an image's turns, or the last if none found anything; steps and passes are sums. */
function bestOf(clean: Outcome, turns: readonly Outcome[]): Outcome {
  const norm = ({ found, norm }: Outcome) => found ? norm : Infinity;
  const best = turns.reduce((a, b) => norm(b) < norm(a) ? b : a, turns[0] ?? clean);
  const sum = (of: (outcome: Outcome) => number) => turns.reduce((a, b) => a + of(b), of(clean));
  return {
    ...best,
    steps: sum(({ steps }) => steps),
    forwards: sum(({ forwards }) => forwards),
    backwards: sum(({ backwards }) => backwards),
  };
}

/**
 * Tells how the attack stands.
 *
 * @param results By place, as far as they are known.
 * @param count Images that are attacked at all.
 */
function reporter(
  results: readonly Outcome[],
  count: number,
  { onProgress }: RegionAttackOptions,
) {
  return (
    before: number,
    size: number,
    underWay?: { tasks: readonly Task[]; progress: Progress },
  ): void => {
    const { tasks = [], progress } = underWay ?? {};
    onProgress?.({
      done: (before + turnsShare * size * (progress?.done ?? 0)) / count,
      norms() {
        const norms = results.map(({ found, norm }) => found ? norm : Infinity);
        progress?.norms().forEach((norm, i) => {
          const { place } = tasks[i]!;
          norms[place] = Math.min(norms[place]!, norm);
        });
        return norms;
      },
      passes: () =>
        results.reduce((sum, one) => sum + one.forwards + one.backwards, progress?.passes() ?? 0),
    });
  };
}
