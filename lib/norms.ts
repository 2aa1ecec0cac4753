/**
 * p-norms of perturbations, one for each example of a batch, and projections onto their balls.
 *
 * @module
 */
import { type Tensor, type Tensor1D, type Tensor2D, type Tensor4D, tf } from "./backend.ts";

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

const lift = 2 ** 33;

/** One number for each example, to be broadcast over pixels: shape `[batch, 1, 1, 1]`. */
const column = (values: Tensor) => values.reshape([-1, 1, 1, 1]);

/**
 * Measures each example's perturbation.
 *
 * @param perturbation Shape `[batch, height, width, channels]`, in pixel units.
 * @param p The norm: 0 (pixels changed at all), or any p >= 1, `Infinity` included.
 * @returns One norm for each example, shape `[batch]`; an L2 norm above 2.1e9 is `Infinity`. The
 *   caller disposes it.
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
    const sum = (x: Tensor) => x.sum([1, 2, 3]);
    // A power of 2, so that squares of tiny gradients (1e-29) do not vanish: no digit changes. Squares
    // span half of float32's orders of magnitude; for more, the largest pixel must be known: two passes.
    if (p === 2) return sum(perturbation.mul(lift).square()).sqrt().div(lift);
    const absolute = perturbation.abs();
    if (p === 0) return sum(absolute.notEqual(0).cast("float32"));
    if (p === 1) return sum(absolute);
    const largest = absolute.max([1, 2, 3]);
    if (p === Infinity) return largest;
    // Scaled by the largest pixel, else high powers of small pixels vanish.
    const scaled = absolute.div(column(largest.maximum(1e-30)));
    return sum(scaled.pow(p)).pow(1 / p).mul(largest);
  }) as Tensor1D;
}

/**
 * Measures how far one image lies from another, in double precision.
 *
 * @param p As for {@linkcode norm}.
 * @throws {RangeError} If `p` is neither 0 nor >= 1.
 */
export function distance(a: ArrayLike<number>, b: ArrayLike<number>, p: number): number {
  assertP(p);
  // Plain loops: a mapped typed array would cost more than the rest of a short attack's book-keeping.
  let [largest, sum] = [0, 0];
  for (let i = 0; i < a.length; i++) largest = Math.max(largest, Math.abs(a[i]! - b[i]!));
  if (p === Infinity || largest === 0) return largest;
  for (let i = 0; i < a.length; i++) {
    const size = Math.abs(a[i]! - b[i]!);
    // Scaled by the largest pixel, else high powers of small pixels vanish.
    sum += p === 0 ? Number(size !== 0) : (size / largest) ** p;
  }
  return p === 0 ? sum : sum ** (1 / p) * largest;
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

/**
 * Order of the dual norm: |<a, b>| <= ||a||_p ||b||_q, so that a plane with gradient b is
 * |margin| / ||b||_q away in norm p.
 *
 * @param p At least 1.
 */
export const dualP = (p: number): number => p === Infinity ? 1 : p === 1 ? Infinity : p / (p - 1);

/**
 * Projects each example to the nearest point (in L2) of a ball around 0.
 *
 * @param perturbation Shape `[batch, height, width, channels]`.
 * @param p 0, 1, 2 or `Infinity`. For 0 the largest pixels stay; of equal ones, the first.
 * @param radius One for each example, at least 0; shape `[batch, 1, 1, 1]`.
 * @returns Shape of `perturbation`. The caller disposes it.
 * @throws {RangeError} If `p` is none of these.
 * @see Duchi et al., "Efficient projections onto the l1-ball for learning in high dimensions"
 *   (2008), for p = 1.
 */
export function project(perturbation: Tensor4D, p: number, radius: Tensor4D): Tensor4D {
  if (![0, 1, 2, Infinity].includes(p)) {
    throw new RangeError(`Cannot project as p must be 0, 1, 2 or Infinity: current value is ${p}`);
  }
  return tf.tidy(() => {
    if (p === Infinity) return perturbation.minimum(radius).maximum(radius.neg());
    if (p === 2) {
      const size = column(norm(perturbation, 2));
      return perturbation.mul(radius.div(size.maximum(1e-30)).minimum(1));
    }
    const flat = perturbation.reshape<Tensor2D>([perturbation.shape[0], -1]);
    const limit = radius.reshape<Tensor2D>([-1, 1]);
    const inside = p === 0 ? keepLargest(flat, limit) : shrink(flat, limit);
    return inside.reshape(perturbation.shape);
  }) as Tensor4D;
}

/** The `count` largest of each row, all else 0. */
function keepLargest(rows: Tensor2D, count: Tensor2D): Tensor {
  const size = rows.abs();
  const { values } = tf.topk(size, size.shape[1]!);
  const place = tf.range(1, size.shape[1]! + 1).expandDims(0);
  const smallest = values.mul(place.equal(count.floor())).sum(1, true);
  const above = size.greater(smallest);
  const equal = size.equal(smallest).cast("float32");
  const room = count.floor().sub(above.cast("float32").sum(1, true));
  const tied = size.equal(smallest).logicalAnd(equal.cumsum(1).lessEqual(room));
  return rows.mul(above.logicalOr(tied).logicalAnd(count.greaterEqual(1)).cast("float32"));
}

/**
 * Newton steps of {@linkcode shrink}: 8 were enough for each of 14,000 rows of 784 values, spread
 * over up to eight orders of magnitude; without a sort, they take a third of its time.
 */
const newtonSteps = 9;

/** Every value shrunk by the same amount, down to 0, so that the row's absolute sum is `sum`. */
function shrink(rows: Tensor2D, sum: Tensor2D): Tensor {
  const size = rows.abs();
  let amount: Tensor = tf.zerosLike(sum);
  // What is left falls convexly as the amount grows, so Newton's method comes from below.
  for (let i = 0; i < newtonSteps; i++) {
    const left = size.greater(amount).cast("float32");
    const excess = size.mul(left).sum(1, true).sub(sum);
    amount = excess.div(left.sum(1, true).maximum(1)).maximum(amount);
  }
  return rows.sign().mul(size.sub(amount).maximum(0));
}
