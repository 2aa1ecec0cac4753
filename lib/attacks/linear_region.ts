/**
 * The linear-region attack: the nearest adversarial point of the region around a point, then those
 * of the regions next to it, while that improves.
 *
 * @module
 */
import type { Network } from "../network.ts";
import { distance } from "../norms.ts";
import { argMax } from "../numbers.ts";
import { along } from "./box.ts";
import { adversarialMargin, batchNoise, type Goal, logitsAlone, reaches } from "./judge.ts";
import { type Pattern, PiecewiseAffine } from "./linear_region/affine.ts";
import { nearest } from "./linear_region/nearest.ts";
import { across, type Constraint, Region, type Wanted } from "./linear_region/region.ts";

/** An adversarial point to improve on. */
export interface Start extends Goal {
  /** The clean image, 784 pixels in [0, 1]. */
  image: Float32Array;
  /** A point that reaches the goal; it names the region and the class to begin with. */
  point: Float32Array;
}

/** Settings of {@linkcode linearRegion}. */
export interface LinearRegionOptions {
  /** The norm: 1, 2 or `Infinity`. */
  p: number;
  /** Programs solved for each start at most. @default 40 */
  maxPrograms?: number;
  /** Ends the run with the signal's reason. */
  signal?: AbortSignal;
}

/** What became of one start. */
export interface Improved {
  /** The nearest adversarial point, judged alone; the start's, if none is nearer. */
  point: Float32Array;
  norm: number;
  /** Whether the point is, to rounding, the nearest adversarial one of its linear region. */
  optimal: boolean;
  /** Whether, besides, no region across one of the constraints that hold it back has a nearer one. */
  settled: boolean;
  /** Regions entered after the first. */
  hops: number;
  /** Programs solved. */
  programs: number;
  /** Evaluations of a region's affine map, and rows of it computed. */
  forwards: number;
  backwards: number;
}

/** By how much a point that does not stand alone is pushed further, until one does. */
const pushes = [0, 1e-6, 1e-5, 1e-4, 1e-3];

const networks = new WeakMap<object, PiecewiseAffine>();

/**
 * Improves on adversarial points. Within one pattern of choices (signs at ReLUs, winners of
 * max-pools) the network is affine, so the nearest adversarial point there is the solution of a
 * linear program (L1, L-infinity) or a quadratic one (L2). It mostly lies on the region's border:
 * then the same program is solved in the region across all binding constraints, or across one of
 * them, and so on. Each such region holds the point itself, so no hop makes it worse.
 *
 * Departures from the paper: regions are named by their pattern and not by a point within; hops
 * follow the multipliers and are not random; constraints are added when a solution violates them.
 *
 * @param starts Each is worked on alone.
 * @returns One result for each start.
 * @throws {RangeError} If `p` is none of these, or a point does not reach its goal.
 * @throws {TypeError} If the network's layers are not piecewise affine.
 * @throws The signal's reason when aborted.
 * @see Croce, Rauber and Hein, "Scaling up the randomized gradient-free adversarial attack reveals
 *   overestimation of robustness using established attacks" (2020),
 *   https://arxiv.org/abs/1903.11359
 */
export async function linearRegion(
  network: Network,
  starts: readonly Start[],
  { p, maxPrograms = 40, signal }: LinearRegionOptions,
): Promise<Improved[]> {
  if (![1, 2, Infinity].includes(p)) {
    throw new RangeError(
      `Cannot attack as linear regions need p = 1, 2 or inf: current value is ${p}`,
    );
  }
  const net = networks.get(network.revision) ?? new PiecewiseAffine(network);
  networks.set(network.revision, net);
  const results: Improved[] = [];
  let turn = performance.now();
  for (const start of starts) {
    signal?.throwIfAborted();
    results.push(improve(network, net, start, p, maxPrograms));
    if (performance.now() - turn > 20) {
      await new Promise((resolve) => setTimeout(resolve));
      turn = performance.now();
    }
  }
  return results;
}

