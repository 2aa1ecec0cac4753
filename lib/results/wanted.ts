/**
 * Rows of minimal norms from the tables that are there: those that come with the lab, and one's own.
 *
 * @module
 */
import { join } from "node:path";
import { attackNamed, runner } from "../attacks/run.ts";
import { portfolioOf } from "../portfolio/stages.ts";
import { modelFile, modelsFolder, seedFolder } from "../models.ts";
import { readRows, type ResultRow, writeRows } from "../results.ts";
import { identityOf, type Measurement, portfolio } from "./measure.ts";
import { exists } from "../setup/host.ts";
import { lab, root } from "../setup/paths.ts";
import { sha256OfFile } from "./weights.ts";

/** Which minimal norms are wanted: of the first test images, with the true class to be left. */
export interface Wanted {
  networks: readonly string[];
  /** Of 0, 1, 2 and `Infinity`. */
  norms: readonly number[];
  /** How many images, from the first one of the test split. */
  images: number;
  /** `portfolio`, or an attack's name. */
  attack: string;
  /** Forward plus backward passes of each image at most. */
  maxPasses: number;
  /** Of the attacks. */
  seed: number;
  /** Seed of the training: another than 0 means the networks in `models/seeds/`. @default 0 */
  training?: number;
}

/** Where tables lie. */
export interface Folders {
  /** Tables that are only read. @default `data/min-norms`, or `LAB_TABLES` of the environment */
  committed?: string;
  /** Tables that take the rows computed. @default `.lab/min-norms` */
  own?: string;
}

/** A row without its image. */
export type NormRow = Omit<ResultRow, "adversarial">;

/** Where the tables are that come with the lab. */
export const tablesFolder = (): string =>
  Deno.env.get("LAB_TABLES") || join(root, "data", "min-norms");

/** Where tables are that notebooks make. */
export const ownFolder = join(lab, "min-norms");

/**
 * Checks that an attack takes some norms.
 *
 * @param attack `portfolio`, or an attack's name.
 * @throws {RangeError} If there is no such attack, or it does not take one of the norms.
 */
export function assertTakes(attack: string, norms: readonly number[]): void {
  for (const p of norms) {
    if (attack === portfolio) portfolioOf(p);
    else runner(attackNamed(attack), { p, norm: 1, learningRate: 0.01 }, { smallest: true });
  }
}

/**
 * Reads the rows that are wanted, as far as the tables have them.
 *
 * @returns One row for each network, norm and image, in this order.
 * @throws {SyntaxError} If a table is damaged.
 */
export async function wantedRows(wanted: Wanted, folders: Folders = {}): Promise<NormRow[]> {
  const all: NormRow[] = [];
  for (const network of wanted.networks) {
    const { training = 0, attack, maxPasses, seed } = wanted;
    const weightsSha256 = await sha256OfFile(weightsOf(network, training));
    const rows = await readTables(network, training, folders);
    for (const p of wanted.norms) {
      const own = rows.filter(sameAs({ p, attack, maxPasses, seed, weightsSha256 }))
        .filter(({ image }) => image < wanted.images);
      const byImage = new Map(own.toReversed().map((row) => [row.image, row])); // the first counts
      all.push(...[...byImage.values()].sort((a, b) => a.image - b.image));
    }
  }
  return all;
}

/**
 * The rows of images that every network has in every norm, so that all are compared on the same: none
 * as long as one has no rows.
 *
 * @param rows As {@linkcode wantedRows} gives them.
 */
export function commonRows<R extends Pick<NormRow, "network" | "p" | "image">>(
  rows: readonly R[],
  { networks, norms }: Pick<Wanted, "networks" | "norms">,
): R[] {
  const series = networks.length * norms.length;
  const times = new Map<number, number>();
  for (const { image } of rows) times.set(image, (times.get(image) ?? 0) + 1);
  return rows.filter(({ image }) => times.get(image) === series);
}

/** Takes the adversarial images from all rows of a table but those of its first images. */
export async function thinTable(file: string, kept: number): Promise<void> {
  const rows = await readRows(file);
  if (rows.every(({ image, adversarial }) => image < kept || adversarial === null)) return;
  await writeRows(
    file,
    rows.map((row) => row.image < kept ? row : { ...row, adversarial: null }),
  );
}

/** Seeds that a network's weights are there for: 0, and those of `models/seeds/`. */
export async function trainings(network: string): Promise<number[]> {
  const seeds: number[] = [];
  for await (const { name } of Deno.readDir(join(modelsFolder, "seeds"))) {
    if (exists(weightsOf(network, Number(name)))) seeds.push(Number(name));
  }
  return [0, ...seeds.sort((a, b) => a - b)];
}

/** A network's table in a folder of tables. */
export const fileOf = (folder: string, network: string, training = 0): string =>
  training === 0
    ? join(folder, `${network}.parquet`)
    : join(folder, "seeds", String(training), `${network}.parquet`);

/** A network's weights. */
export const weightsOf = (network: string, training: number): string =>
  join(seedFolder(training), modelFile(network));

const columns = [
  ...["network", "weightsSha256", "dataset", "subset", "image", "label", "prediction"],
  ...["reference", "p", "attack", "options", "found", "minNorm", "adversarialClass", "forwards"],
  ...["backwards", "seconds", "seed", "survives8bit", "minNorm8bit", "certifiedNorm"],
  ...["certificate", "foundBy", "optimal"],
] as (keyof NormRow)[];

/** A network's rows in all its tables, those of the committed one first. */
export async function readTables(
  network: string,
  training: number,
  { committed = tablesFolder(), own = ownFolder }: Folders,
): Promise<NormRow[]> {
  const files = [...new Set([committed, own])].map((folder) => fileOf(folder, network, training));
  const rows: NormRow[] = [];
  for (const file of files.filter(exists)) rows.push(...await readRows(file, { columns }));
  return rows;
}

/** What a measurement is known by, besides the network. */
export interface Same extends Pick<Wanted, "attack" | "maxPasses" | "seed"> {
  p: number;
  weightsSha256: string;
}

/** The measurement of a network, as the tables describe it. */
export function measurementOf(
  { p, attack, maxPasses, seed, weightsSha256 }: Same,
): Omit<Measurement, "network"> {
  return {
    ...{ p, maxPasses, seed, weightsSha256, dataset: "MNIST", subset: "test", reference: "label" },
    ...(attack === portfolio ? {} : { attack }),
  };
}

/** Tells rows of one measurement from others. */
export function sameAs(one: Same): (row: NormRow) => boolean {
  const identity = Object.entries(identityOf(measurementOf(one))) as [keyof NormRow, unknown][];
  return (row) => identity.every(([name, value]) => row[name] === value);
}
