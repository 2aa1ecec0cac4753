/**
 * A dual simplex method for few constraints on many variables with bounds, whose constraints may be
 * added one after the other.
 *
 * @module
 */
import { type Item, pop, push } from "./heap.ts";
import { addTo, dot, factor, type Factored } from "./solve.ts";

/** A linear inequality: `row` times the variables must be at most `bound`. */
export interface Inequality {
  row: Float64Array;
  bound: number;
}

/** How a solution was reached, or why there is none. */
export type Status =
  | { kind: "optimal" }
  /** `row` times the variables can't fall to `bound`: a sum of the constraints says so. */
  | { kind: "infeasible"; row: Float64Array; bound: number }
  /** Too many steps, or a singular matrix. */
  | { kind: "stuck" };

/**
 * Where variables may rest. A variable rests on one of its levels (its bounds, and 0 between them if
 * distance from 0 costs) or, in the basis, on a segment between two.
 */
export interface Levels {
  /** For each level, lowest first, each variable's value there. */
  values: readonly Float64Array[];
  /**
   * For each segment, lowest first, the reduced cost at which a variable moves along it: -(its cost
   * there). With a higher one it rests lower.
   */
  thresholds: readonly number[];
}

const tolerance = 1e-9;

/**
 * Minimises a cost that is separable and, in each variable, linear between levels.
 *
 * Each step mends the worst violation, of a constraint or of a basic variable's segment. What moves
 * past several levels while that still pays passes them in one step (the long-step rule), so a first
 * constraint is met greedily.
 *
 * @see Maros, "Computational techniques of the simplex method" (2003), chapter 10, for the rule.
 */
export class DualSimplex {
  readonly inequalities: Inequality[] = [];
  /** The variables' values. */
  readonly x: Float64Array;
  /** Each inequality's multiplier, at least 0. */
  y: number[] = [];
  /** Steps made since the beginning. */
  steps = 0;
  readonly #cost: Float64Array;
  #levels: Levels;
  /** Each variable's level or, if it is basic, the level below its segment. */
  readonly #level: Int8Array;
  readonly #isBasic: Uint8Array;
  /** Inequalities that hold with equality, and as many variables that see to it. */
  #tight: number[] = [];
  #basic: number[] = [];
  readonly #reduced: Float64Array;

  /** @param cost Linear part of each variable's cost; that of the levels comes on top. */
  constructor(cost: Float64Array, levels: Levels) {
    this.#cost = cost;
    this.#levels = levels;
    const count = cost.length;
    this.x = new Float64Array(count);
    this.#level = new Int8Array(count);
    this.#isBasic = new Uint8Array(count);
    this.#reduced = Float64Array.from(cost);
    for (let i = 0; i < count; i++) {
      let level = levels.values.length - 1;
      while (level > 0 && cost[i]! > levels.thresholds[level - 1]!) level--;
      this.#level[i] = level;
    }
  }

  /** Reduced cost of each variable: its own and that of the inequalities. */
  get reduced(): Float64Array {
    return this.#reduced;
  }

  /** Other values for the levels: the basis stays. */
  set levels(levels: Levels) {
    this.#levels = levels;
  }

  add(inequality: Inequality): void {
    this.inequalities.push(inequality);
    this.y.push(0);
  }

  /** Solves from where the last call ended. */
  solve(maxSteps = 2000): Status {
    for (let step = 0; step < maxSteps; step++) {
      const matrix = this.#factor();
      if (!matrix) return { kind: "stuck" };
      this.#place(matrix);
      const worst = this.#worst();
      if (!worst) return { kind: "optimal" };
      this.steps++;
      const outcome = this.#mend(worst, matrix);
      if (outcome) return outcome;
    }
    return { kind: "stuck" };
  }

