/**
 * A table that grows while a run goes on: what it has is known, and it is whole at every moment.
 *
 * @module
 */
import { exists } from "../setup/host.ts";
import { appendRows, type Column, readRows, type ResultRow, writeRows } from "../results.ts";

/** The columns by which a result is known again: the same in all of them is the same result. */
const identity = [
  "weightsSha256",
  "dataset",
  "subset",
  "reference",
  "p",
  "attack",
  "options",
  "seed",
] as const satisfies readonly Column[];

/** What all images of one measurement have in common. */
export type Identity = Pick<ResultRow, typeof identity[number]>;

const figures = [
  "image",
  "found",
  "minNorm",
  "forwards",
  "backwards",
  "seconds",
] as const satisfies readonly Column[];

/** What is kept in mind of each image. */
export type Figures = Pick<ResultRow, typeof figures[number]>;

/** Time spent on saving is at most one part in this many, and so grows in proportion to rows. */
const SAVING_SHARE = 10;

/** Rows that may wait to be saved: 784 pixels each. */
const MOST_PENDING = 1000;

/** A table being filled. */
export class Table {
  readonly #known = new Map<string, Map<number, Figures>>();
  #pending: ResultRow[] = [];
  #stamp = "";
  /** When saving is worth while again. */
  #due = 0;

  private constructor(readonly file: string) {}

  /**
   * Opens a table; one that is not there yet is made at once, so that a folder that may not be
   * written is met before the work.
   *
   * @throws {SyntaxError} If the file is damaged or no table of results; it is left as it was.
   */
  static async open(file: string): Promise<Table> {
    const table = new Table(file);
    if (!exists(file)) await writeRows(file, []);
    await table.#read();
    return table;
  }

  /** The images that are measured already, by their numbers. */
  known(of: Identity): ReadonlyMap<number, Figures> {
    return this.#of(of);
  }

  /** Adds rows, and saves them unless saving has just taken long. */
  async add(rows: readonly ResultRow[]): Promise<void> {
    this.#pending.push(...rows);
    for (const row of rows) this.#of(row).set(row.image, pick(row));
    const enough = performance.now() >= this.#due || this.#pending.length >= MOST_PENDING;
    if (enough) await this.save();
  }

  /** Saves the rows that are not saved yet. */
  async save(): Promise<void> {
    if (this.#pending.length === 0) return;
    const start = performance.now();
    if (await stampOf(this.file) !== this.#stamp) await this.#leaveToOthers();
    await appendRows(this.file, this.#pending);
    this.#stamp = await stampOf(this.file);
    this.#pending = [];
    const end = performance.now();
    this.#due = end + SAVING_SHARE * (end - start);
  }

  /** Drops pending rows that another process, writing the same file, has saved meanwhile. */
  async #leaveToOthers(): Promise<void> {
    const mine = this.#pending;
    this.#known.clear();
    await this.#read();
    this.#pending = mine.filter((row) => !this.#of(row).has(row.image));
    for (const row of this.#pending) this.#of(row).set(row.image, pick(row));
  }

  async #read(): Promise<void> {
    this.#stamp = await stampOf(this.file);
    for (const row of await readRows(this.file, { columns: [...identity, ...figures] })) {
      this.#of(row).set(row.image, pick(row));
    }
  }

  #of(row: Identity): Map<number, Figures> {
    const key = JSON.stringify(identity.map((name) => String(row[name])));
    const known = this.#known.get(key) ?? new Map<number, Figures>();
    this.#known.set(key, known);
    return known;
  }
}

/** Only its figures, so that the image can go. */
function pick({ image, found, minNorm, forwards, backwards, seconds }: Figures): Figures {
  return { image, found, minNorm, forwards, backwards, seconds };
}

/** Another text whenever the file is another. */
async function stampOf(file: string): Promise<string> {
  const { ino, mtime, size } = await Deno.stat(file);
  return [ino, mtime?.getTime(), size].join(" ");
}
