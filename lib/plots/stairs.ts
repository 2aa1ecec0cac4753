/**
 * Curves of steps: where they step, and their paths in fewer letters.
 *
 * @module
 */

/** What a level or upright line is written with, and where its end stands in a point. */
const SHORT = [["V", 1], ["H", 0]] as const;

/**
 * Writes level and upright lines of a path as such, those in one direction as one: a curve of steps
 * takes half the letters, and is drawn the same.
 *
 * @param path An SVG path; one with other commands than M, L and Z stays as it is.
 * @see https://www.w3.org/TR/SVG2/paths.html#PathDataLinetoCommands
 *
 * @example
 * ```ts
 * import { stairs } from "$lib/plots/stairs.ts";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(stairs("M0,9L1.5,9L2,9L2,7L3,8"), "M0,9H2V7L3,8");
 * ```
 */
export function stairs(path: string): string {
  if (/[^-\d.,MLZ]/.test(path)) return path;
  const written: string[] = [];
  let last = { point: [NaN, NaN], letter: "", way: 0 };
  for (const [piece, letter, x, y] of path.matchAll(/([ML])([-\d.]+),([-\d.]+)|Z/g)) {
    const point = [Number(x), Number(y)];
    // The place that stays tells which of the two lines it is; a point come twice is as good as none.
    const same = point.findIndex((value, i) => value === last.point[i]);
    const short = letter === "L" ? SHORT[same] : undefined;
    const way = short ? Math.sign(point[short[1]]! - last.point[short[1]]!) : 0;
    if (short && last.letter === short[0] && (way === last.way || way === 0)) written.pop();
    written.push(short ? `${short[0]}${point[short[1]]}` : piece);
    last = { point, letter: short?.[0] ?? "", way: way || last.way };
  }
  return written.join("");
}

/**
 * Where steps are drawn: of values that lie close together only the last, so that no step is drawn
 * further right than by `least`, nor any left out.
 *
 * @param sorted Values in rising order.
 * @param least How far apart values must lie to be told apart.
 */
export function apart(sorted: readonly number[], least: number): number[] {
  const places: number[] = [];
  let first = -Infinity;
  for (const value of sorted) {
    if (value <= first + least) places.pop();
    else first = value;
    places.push(value);
  }
  return places;
}
