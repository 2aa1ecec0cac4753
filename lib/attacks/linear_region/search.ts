/**
 * The search from one adversarial point: the nearest one of its linear region, then those of the
 * regions next to it, while that improves.
 *
 * @module
 */
import type { Network } from "../../network.ts";
import { distance } from "../../norms.ts";
import { argMax } from "../../numbers.ts";
import { along } from "../box.ts";
import { adversarialMargin, type Goal, logitsAlone, reaches, roundingOf } from "../judge.ts";
import type { Pattern, PiecewiseAffine } from "./affine.ts";
import { nearest } from "./nearest.ts";
import { across, type Constraint, Region, type Wanted } from "./region.ts";

/** An adversarial point to improve on. */
export interface Start extends Goal {
  /** The clean image, 784 pixels in [0, 1]. */
  image: Float32Array;
  /** A point that reaches the goal; it names the region and the class to begin with. */
  point: Float32Array;
}

/** What a search may spend. */
export interface Limits {
  /** Programs solved at most. */
  maxPrograms: number;
  /** Forward plus backward passes at most. */
  maxPasses: number;
}

/** What became of one start. */
export interface Improved {
  /** The nearest adversarial point, judged alone; the start's, if none is nearer by a millionth. */
  point: Float32Array;
  norm: number;
  /**
   * Whether the point is, but for rounding (a share of 1e-4), the nearest adversarial one of its
   * linear region; `null` if the passes did not suffice to know.
   */
  optimal: boolean | null;
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

/** Norms are the same to this share. */
const same = 1e-6;

/** How far beyond its region's nearest point one may be and still count as it: a share. */
export const optimalTo = 1e-4;

/** Passes that even a program of one constraint takes. */
const fewestPasses = 3;

/**
 * Improves on one point that reaches its goal; gives way after each program.
 *
 * @param p 1, 2 or `Infinity`.
 */
export function* improving(
  network: Network,
  net: PiecewiseAffine,
  start: Start,
  p: number,
  limits: Limits,
): Generator<undefined, Improved> {
  const search = new Search(net, start, p, limits);
  yield* search.run();
  const { hops, programs, forwards, backwards } = search;
  const count = { hops, programs, forwards, backwards };
  const size = distance(start.point, start.image, p);
  const least = distance(search.perturbation, search.perturbation.map(() => 0), p);
  for (const push of search.optimal ? pushes : []) {
    const point = along(start.image, search.perturbation, 1 + push);
    const norm = distance(point, start.image, p);
    if (norm > size * (1 + same)) break;
    if (!reaches(start, logitsAlone(network, point, network.architecture.inputShape))) continue;
    const best = norm < size * (1 - same) ? { point, norm } : { point: start.point, norm: size };
    const optimal = best.norm <= least * (1 + optimalTo);
    return { ...best, optimal, settled: search.settled && optimal, ...count };
  }
  const optimal = search.optimal ? size <= least * (1 + optimalTo) : search.optimal;
  return { point: start.point, norm: size, optimal, settled: false, ...count };
}

/** The search from one start. */
class Search {
  hops = 0;
  programs = 0;
  forwards = 0;
  backwards = 0;
  /** Whether the first region's program was solved; `null` if the passes did not suffice. */
  optimal: boolean | null = false;
  settled = false;
  perturbation: Float64Array;
  readonly #net: PiecewiseAffine;
  readonly #image: Float64Array;
  readonly #wanted: Wanted;
  readonly #p: number;
  readonly #limits: Limits;
  #pattern: Pattern;
  #binding: Constraint[] = [];
  #norm = Infinity;
  /** Whether the last program ended for want of passes. */
  #exhausted = false;

  constructor(net: PiecewiseAffine, start: Start, p: number, limits: Limits) {
    this.#net = net;
    this.#image = Float64Array.from(start.image);
    this.#p = p;
    this.#limits = limits;
    this.perturbation = Float64Array.from(start.point, (one, i) => one - start.image[i]!);
    this.#pattern = net.patternAt(start.point);
    this.#wanted = wantedOf(start, net.values(this.#pattern, start.point).at(-1)!);
    this.forwards++;
  }

  /** Whether another program may be begun. */
  get #affordable(): boolean {
    return this.programs < this.#limits.maxPrograms && this.#left >= fewestPasses;
  }

  get #left(): number {
    return this.#limits.maxPasses - this.forwards - this.backwards;
  }

  *run(): Generator<undefined, void> {
    if (!this.#affordable) this.optimal = null;
    else if (this.#take(this.#pattern, [])) this.optimal = true;
    else if (this.#exhausted) this.optimal = null;
    yield undefined;
    while (this.optimal && !this.settled && this.#affordable) this.settled = !(yield* this.#hop());
  }

  /** Enters the first region across binding constraints that has a nearer point. */
  *#hop(): Generator<undefined, boolean> {
    const binding = this.#binding.filter(({ beyond }) => beyond !== undefined);
    const ways = binding.length > 1 ? [binding, ...binding.map((one) => [one])] : [binding];
    for (const way of binding.length === 0 ? [] : ways) {
      if (!this.#affordable) return true; // undecided
      const nearer = this.#take(across(this.#pattern, way.map(({ beyond }) => beyond!)), binding);
      yield undefined;
      if (!nearer && this.#exhausted) return true;
      if (!nearer) continue;
      this.hops++;
      return true;
    }
    return false;
  }

  /** Solves the program of a region, and takes its solution if it is nearer. */
  #take(pattern: Pattern, before: readonly Constraint[]): boolean {
    const maxPasses = this.#left;
    const region = new Region(this.#net, pattern, this.#image, this.#wanted);
    const likely = this.#likely(region, before);
    const found = nearest(region, this.#image, this.#p, { likely, maxPasses });
    this.programs++;
    this.forwards += region.forwards;
    this.backwards += region.backwards;
    this.#exhausted = found.exhausted;
    const norm = distance(found.perturbation, found.perturbation.map(() => 0), this.#p);
    if (!found.optimal || !(norm < this.#norm * (1 - same))) return false;
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

/**
 * What the goal asks of the logits.
 *
 * @param by The class that shall pass the one to leave; the best at the point, if left out.
 */
export function wantedOf(
  { reference, target }: Goal,
  logits: Float64Array,
  by?: number,
): Wanted {
  const margin = adversarialMargin + roundingOf(logits);
  const own = target ?? reference;
  const best = by ?? argMax(logits.map((one, i) => i === own ? -Infinity : one));
  if (target === undefined) return { pairs: [{ more: reference, less: best }], margin };
  const others = [...logits.keys()].filter((one) => one !== target && one !== best);
  return { pairs: [best, ...others].map((more) => ({ more, less: target })), margin };
}
