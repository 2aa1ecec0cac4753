/**
 * Runs a portfolio on some images: each attack in its turn, on the classes that are still promising.
 *
 * @module
 */
import { runAttack, runCandidates, type RunOptions, type SoFar } from "../attacks/driver.ts";
import { logitsAlone } from "../attacks/judge.ts";
import { look } from "../attacks/look.ts";
import { stepper } from "../attacks/stepper.ts";
import { type Tensor4D, tf } from "../backend.ts";
import type { Classifier } from "../network.ts";
import { bestNorm, conclude, type Known, learn, planTurn, startKnown } from "./known.ts";
import { assertPolishable, type Concluded, passesOfTurns, polished } from "./polish.ts";
import { areSilent } from "./restarts.ts";
import type { Stage } from "./stages.ts";
import { budgetAt, isRescued, stageOf, type Way, waysOf } from "./ways.ts";

/** Rows attacked together; an image aimed at several classes has several. */
const batchSize = 256;

/** Settings of {@linkcode runPortfolio}: the driver's, those that make sense for many attacks. */
export interface PortfolioOptions
  extends Pick<RunOptions, "ids" | "labels" | "maxPasses" | "seed" | "signal"> {
  target?: number;
  /** Whether the points found are improved on within linear regions. @default false */
  polish?: boolean;
  /** Called now and then, with the share of the work done, in [0, 1]. */
  onProgress?: (progress: SoFar & { done: number }) => void;
}

/**
 * What was found of one image: the best outcome, of which steps and passes are sums, and the attack
 * that found it, or `null` if none did or none was needed.
 */
export type PortfolioResult = Concluded;

/** An image aimed at one class. */
interface Task {
  known: Known;
  target: number;
  /** Its class's place among those of the image. */
  rank: number;
}

/**
 * Looks for the smallest norm with all attacks of the norm's portfolio.
 *
 * @param images Shape `[n, 28, 28, 1]`, in [0, 1]; memory grows with n.
 * @throws {RangeError} If there is no portfolio for `p`, no polish for it though it is asked for, or
 *   an option is out of range.
 * @throws {TypeError} If a polish is asked for and the classifier has no linear regions.
 */
export async function runPortfolio(
  network: Classifier,
  images: Tensor4D,
  p: number,
  options: PortfolioOptions,
): Promise<PortfolioResult[]> {
  const { target, polish = false, onProgress } = options;
  if (polish) assertPolishable(network, p);
  const total = options.maxPasses ?? 2000;
  const maxPasses = polish ? passesOfTurns(total) : total;
  const { straight, around } = waysOf(p, maxPasses);
  const goal = target === undefined ? {} : { target };
  const clean = await runAttack(look(p), network, images, {
    ...driverOptions(options),
    ...goal,
    steps: 1,
    maxPasses,
  });
  const all = clean.map((outcome, place) =>
    startKnown(place, outcome, target, options.labels?.[place])
  );
  const silent = around && areSilent(network, images, all.map(({ reference }) => reference));
  const wayOf = ({ place }: Known): Way => around && silent?.[place] ? around : straight;
  const turns = Math.max(straight.length, around?.length ?? 0);
  for (let turn = 0; turn < turns; turn++) {
    const runs = planRuns(all, network, maxPasses, { wayOf, turn });
    const rows = runs.reduce((sum, { tasks }) => sum + tasks.length, 0);
    let before = 0;
    for (const run of runs) {
      const { tasks } = run;
      await runTasks(run, { network, images, options, wayOf }, (done, underWay) => {
        const share = (before + done * tasks.length) / rows;
        onProgress?.({
          done: (turn + share) / (turns + Number(polish)),
          ...soFar(all, tasks, underWay),
        });
      });
      before += tasks.length;
    }
  }
  const shape = images.shape.slice(1);
  const results: PortfolioResult[] = all.map((known) =>
    conclude(known, (image) => logitsAlone(network, image, shape))
  );
  if (!polish) return results;
  for (const [i, known] of all.entries()) {
    const { signal } = options;
    results[i] = await polished(network, known, results[i]!, { maxPasses: total, signal });
    const done = (turns + (i + 1) / all.length) / (turns + 1);
    onProgress?.({ done, ...reached(results) });
  }
  return results;
}

