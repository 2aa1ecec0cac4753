/**
 * Moves through the lattice of 8-bit images towards smaller norms, one way for each kind of norm.
 *
 * @module
 */
import { type Best, type Levels, look, nearest, type Search, values } from "./lattice.ts";

/** Rounds of a search at most: each costs a gradient and a few forward passes. */
const ROUNDS = 30;

/** How to move in a norm. */
export function improver(p: number): (best: Best) => Search<void> {
  if (p === 0) return fewerPixels;
  if (p === Infinity) return smallerBall;
  return exchange;
}

/** A move of one pixel by so many levels at most, in one direction. */
interface Move {
  pixel: number;
  direction: 1 | -1;
  /** Levels at most. */
  room: number;
  /** By how much a level changes the gap, and the p-th power of the norm. */
  gap: number;
  cost: number;
}

/**
 * L1, L2 and other sums over pixels: levels are given to pixels that close much of the gap for their
 * cost, and taken back from those that close little. The gradient says which; whether the exchange
 * keeps the point adversarial is asked, for exchanges of all sizes at once.
 */
function* exchange(best: Best): Search<void> {
  const clean = nearest(best.clean);
  let point = best.point;
  for (let round = 0, failures = 0; round < ROUNDS && failures < 4; round++) {
    const { gap, gradient } = yield* look(point);
    const all = moves(best, point, clean, gradient);
    const points = best.p > 1 ? jumps(best, point, { gap, gradient }) : [];
    for (let units = 0; units <= 4096; units = units === 0 ? 1 : 2 * units) {
      const next = exchanged(point, { gap, ...all, units });
      if (next) points.push(next);
    }
    const { improved, failed } = yield* best.try(points);
    failures = improved ? 0 : failures + 1;
    // The network is not linear. Its gradient where an exchange all but succeeded leads on.
    const [closest] = failed.sort((a, b) => a.gap - b.gap);
    point = improved || !closest ? best.point : closest.point;
    if (!improved && !closest) return;
  }
}

/** All that pixels can do: forward to close the gap, most for its cost first; back to the clean image. */
function moves(
  { p, clean: pixels }: Best,
  point: Levels,
  clean: Levels,
  gradient: Float32Array,
): Record<"forward" | "back", Move[]> {
  const cost = (i: number, level: number) => Math.abs(values[level]! - pixels[i]!) ** p;
  const [forward, back]: [Move[], Move[]] = [[], []];
  const move = (pixel: number, direction: 1 | -1): Move => {
    const level = point[pixel]!;
    const bound = direction * (clean[pixel]! - level) > 0 ? clean[pixel]! : direction > 0 ? 255 : 0;
    const whole = Math.abs(bound - level);
    const gap = direction * gradient[pixel]! / 255;
    const more = whole === 0 ? 0 : cost(pixel, level + direction) - cost(pixel, level);
    // But for p = 1, each level has another price.
    return { pixel, direction, room: p === 1 ? whole : Math.min(1, whole), gap, cost: more };
  };
  for (let i = 0; i < point.length; i++) {
    if (gradient[i] !== 0) forward.push(move(i, gradient[i]! > 0 ? -1 : 1));
    if (point[i] !== clean[i]) {
      const home = move(i, clean[i]! > point[i]! ? 1 : -1);
      if (home.gap >= 0) back.push(home);
    }
  }
  // What closes the gap at no cost comes first.
  const worth = ({ gap, cost }: Move) => cost <= 0 ? Infinity : -gap / cost;
  const price = ({ gap, cost }: Move) => gap / -cost;
  const useful = forward.filter(({ room }) => room > 0);
  return {
    forward: useful.sort((a, b) => worth(b) - worth(a) || 0),
    back: back.filter(({ cost }) => cost < 0).sort((a, b) => price(a) - price(b)),
  };
}

/** Ways of a jump that are tried. */
const shares = [1, 0.75, 0.5, 0.25];

/**
 * Towards the point nearest to the clean image that closes the gap, were the network linear: the
 * perturbation is a multiple of |gradient|^(1 / (p - 1)) where the box allows it.
 */
function jumps(
  { clean, p }: Best,
  point: Levels,
  { gap, gradient }: { gap: number; gradient: Float32Array },
): Levels[] {
  const steep = gradient.reduce((most, slope) => Math.max(most, Math.abs(slope)), 1e-30);
  const ways = gradient.map((slope) =>
    -Math.sign(slope) * Math.abs(slope / steep) ** (1 / (p - 1))
  );
  const at = (length: number) =>
    clean.map((x, i) => Math.min(1, Math.max(0, x + length * ways[i]!)));
  const left = (there: Float32Array) =>
    there.reduce((sum, x, i) => sum + gradient[i]! * (x - values[point[i]!]!), gap);
  let [near, far] = [0, 1];
  while (left(at(far)) > 0 && far < 1e6) far *= 4;
  for (let halving = 0; halving < 20; halving++) {
    const middle = (near + far) / 2;
    if (left(at(middle)) > 0) near = middle;
    else far = middle;
  }
  const aim = at(far);
  return shares.map((share) =>
    nearest(aim.map((x, i) => values[point[i]!]! + share * (x - values[point[i]!]!)))
  );
}

