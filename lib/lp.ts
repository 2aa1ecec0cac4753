/**
 * The one door to HiGHS: linear programs, some variables of which may be whole numbers, and convex
 * quadratic ones.
 *
 * @module
 */
import highsModule, { type Highs } from "highs";

// Its types are taken for CommonJS, where the function would be one of the module's properties.
const loadHighs = highsModule as unknown as () => Promise<Highs>;

/** A linear constraint: `lower` <= sum of `values` times the variables at `indices` <= `upper`. */
export interface ProgramRow {
  indices: number[];
  values: number[];
  /** @default -Infinity */
  lower?: number;
  /** @default Infinity */
  upper?: number;
}

/** What is to be minimised, over which variables, under which constraints. */
export interface Program {
  /** Cost of each variable. */
  cost: number[];
  /** Each variable's bounds; infinities are allowed. */
  lower: number[];
  upper: number[];
  rows: ProgramRow[];
  /** Which variables must be whole numbers. @default none */
  whole?: boolean[];
  /** Cost of half of each variable's square, at least 0. @default none */
  square?: number[];
}

/** Limits of one call. */
export interface SolveOptions {
  /** @default Infinity */
  seconds?: number;
  /** With whole variables: how far the value may be from the proven bound, as a share of it. @default 0 */
  gap?: number;
}

/** What became of a program. */
export interface Solution {
  /** `limit`: neither solved nor proven infeasible. */
  status: "optimal" | "infeasible" | "limit";
  /** Value of the best solution, or Infinity. */
  value: number;
  /** Proven lower bound of the value; equal to it where nothing must be whole. */
  bound: number;
  /** The variables, or none. */
  x: Float64Array;
}

let loading: Promise<Highs> | undefined;

/**
 * Solves a program. It blocks the event loop until it is done or out of time.
 *
 * @throws {RangeError} If the bounds are not as many as the costs.
 * @throws {Error} As HiGHS throws, if it can't read the program.
 * @see Huangfu and Hall, "Parallelizing the dual revised simplex method" (2018), for HiGHS.
 *
 * @example
 * ```ts
 * import { solveProgram } from "$lib/lp.ts";
 * import { assertEquals } from "@std/assert";
 *
 * // As much of x + 2y as x + y <= 3 allows, y at most 2.
 * const rows = [{ indices: [0, 1], values: [1, 1], upper: 3 }];
 * const { x } = await solveProgram({ cost: [-1, -2], lower: [0, 0], upper: [9, 2], rows });
 * assertEquals([...x], [1, 2]);
 * ```
 */
export async function solveProgram(
  program: Program,
  { seconds = Infinity, gap = 0 }: SolveOptions = {},
): Promise<Solution> {
  const { cost, lower, upper, rows, whole, square } = program;
  const count = cost.length;
  if (lower.length !== count || upper.length !== count) {
    throw new RangeError(
      `Cannot solve a program as each variable must have two bounds: current values are ${count} ` +
        `costs, ${lower.length} lower and ${upper.length} upper bounds`,
    );
  }
  const highs = await (loading ??= loadHighs());
  const starts = [0];
  for (const { indices } of rows) starts.push(starts.at(-1)! + indices.length);
  return highs.withModel((model): Solution => {
    // Tighter than HiGHS's own: its solutions decide what is impossible.
    model.options.set({
      output_flag: false,
      ...(seconds < Infinity ? { time_limit: seconds } : {}),
      mip_rel_gap: gap,
      mip_feasibility_tolerance: 1e-9,
      primal_feasibility_tolerance: 1e-9,
    });
    model.passModel({
      numCols: count,
      numRows: rows.length,
      colCost: cost,
      colLower: lower,
      colUpper: upper,
      rowLower: rows.map((row) => row.lower ?? -Infinity),
      rowUpper: rows.map((row) => row.upper ?? Infinity),
      matrix: {
        format: "csr",
        numRows: rows.length,
        numCols: count,
        starts,
        indices: rows.flatMap(({ indices }) => indices),
        values: rows.flatMap(({ values }) => values),
      },
      ...(whole ? { integrality: Int32Array.from(whole, Number) } : {}),
      ...(square ? { hessian: diagonal(square) } : {}),
    });
    const { modelStatus } = model.run();
    const { optimal, infeasible } = highs.constants.modelStatus;
    const { feasible } = highs.constants.solutionStatus;
    const found = model.info.get("primal_solution_status") === feasible;
    const value = found ? model.getObjectiveValue() : Infinity;
    const x = found ? model.getSolution().colValue : new Float64Array(0);
    const status = modelStatus === optimal
      ? "optimal"
      : modelStatus === infeasible
      ? "infeasible"
      : "limit";
    const bound = whole ? Number(model.info.get("mip_dual_bound")) : value;
    return { status, value, bound, x };
  });
}

function diagonal(values: number[]) {
  const places = values.map((_, i) => i);
  return {
    format: "triangular" as const,
    dimension: values.length,
    starts: [...places, values.length],
    indices: places,
    values,
  };
}