  /** Factors the tight inequalities' columns of basic variables. */
  #factor(): Factored | null {
    const size = this.#tight.length;
    const matrix = new Float64Array(size * size);
    this.#tight.forEach((k, i) => {
      const { row } = this.inequalities[k]!;
      for (let j = 0; j < size; j++) matrix[i * size + j] = row[this.#basic[j]!]!;
    });
    return factor(matrix, size);
  }

  /** Computes multipliers, reduced costs and values from the basis. */
  #place(matrix: Factored): void {
    const { values, thresholds } = this.#levels;
    const { x } = this;
    const reduced = this.#reduced;
    const wanted = Float64Array.from(
      this.#basic,
      (i) => thresholds[this.#level[i]!]! - this.#cost[i]!,
    );
    const multipliers = matrix.solveTransposed(wanted);
    this.y.fill(0);
    reduced.set(this.#cost);
    this.#tight.forEach((k, i) => {
      this.y[k] = multipliers[i]!;
      addTo(reduced, this.inequalities[k]!.row, multipliers[i]!);
    });
    for (let i = 0; i < x.length; i++) x[i] = this.#isBasic[i] ? 0 : values[this.#level[i]!]![i]!;
    const rest = Float64Array.from(this.#tight, (k) => -this.#excess(k));
    const basic = matrix.solve(rest);
    this.#basic.forEach((i, at) => x[i] = basic[at]!);
  }

  /** How much an inequality is violated. */
  #excess(k: number): number {
    const { row, bound } = this.inequalities[k]!;
    return dot(row, this.x) - bound;
  }

  /** What is violated most, if anything: an inequality or a basic variable's segment. */
  #worst(): Violation | null {
    let worst: Violation | null = null;
    let most = tolerance;
    const tight = new Set(this.#tight);
    for (let k = 0; k < this.inequalities.length; k++) {
      if (tight.has(k)) continue;
      const excess = this.#excess(k);
      if (excess > most) [most, worst] = [excess, { inequality: k, excess }];
    }
    const { values } = this.#levels;
    this.#basic.forEach((i, at) => {
      const level = this.#level[i]!;
      const [below, above] = [values[level]![i]! - this.x[i]!, this.x[i]! - values[level + 1]![i]!];
      if (below > most) [most, worst] = [below, { basic: at, sign: 1, excess: below }];
      if (above > most) [most, worst] = [above, { basic: at, sign: -1, excess: above }];
    });
    return worst;
  }

  /** Moves multipliers in the direction that mends a violation, until another takes its place. */
  #mend(worst: Violation, matrix: Factored): Status | null {
    const isRow = "inequality" in worst;
    const entering = isRow ? this.inequalities[worst.inequality]!.row : null;
    const wanted = Float64Array.from(
      this.#basic,
      (i, at) => entering ? -entering[i]! : !isRow && worst.basic === at ? worst.sign : 0,
    );
    const direction = matrix.solveTransposed(wanted);
    const slope = entering ? Float64Array.from(entering) : new Float64Array(this.x.length);
    this.#tight.forEach((k, i) => addTo(slope, this.inequalities[k]!.row, direction[i]!));
    // The first tight inequality whose multiplier would fall below 0.
    let [blocking, limit] = [-1, Infinity];
    direction.forEach((d, i) => {
      const ratio = d < -1e-12 ? Math.max(0, this.y[this.#tight[i]!]!) / -d : Infinity;
      if (ratio < limit) [blocking, limit] = [i, ratio];
    });
    const before = { levels: this.#level.slice(), basic: [...this.#basic] };
    if (isRow) {
      for (const i of this.#basic) slope[i] = 0;
    } else {
      const leaving = this.#basic[worst.basic]!;
      for (const i of this.#basic) if (i !== leaving) slope[i] = 0;
      slope[leaving] = worst.sign;
      if (worst.sign < 0) this.#level[leaving]!++;
      this.#isBasic[leaving] = 0;
      this.#basic.splice(worst.basic, 1);
    }
    const entered = this.#pass(slope, worst.excess, limit);
    if (entered < 0 && blocking < 0) {
      // Back to a basis from which wider levels can be tried.
      this.#level.set(before.levels);
      this.#basic = before.basic;
      for (const i of before.basic) this.#isBasic[i] = 1;
      return this.#infeasible(slope, direction, isRow ? worst.inequality : null);
    }
    if (entered < 0) this.#tight.splice(blocking, 1);
    else this.#basic.push(entered);
    if (isRow) this.#tight.push(worst.inequality);
    return null;
  }

  /**
   * Lets variables pass to their next levels, in the order in which their reduced costs reach the
   * thresholds, as long as the violation outweighs what they move.
   *
   * @returns The variable that stops the move and becomes basic, or -1 if none does before `limit`.
   */
  #pass(slope: Float64Array, excess: number, limit: number): number {
    const { values, thresholds } = this.#levels;
    const heap: Item[] = [];
    const next = (i: number): void => {
      const s = slope[i]!;
      const level = this.#level[i]!;
      const segment = s > 0 ? level - 1 : level;
      if (segment < 0 || segment >= thresholds.length) return;
      const ratio = Math.max(0, (thresholds[segment]! - this.#reduced[i]!) / s);
      if (ratio < limit) push(heap, [ratio, i]);
    };
    for (let i = 0; i < slope.length; i++) {
      if (!this.#isBasic[i] && Math.abs(slope[i]!) > 1e-10) next(i);
    }
    let left = excess;
    for (let top = pop(heap); top; top = pop(heap)) {
      const [, i] = top;
      const segment = slope[i]! > 0 ? this.#level[i]! - 1 : this.#level[i]!;
      const moved = Math.abs(slope[i]!) * (values[segment + 1]![i]! - values[segment]![i]!);
      if (moved >= left) {
        this.#level[i] = segment;
        this.#isBasic[i] = 1;
        return i;
      }
      left -= moved;
      this.#level[i]! += slope[i]! > 0 ? -1 : 1;
      next(i);
    }
    return -1;
  }

  #infeasible(row: Float64Array, direction: Float64Array, entering: number | null): Status {
    let bound = entering === null ? 0 : this.inequalities[entering]!.bound;
    this.#tight.forEach((k, i) => bound += direction[i]! * this.inequalities[k]!.bound);
    return { kind: "infeasible", row, bound };
  }
}

type Violation = { excess: number } & ({ inequality: number } | { basic: number; sign: 1 | -1 });
