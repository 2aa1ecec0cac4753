/**
 * Two sides timed in alternating short rounds, as a machine's speed drifts.
 *
 * @module
 */

/** Milliseconds of one run, from a round of runs. */
export type Side = (repeats: number) => Promise<number>;

/** What the rounds came to. */
export interface Comparison {
  /** Median milliseconds of one run. */
  ours: number;
  peer: number;
  /** Median of the rounds' ratios peer / ours, and the quartiles around it. */
  ratio: number;
  ratioQuartiles: [number, number];
}

/** The p-quantile by linear interpolation. */
export function quantile(values: readonly number[], p: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const place = (sorted.length - 1) * p;
  const [below, above] = [sorted[Math.floor(place)]!, sorted[Math.ceil(place)]!];
  return below + (above - below) * (place % 1);
}

/** Times a function of this process. */
export function timed(run: () => void): Side {
  return (repeats) => {
    const start = performance.now();
    for (let i = 0; i < repeats; i++) run();
    return Promise.resolve((performance.now() - start) / repeats);
  };
}

/** How many runs fill a round of some milliseconds; the first runs warm up. */
export async function repeatsFor(side: Side, milliseconds: number): Promise<number> {
  await side(3);
  return Math.max(1, Math.round(milliseconds / await side(2)));
}

/** Threads of the side that just ran may still spin: a pause, so that they don't take the other's cores. */
const pause = () => new Promise((resolve) => setTimeout(resolve, 300));

/**
 * Times both sides, turn by turn.
 *
 * @param options.rounds @default 15
 * @param options.roundMilliseconds Length of a side's turn. @default 150
 */
export async function alternate(
  ours: Side,
  peer: Side,
  { rounds = 15, roundMilliseconds = 150 } = {},
): Promise<Comparison> {
  const [mine, theirs] = [
    await repeatsFor(ours, roundMilliseconds),
    await repeatsFor(peer, roundMilliseconds),
  ];
  const times: [ours: number, peer: number][] = [];
  for (let round = 0; round < rounds; round++) {
    await pause();
    const a = await ours(mine);
    await pause();
    times.push([a, await peer(theirs)]);
  }
  const ratios = times.map(([a, b]) => b / a);
  return {
    ours: quantile(times.map(([a]) => a), 0.5),
    peer: quantile(times.map(([, b]) => b), 0.5),
    ratio: quantile(ratios, 0.5),
    ratioQuartiles: [quantile(ratios, 0.25), quantile(ratios, 0.75)],
  };
}
