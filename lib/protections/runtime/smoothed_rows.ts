/**
 * Rows of smoothed classifiers, certified or attacked: their order, and tables filled with those that
 * they lack.
 *
 * @module
 */
import { exists } from "../../setup/host.ts";

/** Rows by network, sigma and image. */
export const inOrder = <R extends { network: string; sigma: number; image: number }>(
  rows: readonly R[],
): R[] =>
  rows.toSorted((a, b) =>
    a.network.localeCompare(b.network) || a.sigma - b.sigma || a.image - b.image
  );

/** Whether a row is of a setting: the same weights under another name are the same. */
const isOf = <S extends { network: string }>(row: S, { network: _, ...setting }: S): boolean =>
  Object.entries(setting).every(([key, value]) => row[key as keyof S] === value);

/** How a table's rows are read, written and found. */
export interface Filling<R, F> {
  read(file: string): Promise<R[]>;
  write(file: string, rows: readonly R[]): Promise<void>;
  /** Rows between two writes of the table, lost if the process is killed. */
  batch: number;
  /** Finds what belongs to these images, one after another. */
  find(images: readonly number[]): AsyncIterable<F>;
}

/**
 * Fills a table with rows of those images that it lacks. Killed, it goes on where it was.
 *
 * @param setting What all rows have in common, by which they are known again.
 * @returns The rows of this setting and these images.
 * @throws As `read`, `write` and `find`; what was found until then is saved.
 */
export async function fillTable<S extends { network: string }, F extends { image: number }>(
  file: string,
  setting: S,
  images: readonly number[],
  { read, write, batch, find }: Filling<S & F, F>,
): Promise<(S & F)[]> {
  const current = async () => {
    const all = exists(file) ? await read(file) : [];
    const own = all.filter((row) => isOf<S>(row, setting));
    return { all, own, known: new Set(own.map(({ image }) => image)) };
  };
  let fresh: (S & F)[] = [];
  const save = async () => {
    const { all, known } = await current(); // again: another run may have added rows meanwhile
    const added = fresh.filter(({ image }) => !known.has(image));
    await write(file, [...all, ...added]);
    fresh = [];
  };
  const { known } = await current();
  try {
    for await (const found of find(images.filter((image) => !known.has(image)))) {
      fresh.push({ ...setting, ...found });
      if (fresh.length === batch) await save();
    }
  } finally {
    if (fresh.length > 0) await save();
  }
  const wanted = new Set(images);
  return (await current()).own.filter(({ image }) => wanted.has(image));
}
