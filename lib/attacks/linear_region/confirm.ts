/**
 * Whether a point is the nearest of its linear region, asked anew.
 *
 * @module
 */
import type { Classifier } from "../../network.ts";
import { distance } from "../../norms.ts";
import { regionsOf } from "../linear_region.ts";
import type { Choice, Pattern, PiecewiseAffine } from "./affine.ts";
import { nearest } from "./nearest.ts";
import { across, Region } from "./region.ts";
import { optimalTo, type Start, wantedOf } from "./search.ts";

/** Units on their border that are tried on both sides at most: 2^6 programs of some ms each. */
const mostOpen = 6;

/** What float32 pixels may add to a value. */
const rounding = 1e-5;

/** Whether a classifier has linear regions at all. */
export function hasRegions(classifier: Classifier): boolean {
  try {
    return Boolean(regionsOf(classifier));
  } catch (error) {
    if (error instanceof TypeError) return false;
    throw error;
  }
}

/**
 * Solves the program of the region that a point lies in. A solution lies on the border of its region,
 * where rounding and the margin for float32 may have led it across: so units within their share of it
 * are tried on both sides.
 *
 * @param start The point, and the class that it must leave.
 * @param p 1, 2 or `Infinity`.
 * @returns `undefined` where it is not cheap to know: with convolutions, and on too many borders.
 * @throws {TypeError} If the classifier is no network, or its layers are not piecewise affine.
 */
export function isNearest(classifier: Classifier, start: Start, p: number): boolean | undefined {
  const { network, net } = regionsOf(classifier);
  if (network.architecture.layers.some(({ kind }) => kind === "conv")) return undefined;
  const { image, point, reference } = start;
  const [norm, clean] = [distance(point, image, p), Float64Array.from(image)];
  const pattern = net.patternAt(point);
  const open = onBorder(net, pattern, start);
  if (open.length > mostOpen) return undefined;
  const logits = net.values(pattern, point).at(-1)!;
  // Of the classes that have passed the reference, one is that which the search went for.
  const passed = [...logits.keys()].filter((one) => logits[one]! > logits[reference]!);
  return passed.some((one) =>
    subsets(open).some((flipped) => {
      const region = new Region(net, across(pattern, flipped), clean, wantedOf(start, logits, one));
      const { perturbation, optimal } = nearest(region, clean, p);
      const least = distance(perturbation, perturbation.map(() => 0), p);
      return optimal && Math.abs(norm - least) <= 2 * optimalTo * least;
    })
  );
}

/** What lies across the borders that the point may be on: ReLUs near 0, as far as its norm is exact. */
function onBorder(net: PiecewiseAffine, pattern: Pattern, { image, point }: Start): Choice[] {
  const [values, before] = [point, image].map((one) => net.values(pattern, one));
  return pattern.flatMap((choices, stage) =>
    [...choices].flatMap((chosen, unit): Choice[] => {
      const place = net.place(stage, unit, 0);
      const [value, first] = [values![stage]![place]!, before![stage]![place]!];
      const near = 2 * optimalTo * Math.abs(value - first) + rounding;
      return Math.abs(value) <= near ? [{ stage, unit, value: chosen < 0 ? 0 : -1 }] : [];
    })
  );
}

/** Every choice of some of the elements. */
const subsets = <T>(all: readonly T[]): T[][] =>
  all.reduce<T[][]>((sets, one) => [...sets, ...sets.map((set) => [...set, one])], [[]]);
