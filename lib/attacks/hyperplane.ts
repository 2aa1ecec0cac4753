/**
 * The nearest point of a half space within the pixel box.
 *
 * @module
 */
import { type Tensor, type Tensor2D, type Tensor4D, tf } from "../backend.ts";

/** A box for each pixel, each of the points' shape or to be broadcast to it. */
export interface Bounds {
  readonly lower: Tensor | number;
  readonly upper: Tensor | number;
}

/**
 * Newton steps of {@linkcode water}: enough for each of 20,000 problems with weights over up to four
 * orders of magnitude; 3 are enough for most.
 */
const newtonSteps = 12;

/**
 * Projects each point onto a half space within the pixel box: the nearest z with `<w, z> <= b` and
 * lower <= z <= upper. Where the box holds no such point, the result is the corner of the box where
 * `<w, z>` is smallest. Exact but for rounding; of several nearest points, one. Call it inside
 * `tf.tidy`.
 *
 * Pixels with weight 0 stay where they are.
 *
 * @param origin Shape `[batch, 28, 28, 1]`, within the bounds.
 * @param w Shape of `origin`.
 * @param b One for each point, shape `[batch, 1, 1, 1]`.
 * @param p 1, 2 or `Infinity`.
 * @param bounds The box. @default [0, 1]
 * @returns Shape of `origin`; the origin itself where it is in the half space already.
 * @throws {RangeError} If `p` is none of these.
 * @see Croce and Hein, "Minimally distorted adversarial examples with a fast adaptive boundary
 *   attack" (2020), https://arxiv.org/abs/1907.02044, which sorts for all three norms.
 */
export function nearest(
  origin: Tensor4D,
  w: Tensor4D,
  b: Tensor4D,
  p: number,
  bounds?: Bounds,
): Tensor4D {
  return lowered(origin, w, w.mul(origin).sum([1, 2, 3], true).sub(b), p, bounds);
}

/**
 * {@linkcode nearest}, told how much is lacking: the nearest z with `<w, z> <= <w, origin> - lack`.
 * Where the plane is near this loses fewer digits than to subtract two large products.
 *
 * @param lack One for each point, shape `[batch, 1, 1, 1]`.
 * @param order Which pixels p = 1 changes first, the largest; shape of `origin`. @default |w|, which
 *   gives the nearest point
 * @throws {RangeError} If `p` is none of these.
 */
export function lowered(
  origin: Tensor4D,
  w: Tensor4D,
  lack: Tensor4D,
  p: number,
  { lower, upper }: Bounds = { lower: 0, upper: 1 },
  order: Tensor4D = w.abs(),
): Tensor4D {
  if (![1, 2, Infinity].includes(p)) {
    throw new RangeError(
      `Cannot find the nearest point as p must be 1, 2 or Infinity: current value is ${p}`,
    );
  }
  const flat = (x: Tensor): Tensor2D => x.reshape([origin.shape[0], -1]);
  const room = flat(tf.where(w.greater(0), tf.sub(origin, lower), tf.sub(upper, origin)));
  const weight = flat(w.abs());
  const change = p === 1
    ? greedy(weight, flat(order), room, flat(lack))
    : water(weight, p === 2 ? weight : tf.onesLike(weight), room, flat(lack));
  const moved: Tensor4D = origin.sub(w.sign().mul(change.reshape(origin.shape)));
  return moved.maximum(lower).minimum(upper);
}

/**
 * Changes that grow together, each at its own speed, until it has used up its room or all of them
 * gain what is lacking; shape `[batch, pixels]`.
 *
 * The gain is concave in time, so Newton's method comes from below and never goes too far.
 */
function water(weight: Tensor2D, speed: Tensor2D, room: Tensor2D, lack: Tensor2D): Tensor2D {
  const most = weight.mul(room);
  const rate = weight.mul(speed);
  let time: Tensor = tf.zerosLike(lack);
  for (let i = 0; i < newtonSteps; i++) {
    const full = speed.mul(time).greaterEqual(room);
    const spent = tf.where(full, most, 0).sum(1, true);
    const free = tf.where(full, 0, rate).sum(1, true);
    time = tf.clipByValue(lack.sub(spent).div(free.maximum(1e-30)), 0, 1e30).maximum(time);
  }
  return speed.mul(time).minimum(room);
}

/** Changes of the first pixels, each by all its room, until what is lacking is gained. */
function greedy(weight: Tensor2D, order: Tensor2D, room: Tensor2D, lack: Tensor2D): Tensor2D {
  const [count, pixels] = weight.shape;
  const most = weight.mul(room);
  const { values, indices } = tf.topk(order, pixels);
  const rows = tf.range(0, count, 1, "int32").mul(tf.scalar(pixels, "int32")).reshape([-1, 1]);
  const places = indices.add(rows).reshape<Tensor>([-1]).cast("int32");
  const gains = most.reshape([-1]).gather(places).reshape(weight.shape);
  const before = gains.cumsum(1).less(lack).cast("float32").sum(1).cast("int32");
  // The place in the order at which it is enough; 0 where all pixels are not.
  const last = tf.oneHot(before, pixels).mul(values).sum(1, true);
  const sum = (which: Tensor) => tf.where(which, most, 0).sum(1, true);
  const [heavier, equal] = [order.greater(last), order.equal(last)];
  const share = lack.sub(sum(heavier)).div(sum(equal).maximum(1e-30));
  const part = tf.where(heavier, 1, tf.where(equal, tf.clipByValue(share, 0, 1), 0));
  return room.mul(part);
}
