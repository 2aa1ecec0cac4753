/**
 * The shortest perturbation in L2 within bounds and under a few inequalities, by Newton's method on
 * their multipliers.
 *
 * @module
 */
import type { Solved, Solver } from "./nearest.ts";
import type { Inequality } from "./simplex.ts";
import { addTo, dot, factor } from "./solve.ts";

/** A solver of the kind that `nearest.ts` asks for. */
export function nearestL2(goal: Inequality, down: Float64Array, up: Float64Array): Solver {
  const inequalities = [goal];
  // Without bounds the goal alone would ask for so much. At 0 every pixel that is black or white stands
  // at its bound, and an image of no others has no slope there.
  let y = new Float64Array([Math.max(0, -goal.bound / (dot(goal.row, goal.row) || 1))]);
  const x = new Float64Array(up.length);
  return {
    x,
    get y() {
      return y.slice(1);
    },
    add(inequality: Inequality) {
      inequalities.push(inequality);
      y = Float64Array.from([...y, 0]);
    },
    solve: () => newton(inequalities, y, x, down, up),
  };
}

/** Relative to a row's length: how exactly inequalities hold. */
const tolerance = 1e-10;

/**
 * Maximises the dual function, which is concave and piecewise quadratic: given multipliers, x is
 * minus the sum of the rows, clipped to its bounds. Changes `y` and `x`.
 *
 * @returns `impossible` if the function rises above what any perturbation within the bounds costs.
 */
function newton(
  inequalities: readonly Inequality[],
  y: Float64Array,
  x: Float64Array,
  down: Float64Array,
  up: Float64Array,
): Solved {
  const lengths = inequalities.map(({ row }) => Math.sqrt(dot(row, row)) || 1);
  const excess = new Float64Array(y.length);
  const place = (at: Float64Array) => {
    x.fill(0);
    inequalities.forEach(({ row }, k) => at[k] !== 0 && addTo(x, row, -at[k]!));
    for (let i = 0; i < x.length; i++) x[i] = Math.min(up[i]!, Math.max(down[i]!, x[i]!));
    inequalities.forEach(({ row, bound }, k) => excess[k] = dot(row, x) - bound);
  };
  const most = down.reduce((sum, low, i) => sum + Math.max(low ** 2, up[i]! ** 2) / 2, 0);
  for (let step = 0; step < 200; step++) {
    place(y);
    if (dot(x, x) / 2 + dot(y, excess) > most * (1 + 1e-6)) return "impossible";
    let used = inequalities.flatMap((_, k) =>
      y[k]! > 0 || excess[k]! > tolerance * lengths[k]! ? [k] : []
    );
    if (used.every((k) => Math.abs(excess[k]!) <= tolerance * lengths[k]!)) return "solved";
    // What stands at 0 and would fall has no part in this step.
    let direction = newtonStep(inequalities, used, excess, x, down, up);
    for (;;) {
      if (!direction) return "stuck";
      const falling = used.filter((k, i) => y[k] === 0 && direction![i]! < 0);
      if (falling.length === 0) break;
      used = used.filter((k) => !falling.includes(k));
      direction = newtonStep(inequalities, used, excess, x, down, up);
    }
    const along = direction;
    // As far as multipliers stay positive, and not beyond the maximum along the direction.
    let limit = 1;
    let blocking = -1;
    used.forEach((k, i) => {
      const ratio = along[i]! < 0 ? y[k]! / -along[i]! : Infinity;
      if (ratio < limit) [limit, blocking] = [ratio, k];
    });
    const moved = (length: number) => {
      const at = Float64Array.from(y);
      used.forEach((k, i) => at[k] = Math.max(0, at[k]! + length * along[i]!));
      if (length === limit && blocking >= 0) at[blocking] = 0;
      return at;
    };
    const rise = () => used.reduce((sum, k, i) => sum + along[i]! * excess[k]!, 0);
    let length = limit;
    place(moved(length));
    if (rise() < 0) {
      let [low, high] = [0, length];
      for (let i = 0; i < 30; i++) {
        length = (low + high) / 2;
        place(moved(length));
        if (rise() < 0) high = length;
        else low = length;
      }
      length = low > 0 ? low : high;
    }
    y.set(moved(length));
  }
  return "stuck";
}

/** The step that would make the used inequalities equalities, if no variable met or left a bound. */
function newtonStep(
  inequalities: readonly Inequality[],
  used: readonly number[],
  excess: Float64Array,
  x: Float64Array,
  down: Float64Array,
  up: Float64Array,
): Float64Array | null {
  const free: number[] = [];
  for (let i = 0; i < x.length; i++) if (x[i]! > down[i]! && x[i]! < up[i]!) free.push(i);
  const size = used.length;
  const rows = used.map((k) => Float64Array.from(free, (i) => inequalities[k]!.row[i]!));
  const matrix = new Float64Array(size * size);
  for (let i = 0; i < size; i++) {
    for (let j = 0; j <= i; j++) {
      matrix[i * size + j] = matrix[j * size + i] = dot(rows[i]!, rows[j]!);
    }
    matrix[i * size + i]! *= 1 + 1e-12;
    matrix[i * size + i]! += 1e-12;
  }
  return factor(matrix, size)?.solve(Float64Array.from(used, (k) => excess[k]!)) ?? null;
}
