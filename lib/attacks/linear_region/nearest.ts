/**
 * The nearest adversarial point of a linear region: a linear or quadratic program with few of the
 * region's constraints, to which those that its solution violates are added until none is.
 *
 * @module
 */
import type { Constraint, Region } from "./region.ts";
import { nearestL2 } from "./quadratic.ts";
import { DualSimplex, type Inequality } from "./simplex.ts";
import { dot } from "./solve.ts";

/** What a solver works on: constraints are added, the perturbation is the solution so far. */
export interface Solver {
  readonly x: Float64Array;
  /** Each added inequality's multiplier. */
  readonly y: ArrayLike<number>;
  add(inequality: Inequality): void;
  solve(): Solved;
}

/** Whether the inequalities so far could be fulfilled, can't be, or it is not known. */
export type Solved = "solved" | "impossible" | "stuck";

/** The nearest point, or the last one tried if the program could not be solved. */
export interface Nearest {
  perturbation: Float64Array;
  optimal: boolean;
  /** Whether the passes did not suffice. */
  exhausted: boolean;
  /** Constraints that hold it back, the most binding first. */
  binding: Constraint[];
}

/** How many violated constraints are added at a time, and how often. */
const [atOnce, rounds] = [8, 60];
const tolerance = 1e-7;

/**
 * Looks for the nearest adversarial point of a region.
 *
 * @param image Pixels in [0, 1].
 * @param p 1, 2 or `Infinity`.
 * @param options.likely Constraints that are worth adding at once.
 * @param options.maxPasses Of the region at most, those that it has made included.
 */
export function nearest(
  region: Region,
  image: Float64Array,
  p: number,
  { likely = [], maxPasses = Infinity }: {
    likely?: readonly Constraint[];
    maxPasses?: number;
  } = {},
): Nearest {
  // One is left to look at the solution.
  const rowsLeft = () => Math.max(0, maxPasses - region.forwards - region.backwards - 1);
  const goal = region.inequality(region.goal);
  const down = image.map((one) => -one);
  const up = image.map((one) => 1 - one);
  const solver = solverFor(p, goal, down, up);
  const added: Constraint[] = [];
  const keys = new Set([keyOf(region.goal)]);
  const add = (constraint: Constraint) => {
    const key = keyOf(constraint);
    if (keys.has(key)) return;
    keys.add(key);
    added.push(constraint);
    solver.add(region.inequality(constraint));
  };
  likely.slice(0, rowsLeft()).forEach(add);
  let [optimal, exhausted] = [false, false];
  for (let round = 0; round < rounds && !optimal && !exhausted; round++) {
    if (solver.solve() !== "solved") break;
    // What was added holds, but for the solver's rounding.
    const violated = region.violated(solver.x, tolerance).filter((one) => !keys.has(keyOf(one)));
    optimal = violated.length === 0;
    exhausted = !optimal && rowsLeft() === 0;
    violated.slice(0, Math.min(atOnce, rowsLeft())).forEach(add);
  }
  const order = added.map((constraint, k) => ({ constraint, weight: solver.y[k]! }))
    .filter(({ weight }) => weight > 0).sort((a, b) => b.weight - a.weight);
  return {
    perturbation: solver.x,
    optimal,
    exhausted,
    binding: order.map(({ constraint }) => constraint),
  };
}

/**
 * A solver for the shortest perturbation under inequalities.
 *
 * @param goal The first of them.
 * @param down The perturbation's bounds.
 */
export function solverFor(
  p: number,
  goal: Inequality,
  down: Float64Array,
  up: Float64Array,
): Solver {
  if (p === 2) return nearestL2(goal, down, up);
  return p === 1 ? nearestL1(goal, down, up) : nearestLinf(goal, down, up);
}

const keyOf = ({ stage, more, less }: Constraint) => `${stage} ${more} ${less}`;

function nearestL1(goal: Inequality, down: Float64Array, up: Float64Array): Solver {
  const simplex = new DualSimplex(new Float64Array(up.length), {
    values: [down, new Float64Array(up.length), up],
    thresholds: [1, -1],
  });
  simplex.add(goal);
  return {
    x: simplex.x,
    get y() {
      return simplex.y.slice(1);
    },
    add: (inequality) => simplex.add(inequality),
    solve() {
      const { kind } = simplex.solve();
      return kind === "optimal" ? "solved" : kind === "infeasible" ? "impossible" : kind;
    },
  };
}

/**
 * L-infinity: in a cube of half width t the goal's value is minimised; t grows until that is low
 * enough. Each multiplier proves that t can't be less than where its bound on the value ends, so t
 * grows in few steps and never too far.
 */
function nearestLinf(goal: Inequality, down: Float64Array, up: Float64Array): Solver {
  let t = 0;
  const levels = () => ({
    values: [down.map((one) => Math.max(one, -t)), up.map((one) => Math.min(one, t))],
    thresholds: [0],
  });
  const simplex = new DualSimplex(goal.row, levels());
  return {
    x: simplex.x,
    get y() {
      return simplex.y;
    },
    add: (inequality) => simplex.add(inequality),
    solve() {
      for (let round = 0; round < 2000; round++) {
        const status = simplex.solve();
        if (status.kind === "stuck") return "stuck";
        let { row, bound }: Inequality = goal;
        if (status.kind === "infeasible") ({ row, bound } = status);
        else {
          if (dot(goal.row, simplex.x) <= goal.bound + 1e-9) return "solved";
          row = simplex.reduced;
          simplex.inequalities.forEach((one, k) => bound += simplex.y[k]! * one.bound);
        }
        const wider = widthFor({ row, bound }, down, up, t);
        if (wider > 1) return "impossible";
        if (!(wider > t)) return "stuck";
        // A little more, as rounding hides what is only just possible.
        t = wider * (1 + 1e-9);
        simplex.levels = levels();
      }
      return "stuck";
    },
  };
}

/** The least half width of a cube, at least `from`, in which an inequality can be fulfilled. */
function widthFor(
  { row, bound }: Inequality,
  down: Float64Array,
  up: Float64Array,
  from: number,
): number {
  let t = from;
  for (let step = 0; step < 1000; step++) {
    let [value, slope] = [0, 0];
    for (let i = 0; i < row.length; i++) {
      const [size, room] = row[i]! > 0 ? [row[i]!, -down[i]!] : [-row[i]!, up[i]!];
      value -= size * Math.min(t, room);
      if (room > t) slope += size;
    }
    const left = value - bound;
    if (left <= 1e-12) return t;
    if (slope < 1e-12) return Infinity;
    t += left / slope;
  }
  return t;
}
