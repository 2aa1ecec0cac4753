/**
 * The search for the smallest adversarial image among those that 8 bits can hold: one image's part,
 * which asks and is answered, so that many images can ask together.
 *
 * @module
 */
/** An image of 8-bit pixels: `levels[i]` stands for the pixel `values[levels[i]]`. */
export type Levels = Uint8Array;

/** The pixel of each level, as the loader computes it: a saved picture reloads bit for bit. */
export const values: Float32Array = Float32Array.from({ length: 256 }, (_, level) => level / 255);

/** The levels nearest to pixels in [0, 1]. */
export const nearest = (image: Float32Array): Levels =>
  Uint8Array.from(image, (pixel) => Math.round(255 * pixel));

/** The image that levels stand for. */
export const imageOf = (levels: Levels): Float32Array =>
  Float32Array.from(levels, (level) => values[level]!);

/** What a search wants to know of some points. */
export interface Ask {
  points: Levels[];
  /** Whether gradients are wanted too. */
  gradients: boolean;
}

/** What it is told of each. */
export interface Answer {
  /** What is missing to be adversarial, in logits: at most 0 if nothing is. */
  gap: number;
  /** The gap's gradient with respect to the pixels, if it was asked for. */
  gradient?: Float32Array;
}

/** A search: it asks, is answered, and in the end gives adversarial points, the smallest last. */
export type Search<R = Levels[]> = Generator<Ask, R, Answer[]>;

/** Where a search begins. */
export interface Start {
  clean: Float32Array;
  /** A float32 adversarial point. */
  perturbed: Float32Array;
}

/** The best point so far, and those before it. */
export class Best {
  readonly points: Levels[] = [];
  norm = Infinity;

  constructor(readonly clean: Float32Array, readonly p: number) {}

  get point(): Levels {
    return this.points.at(-1)!;
  }

  normOf(point: Levels): number {
    const { clean, p } = this;
    let [sum, largest] = [0, 0];
    for (let i = 0; i < clean.length; i++) {
      const size = Math.abs(values[point[i]!]! - clean[i]!);
      if (size > largest) largest = size;
      // Asked for each point that is thought of, and powers are slow.
      sum += p === 2 ? size * size : p === 1 ? size : p === 0 ? Number(size !== 0) : size ** p;
    }
    return p === Infinity ? largest : p === 0 ? sum : sum ** (1 / p);
  }

  /** Takes the smallest of the adversarial ones among points, if it is smaller; says whether. */
  take(points: Levels[], answers: Answer[]): boolean {
    const before = this.norm;
    points.forEach((point, i) => {
      if (answers[i]!.gap > 0) return;
      const norm = this.normOf(point);
      if (norm >= this.norm) return;
      this.points.push(point);
      this.norm = norm;
    });
    return this.norm < before;
  }

  /** Asks of points that would be smaller, and takes the best; says which failed, and their gaps. */
  *try(points: Levels[]): Search<{ improved: boolean; failed: { point: Levels; gap: number }[] }> {
    const smaller = points.filter((point) => this.normOf(point) < this.norm);
    if (smaller.length === 0) return { improved: false, failed: [] };
    const answers = yield { points: smaller, gradients: false };
    const failed = smaller.map((point, i) => ({ point, gap: answers[i]!.gap }))
      .filter(({ gap }) => gap > 0);
    return { improved: this.take(smaller, answers), failed };
  }
}

/** Asks of one point with its gradient. */
export function* look(point: Levels): Search<Required<Answer>> {
  const [{ gap, gradient }] = (yield { points: [point], gradients: true }) as [Answer];
  return { gap, gradient: gradient! };
}

/**
 * Searches for the smallest adversarial image of 8-bit pixels: rounds the point found, repairs it
 * where that is too little, then moves through the lattice as the norm asks for.
 */
export function* search(
  start: Start,
  p: number,
  improve: (best: Best) => Search<void>,
): Search {
  const best = new Best(start.clean, p);
  const clean = nearest(start.clean);
  const points = [clean, ...roundings(start)];
  best.take(points, yield { points, gradients: false });
  if (best.points.length === 0) yield* repair(best, points[1]!);
  const left = best.norm - best.normOf(clean);
  if (best.points.length > 0 && left > 0) yield* improve(best);
  return best.points;
}

/** How much of a level may be cut off when a point is rounded away from the clean image. */
const cuts = [0.5, 0.495, 0.49, 0.48, 0.46, 0.42, 0.35, 0.2, 1e-3];
/** By how much more a perturbation is stretched, for points that rounding does not keep. */
const stretches = [1.01, 1.03, 1.1, 1.3];

/** The perturbed image on the lattice: nearest, then further and further from the clean one. */
function roundings({ clean, perturbed }: Start): Levels[] {
  const rounded = (cut: number, stretch: number) =>
    Uint8Array.from(perturbed, (pixel, i) => {
      const change = pixel - clean[i]!;
      const level = 255 * Math.min(1, Math.max(0, clean[i]! + stretch * change));
      if (change === 0) return Math.round(level);
      return change > 0 ? Math.ceil(level - cut) : Math.floor(level + cut);
    });
  return [
    ...cuts.map((cut) => rounded(cut, 1)),
    ...stretches.map((stretch) => rounded(cuts.at(-1)!, stretch)),
  ];
}

/** Moves single pixels by one level, those that close most of the gap first, until none is left. */
function* repair(best: Best, from: Levels): Search<void> {
  let point = from;
  for (let round = 0; round < 20; round++) {
    const { gap, gradient } = yield* look(point);
    if (best.take([point], [{ gap }])) return;
    const order = [...gradient.keys()].sort((a, b) =>
      Math.abs(gradient[b]!) - Math.abs(gradient[a]!)
    );
    const next = point.slice();
    let left = gap;
    for (const i of order) {
      if (left <= 0 || gradient[i] === 0) break;
      const level = next[i]! - Math.sign(gradient[i]!);
      if (level < 0 || level > 255) continue;
      next[i] = level;
      left -= Math.abs(gradient[i]!) / 255;
    }
    point = next;
  }
}