function improve(
  network: Network,
  net: PiecewiseAffine,
  start: Start,
  p: number,
  maxPrograms: number,
): Improved {
  const shape = network.architecture.inputShape;
  if (!reaches(start, logitsAlone(network, start.point, shape))) {
    throw new RangeError("Cannot improve on a point as it must reach its goal: this one does not");
  }
  const search = new Search(net, start, p, maxPrograms);
  search.run();
  const { hops, programs, forwards, backwards } = search;
  const count = { hops, programs, forwards, backwards };
  const size = distance(start.point, start.image, p);
  for (const push of pushes) {
    const point = along(start.image, search.perturbation, 1 + push);
    const norm = distance(point, start.image, p);
    if (norm > size * (1 + 1e-6)) break;
    count.forwards++;
    if (!reaches(start, logitsAlone(network, point, shape))) continue;
    const better = norm < size;
    const { optimal, settled } = search;
    return {
      point: better ? point : start.point,
      norm: Math.min(norm, size),
      optimal,
      settled,
      ...count,
    };
  }
  return { point: start.point, norm: size, optimal: false, settled: false, ...count };
}

/** The search from one start. */
class Search {
  hops = 0;
  programs = 0;
  forwards = 0;
  backwards = 0;
  optimal = false;
  settled = false;
  perturbation: Float64Array;
  readonly #net: PiecewiseAffine;
  readonly #image: Float64Array;
  readonly #wanted: Wanted;
  readonly #p: number;
  readonly #maxPrograms: number;
  #pattern: Pattern;
  #binding: Constraint[] = [];
  #norm = Infinity;

  constructor(net: PiecewiseAffine, start: Start, p: number, maxPrograms: number) {
    this.#net = net;
    this.#image = Float64Array.from(start.image);
    this.#p = p;
    this.#maxPrograms = maxPrograms;
    this.perturbation = Float64Array.from(start.point, (one, i) => one - start.image[i]!);
    this.#pattern = net.patternAt(start.point);
    this.#wanted = wantedOf(start, net.values(this.#pattern, start.point).at(-1)!);
    this.forwards++;
  }

  run(): void {
    if (!this.#take(this.#pattern, [])) return;
    this.optimal = true;
    while (!this.settled && this.programs < this.#maxPrograms) this.settled = !this.#hop();
  }

  /** Enters the first region across binding constraints that has a nearer point. */
  #hop(): boolean {
    const binding = this.#binding.filter(({ beyond }) => beyond !== undefined);
    const ways = binding.length > 1 ? [binding, ...binding.map((one) => [one])] : [binding];
    for (const way of binding.length === 0 ? [] : ways) {
      if (this.programs >= this.#maxPrograms) return true; // undecided
      if (!this.#take(across(this.#pattern, way.map(({ beyond }) => beyond!)), binding)) continue;
      this.hops++;
      return true;
    }
    return false;
  }

  /** Solves the program of a region, and takes its solution if it is nearer. */
  #take(pattern: Pattern, before: readonly Constraint[]): boolean {
    const region = new Region(this.#net, pattern, this.#image, this.#wanted);
    const found = nearest(region, this.#image, this.#p, this.#likely(region, before));
    this.programs++;
    this.forwards += region.forwards;
    this.backwards += region.backwards;
    const norm = distance(found.perturbation, found.perturbation.map(() => 0), this.#p);
    if (!found.optimal || !(norm < this.#norm * (1 - 1e-6))) return false;
    this.#pattern = pattern;
    this.#norm = norm;
    this.#binding = found.binding;
    this.perturbation = found.perturbation;
    return true;
  }

  /** The binding constraints of the region before, as they read in this one. */
  #likely(region: Region, before: readonly Constraint[]): Constraint[] {
    return before.flatMap(({ beyond }) => {
      const { stage, unit, value } = beyond!;
      const [was, is] = [this.#pattern[stage]![unit]!, region.pattern[stage]![unit]!];
      if (is === was) return [region.between(stage, unit, value)];
      return is === value ? [region.between(stage, unit, was)] : [];
    });
  }
}

/** What the goal asks of the logits, the best class at the start first. */
function wantedOf({ reference, target }: Goal, logits: Float64Array): Wanted {
  const margin = adversarialMargin + batchNoise * Math.max(...logits.map(Math.abs));
  const own = target ?? reference;
  const best = argMax(logits.map((one, i) => i === own ? -Infinity : one));
  if (target === undefined) return { pairs: [{ more: reference, less: best }], margin };
  const others = [...logits.keys()].filter((one) => one !== target && one !== best);
  return { pairs: [best, ...others].map((more) => ({ more, less: target })), margin };
}
