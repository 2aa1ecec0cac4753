/**
 * p-norms of perturbations, one for each example of a batch.
 *
 * @module
 */
import { type Tensor, type Tensor1D, type Tensor4D, tf } from "./backend.ts";

/**
 * Checks a norm's order.
 *
 * @throws {RangeError} If `p` is neither 0 nor >= 1.
 */
export function assertP(p: number): void {
  if (p !== 0 && !(p >= 1)) {
    throw new RangeError(`Cannot measure a norm as p must be 0 or >= 1: current value is ${p}`);
  }
}

/**
 * Reads a norm's order as commands take it: `0`, `1`, `2`, any other number >= 1, or `inf`.
 *
 * @example
 * ```ts
 * import { parseP } from "$lib/norms.ts";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(parseP("inf"), Infinity);
 * ```
 *
 * @throws {RangeError} If it is none of these.
 */
export function parseP(text: string): number {
  const p = /^\+?(inf|infinity|∞)$/i.test(text.trim()) ? Infinity : Number(text.trim() || NaN);
  assertP(p);
  return p;
}

/** Writes a norm's order as commands and files do: `2`, `inf`. */
export const formatP = (p: number): string => p === Infinity ? "inf" : String(p);

/** One number for each example, to be broadcast over pixels: shape `[batch, 1, 1, 1]`. */
const column = (values: Tensor) => values.reshape([-1, 1, 1, 1]);

/**
 * Measures each example's perturbation.
 *
 * @param perturbation Shape `[batch, height, width, channels]`, in pixel units.
 * @param p The norm: 0 (pixels changed at all), or any p >= 1, `Infinity` included.
 * @returns One norm for each example, shape `[batch]`. The caller disposes it.
 * @throws {RangeError} If `p` is neither 0 nor >= 1.
 *
 * @example
 * ```ts
 * import { tf } from "$lib/backend.ts";
 * import { norm } from "$lib/norms.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const perturbation = tf.tensor4d([3, -4, 0, 0], [1, 2, 2, 1]);
 * assertEquals([...norm(perturbation, 2).dataSync()], [5]);
 * assertEquals([...norm(perturbation, 0).dataSync()], [2]);
 * ```
 */
export function norm(perturbation: Tensor4D, p: number): Tensor1D {
  assertP(p);
  return tf.tidy(() => {
    const absolute = perturbation.abs();
    const sum = (x: Tensor) => x.sum([1, 2, 3]);
    if (p === 0) return sum(absolute.notEqual(0).cast("float32"));
    if (p === 1) return sum(absolute);
    const largest = absolute.max([1, 2, 3]);
    if (p === Infinity) return largest;
    // Scaled by the largest pixel, else high powers of small pixels vanish.
    const scaled = absolute.div(column(largest.maximum(1e-30)));
    return sum(p === 2 ? scaled.square() : scaled.pow(p)).pow(1 / p).mul(largest);
  }) as Tensor1D;
}

/**
 * Scales each example to a norm: ||r||_p = `target`. An example that is 0 everywhere stays 0.
 *
 * @param target In pixel units, > 0; a tensor of shape `[batch, 1, 1, 1]` gives each its own.
 * @returns Shape of `perturbation`. The caller disposes it.
 * @throws {RangeError} If `p` is not >= 1 (scaling changes no count of pixels).
 */
export function rescale(perturbation: Tensor4D, p: number, target: number | Tensor): Tensor4D {
  if (p === 0) throw new RangeError("Cannot rescale to an L0 norm as scaling leaves it: p is 0");
  return tf.tidy(() =>
    perturbation.mul(column(norm(perturbation, p).maximum(1e-30).reciprocal()).mul(target))
  );
}