/** Goes forward by so many levels in all, and back by as many as that allows, if it closes the gap. */
function exchanged(
  from: Levels,
  { gap, forward, back, units }: Record<"forward" | "back", Move[]> & {
    gap: number;
    units: number;
  },
): Levels | undefined {
  const point = from.slice();
  let [left, slack] = [units, -gap];
  for (const { pixel, direction, room, gap } of forward) {
    if (left === 0) break;
    const levels = Math.min(room, left);
    point[pixel] = point[pixel]! + direction * levels;
    left -= levels;
    slack -= gap * levels;
  }
  if (slack < 0) return;
  for (const { pixel, direction, room, gap } of back) {
    const levels = gap === 0 ? room : Math.min(room, Math.floor(slack / gap));
    if (levels <= 0) continue;
    point[pixel] = point[pixel]! + direction * levels;
    slack -= gap * levels;
  }
  return point;
}

/** L-infinity: descends within smaller balls, by longer strides after each success. */
function* smallerBall(best: Best): Search<void> {
  // A hundredth of a level leaves all levels out that are as far away as the point.
  const least = 0.01;
  for (let stride = least; stride >= least;) {
    const succeeds = yield* descend(best, 255 * best.norm - stride);
    if (succeeds) stride = Math.max(1, 2 * stride);
    else if (stride > 1) stride /= 2;
    else stride = stride === 1 ? least : 0;
  }
}

/** Descends on the gap by steps of whole levels, halved where they lead up; the radius is in levels. */
function* descend(best: Best, radius: number): Search<boolean> {
  const inside = (point: ArrayLike<number>) =>
    Uint8Array.from(point, (level, i) => {
      const centre = 255 * best.clean[i]!;
      const [least, most] = [Math.ceil(centre - radius), Math.floor(centre + radius)];
      return Math.min(255, most, Math.max(0, least, level));
    });
  let point = inside(best.point);
  let { gap, gradient } = yield* look(point);
  // The first step reaches the corner of the ball, wherever the point is.
  for (let step = Math.ceil(2 * radius), round = 0; step >= 1 && round < ROUNDS; round++) {
    if (gap <= 0) break;
    const next = inside(Array.from(point, (level, i) => level - step * Math.sign(gradient[i]!)));
    const there = yield* look(next);
    if (there.gap < gap) [point, { gap, gradient }] = [next, there];
    else step = Math.floor(step / 2);
  }
  return best.take([point], [{ gap }]);
}

/**
 * L0: pixels that are changed may go anywhere, so they go as far as helps; then one is dropped, or
 * two are dropped and another is changed, for as long as that is adversarial.
 */
function* fewerPixels(best: Best): Search<void> {
  const clean = nearest(best.clean);
  let point = best.point;
  for (let round = 0; round < ROUNDS; round++) {
    const changed = (of: Levels) => [...of.keys()].filter((i) => of[i] !== clean[i]);
    const here = yield* look(point);
    point = yield* strengthened(point, changed(point), here);
    const { gradient } = yield* look(point);
    const loss = (i: number) => gradient[i]! * (values[clean[i]!]! - values[point[i]!]!);
    const weakest = changed(point).sort((a, b) => loss(a) - loss(b)).slice(0, 12);
    const without = (...dropped: number[]) => {
      const next = point.slice();
      for (const i of dropped) next[i] = clean[i]!;
      return next;
    };
    const extreme = (i: number) => gradient[i]! > 0 ? 0 : 255;
    const gain = (i: number) => Math.abs(gradient[i]! * (values[extreme(i)]! - values[point[i]!]!));
    const fresh = [...point.keys()].filter((i) => point[i] === clean[i])
      .sort((a, b) => gain(b) - gain(a)).slice(0, 6);
    const pairs = weakest.slice(0, 5).flatMap((a, n) => weakest.slice(n + 1, 5).map((b) => [a, b]));
    const swaps = pairs.flatMap((pair) =>
      fresh.map((i) => {
        const next = without(...pair);
        next[i] = extreme(i);
        return next;
      })
    );
    const singles = weakest.map((i) => without(i));
    if ((yield* best.try(singles)).improved || (yield* best.try(swaps)).improved) {
      point = best.point;
    } else {
      return;
    }
  }
}

/** The changed pixels moved to whichever end closes the gap, if it does. */
function* strengthened(
  point: Levels,
  changed: number[],
  { gap, gradient }: { gap: number; gradient: Float32Array },
): Search<Levels> {
  const next = point.slice();
  for (const i of changed) if (gradient[i] !== 0) next[i] = gradient[i]! > 0 ? 0 : 255;
  const ends = changed.map((i) => {
    const one = point.slice();
    one[i] = next[i]!;
    return one;
  });
  const points = [next, ...ends];
  const answers = yield { points, gradients: false };
  const [lowest] = [...answers.keys()].sort((a, b) => answers[a]!.gap - answers[b]!.gap);
  return answers[lowest!]!.gap < gap ? points[lowest!]! : point;
}
