/**
 * Runs a portfolio on some images: each attack in its turn, on the classes that are still promising.
 *
 * @module
 */
import { type Outcome, runAttack, type RunOptions, type SoFar } from "../attacks/driver.ts";
import { look } from "../attacks/look.ts";
import { type Tensor4D, tf } from "../backend.ts";
import type { Classifier } from "../network.ts";
import { bestNorm, isDone, type Known, learn, planTurn, startKnown } from "./known.ts";
import { portfolioOf, type Stage } from "./stages.ts";

/** Rows attacked together; an image aimed at several classes has several. */
export const batchSize = 256;

/** Settings of {@linkcode runPortfolio}: the driver's, those that make sense for many attacks. */
export interface PortfolioOptions
  extends Pick<RunOptions, "ids" | "labels" | "maxPasses" | "seed" | "signal"> {
  target?: number;
  /** Called now and then, with the share of the work done, in [0, 1]. */
  onProgress?: (progress: SoFar & { done: number }) => void;
}

/** What was found of one image. */
export interface PortfolioResult {
  /** The best outcome; steps and passes are sums. */
  outcome: Outcome;
  /** The attack that found it, or `null` if none did or none was needed. */
  attack: string | null;
}

/** An image aimed at one class. */
interface Task {
  known: Known;
  target: number;
}

/**
 * Looks for the smallest norm with all attacks of the norm's portfolio.
 *
 * @param images Shape `[n, 28, 28, 1]`, in [0, 1]; memory grows with n.
 * @throws {RangeError} If there is no portfolio for `p`, or an option is out of range.
 */
export async function runPortfolio(
  network: Classifier,
  images: Tensor4D,
  p: number,
  options: PortfolioOptions,
): Promise<PortfolioResult[]> {
  const { maxPasses = 2000, target, onProgress } = options;
  const portfolio = portfolioOf(p);
  const goal = target === undefined ? {} : { target };
  const clean = await runAttack(look(p), network, images, {
    ...driverOptions(options),
    ...goal,
    steps: 1,
    maxPasses: Math.max(3, maxPasses),
  });
  const all = clean.map((outcome, place) => startKnown(place, outcome, target));
  for (const [turn, stage] of portfolio.entries()) {
    const runs = new Map<number, Task[]>();
    for (const known of all) {
      const isLast = turn === portfolio.length - 1;
      const plan = isDone(known) ? undefined : planTurn(known, stage, maxPasses, isLast);
      if (!plan) continue;
      const tasks = runs.get(plan.steps) ?? [];
      runs.set(plan.steps, tasks);
      tasks.push(...plan.targets.map((target) => ({ known, target })));
    }
    const rows = [...runs.values()].reduce((sum, tasks) => sum + tasks.length, 0);
    let before = 0;
    for (const [steps, tasks] of runs) {
      await runTasks({ stage, steps, tasks, network, images, options }, (done, underWay) => {
        const share = (before + done * tasks.length) / rows;
        onProgress?.({ done: (turn + share) / portfolio.length, ...soFar(all, tasks, underWay) });
      });
      before += tasks.length;
    }
  }
  onProgress?.({ done: 1, ...soFar(all) });
  return all.map(({ outcome, attack, steps, forwards, backwards }) => ({
    outcome: { ...outcome, steps, forwards, backwards },
    attack,
  }));
}

/** What is known of the images, and what the run under way has found of its tasks. */
const soFar = (
  all: readonly Known[],
  tasks: readonly Task[] = [],
  underWay: SoFar = { norms: () => [], passes: () => 0 },
): SoFar => ({
  norms() {
    const best = all.map(bestNorm);
    underWay.norms().forEach((norm, i) => {
      const { place } = tasks[i]!.known;
      best[place] = Math.min(best[place]!, norm);
    });
    return best;
  },
  passes: () =>
    all.reduce((sum, { forwards, backwards }) => sum + forwards + backwards, underWay.passes()),
});

function driverOptions({ ids, labels, seed, signal }: PortfolioOptions): RunOptions {
  return {
    ...(ids && { ids }),
    ...(labels && { labels }),
    ...(seed !== undefined && { seed }),
    ...(signal && { signal }),
  };
}

/** What {@linkcode runTasks} works on. */
interface Turn {
  stage: Stage;
  steps: number;
  tasks: readonly Task[];
  network: Classifier;
  images: Tensor4D;
  options: PortfolioOptions;
}

async function runTasks(
  turn: Turn,
  onProgress: (done: number, underWay: SoFar) => void,
): Promise<void> {
  const { stage: { attack, from }, steps, tasks, network, images, options } = turn;
  const places = tasks.map(({ known }) => known.place);
  const { labels } = options;
  const rows = tf.tidy(() => images.gather(tf.tensor1d(places, "int32")));
  const beginnings = from === "best" ? stack(tasks, images) : undefined;
  const targets = tasks.map(({ target }) => target);
  try {
    const outcomes = await runAttack(attack, network, rows, {
      ...driverOptions(options),
      ids: places.map((place) => options.ids?.[place] ?? place),
      ...(labels && { labels: places.map((place) => labels[place]!) }),
      ...(options.target === undefined ? { aims: targets } : { target: targets }),
      ...(beginnings && { beginnings }),
      steps,
      maxPasses: Infinity,
      batchSize,
      onStep: (soFar) => {
        const { first, step, steps } = soFar;
        onProgress(Math.min(1, (first + batchSize * step / steps) / tasks.length), soFar);
      },
    });
    outcomes.forEach((outcome, i) => {
      const { known, target } = tasks[i]!;
      learn(known, target, attack.name, outcome);
    });
  } finally {
    tf.dispose(rows);
    beginnings?.dispose();
  }
}

/** The best point of each task's class, or of any class, or the image. The caller disposes it. */
function stack(tasks: readonly Task[], images: Tensor4D): Tensor4D {
  const [, ...shape] = images.shape;
  const pixels = shape.reduce((a, b) => a * b, 1);
  const values = new Float32Array(tasks.length * pixels);
  tasks.forEach(({ known: { points, outcome }, target }, i) => {
    const any = outcome.found ? outcome.perturbed : outcome.clean;
    values.set(points.get(target) ?? any, i * pixels);
  });
  return tf.tensor4d(values, [tasks.length, ...shape]);
}