/** What was found of the images in the end. */
const reached = (results: readonly PortfolioResult[]): SoFar => ({
  norms: () => results.map(({ outcome: { found, norm } }) => found ? norm : Infinity),
  passes: () => results.reduce((sum, { outcome }) => sum + outcome.forwards + outcome.backwards, 0),
});

/** What is known of the images, and what the run under way has found of its tasks. */
const soFar = (
  all: readonly Known[],
  tasks: readonly Task[],
  underWay: SoFar,
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

/** Images that take the same turn for as many steps. */
interface Run {
  stage: Stage;
  steps: number;
  tasks: Task[];
}

/** How the images take a turn. */
function planRuns(
  all: readonly Known[],
  network: Classifier,
  maxPasses: number,
  { wayOf, turn }: { wayOf: (known: Known) => Way; turn: number },
): Run[] {
  const runs: Run[] = [];
  for (const known of all) {
    const way = wayOf(known);
    const stage = stageOf(known, way, turn);
    if (!stage) continue;
    const passesOfStep = costOf(stage, network);
    const plan = planTurn(known, stage, { ...budgetAt(way, turn, maxPasses), passesOfStep });
    if (!plan) continue;
    const { steps } = plan;
    let run = runs.find((one) => one.stage === stage && one.steps === steps);
    if (!run) runs.push(run = { stage, steps, tasks: [] });
    run.tasks.push(...plan.targets.map((target, rank) => ({ known, target, rank })));
  }
  // The most promising class of every image comes first, so that all have a norm soon.
  for (const { tasks } of runs) tasks.sort((a, b) => a.rank - b.rank);
  return runs;
}

/** Passes of a step. */
function costOf({ attack }: Stage, network: Classifier): number {
  const { forwards, backwards } = stepper(attack, network, "leave").passes;
  return forwards + backwards;
}

async function runTasks(
  { stage, steps, tasks }: Run,
  { network, images, options, wayOf }: {
    network: Classifier;
    images: Tensor4D;
    options: PortfolioOptions;
    wayOf: (known: Known) => Way;
  },
  onProgress: (done: number, underWay: SoFar) => void,
): Promise<void> {
  const { attack, aims, from } = stage;
  const places = tasks.map(({ known }) => known.place);
  const { labels, target } = options;
  const rows = tf.tidy(() => images.gather(tf.tensor1d(places, "int32")));
  const beginnings = stack(
    tasks,
    ({ known }) => isRescued(known, wayOf(known)) ? "best" : from,
    images.shape,
  );
  try {
    const candidates = await runCandidates(attack, network, rows, {
      ...driverOptions(options),
      ids: places.map((place) => options.ids?.[place] ?? place),
      ...(labels && { labels: places.map((place) => labels[place]!) }),
      ...(target !== undefined ? { target } : aims && { aims: tasks.map(({ target }) => target) }),
      beginnings,
      steps,
      maxPasses: Infinity,
      batchSize,
      onStep: (soFar) => onProgress(soFar.done, soFar),
    });
    candidates.forEach((candidate, i) => {
      const { known, target } = tasks[i]!;
      learn(known, aims ? target : candidate.adversarialClass, attack.name, candidate);
    });
  } finally {
    tf.dispose([rows, beginnings]);
  }
}

/** Where each task begins: the best point is that of its class, or of any. The caller disposes it. */
function stack(
  tasks: readonly Task[],
  fromOf: (task: Task) => Stage["from"],
  [, ...shape]: readonly number[],
): Tensor4D {
  const pixels = shape.reduce((a, b) => a * b, 1);
  const values = new Float32Array(tasks.length * pixels);
  tasks.forEach((task, i) => {
    const { known: { byClass, best, last, clean: { clean: image } }, target } = task;
    const points = { image, last, best: (byClass.get(target) ?? best)?.point };
    values.set(points[fromOf(task)] ?? image, i * pixels);
  });
  return tf.tensor4d(values, [tasks.length, ...shape] as [number, number, number, number]);
}
