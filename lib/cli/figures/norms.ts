/**
 * Figures of how attacks close in on the smallest norm, and of several trainings: the fourth
 * notebook's that are computed, or need more than one table.
 *
 * @module
 */
import { architectures } from "../../architectures.ts";
import { attacks } from "../../attacks/index.ts";
import { load, test } from "../../loader.ts";
import { minNorm } from "../../minnorm.ts";
import { loadNetwork } from "../../network.ts";
import { progress } from "../../notebook.ts";
import { anytime, type AnytimeRow } from "../../plots/anytime.ts";
import { bisection } from "../../plots/bisection.ts";
import { excess, type ExcessRow } from "../../plots/excess.ts";
import { normTitle } from "../../plots/min_norms.ts";
import { seedDots, type SeedRow } from "../../plots/seed_dots.ts";
import { tablePasses } from "../../results/budget.ts";
import { trainings, wantedRows } from "../../results/wanted.ts";
import { loadSolved } from "../../solved.ts";
import { mean, median } from "../../statistics.ts";
import { bisect, watch } from "../../watch.ts";
import { known } from "../options.ts";
import { checkImage, loading } from "../session.ts";
import { entry, type Figures } from "./entry.ts";

const passes = { "max-passes": 2000, seed: 0 };

/** The figures of chapter 4 that are not drawn from one table. */
export const normFigures: Figures = {
  "bisection": entry(
    "The dichotomy on one image, try by try (computed)",
    { network: "CNN", image: 0, p: 2, steps: 200, ...passes },
    async ({ network, image, p, steps, "max-passes": maxPasses, seed }, signal) => {
      checkImage({ image, subset: "test", dataset: "MNIST" });
      const classifier = await loadNetwork(network);
      const digit = await load("test", { ...loading("MNIST", signal), from: image, to: image + 1 });
      const start = new Map([[0, 32], [1, 12], [2, 2]]).get(p) ?? 0.2;
      const tries = await bisect(classifier, digit, {
        ...{ p, seed, signal, start, steps, tries: 10 },
      });
      const [best] = await minNorm(classifier, digit, {
        ...{ p, seed, signal, maxPasses, ids: [image], reference: "prediction" },
      });
      const norm = best!.found ? best!.norm : Infinity;
      const title = `Closing in on the smallest norm: ${network}, test image ${image}, ${
        normTitle(p)
      }`;
      return bisection(tries, { p, title, known: { norm, name: "found by the portfolio" } });
    },
  ),
  "anytime": entry(
    "The smallest norms found so far, pass by pass (computed on a few images)",
    { network: "CNN", attacks: ["portfolio", "fmn", "minimal"], p: 2, limit: 8, ...passes },
    async ({ network, attacks: names, p, limit, "max-passes": maxPasses, seed }, signal) => {
      const digits = await test(limit);
      const settings = { p, seed, maxPasses, signal };
      const rows: AnytimeRow[] = [];
      const going = watched(await loadNetwork(network), digits, names, settings);
      for await (const { attack, passes, norms } of going) {
        rows.push({ attack, passes, median: median(norms), mean: mean(norms) });
      }
      return anytime(rows, { network, p, images: limit });
    },
  ),
  "excess": entry(
    "How far above the true smallest norms attacks stay, at a network where these are known " +
      "(computed)",
    { attacks: ["portfolio", "fmn", "minimal"], p: 2, limit: undefined, ...passes },
    async ({ attacks: names, p, limit, "max-passes": maxPasses, seed }, signal) => {
      const { network, minimal } = await loadSolved();
      const truth = minimal(p).slice(0, limit);
      const kept = [...truth.keys()].filter((image) => truth[image]! > 0);
      const rows: ExcessRow[] = [];
      const settings = { p, seed, maxPasses, signal };
      const going = watched(network, await test(truth.length), names, settings);
      for await (const { attack, passes, norms } of going) {
        const shares = kept.map((image) => norms[image]! / truth[image]! - 1);
        rows.push({ attack, passes, median: median(shares), worst: Math.max(...shares) });
      }
      return excess(rows, { network: "784-16-16-10", p, images: kept.length });
    },
  ),
  "seed-dots": entry(
    "The same architecture trained with other seeds: a dot for each training",
    { networks: Object.keys(architectures), norms: [0, 1, 2, Infinity], limit: 200 },
    async ({ networks, norms, limit }) => {
      const names = networks.map((name) => known(name, Object.keys(architectures), "--networks"));
      return seedDots(await seedRows(names, norms, limit), { images: limit });
    },
  ),
};

/** Runs attacks one after the other, and tells how each stood, pass by pass. */
async function* watched(
  network: Parameters<typeof watch>[0],
  digits: Parameters<typeof watch>[1],
  names: readonly string[],
  settings: Parameters<typeof watch>[2],
) {
  const all = names.map((name) => known(name, ["portfolio", ...Object.keys(attacks)], "--attacks"));
  const bar = progress(all.length, "attacks watched");
  for (const [done, attack] of all.entries()) {
    for (const moment of await watch(network, digits, { ...settings, attack })) {
      yield { attack, ...moment };
    }
    bar.update(done + 1, attack);
  }
  await bar.end();
}

/** Each training's median over the first images, where there are three trainings or more. */
async function seedRows(
  networks: readonly string[],
  norms: readonly number[],
  images: number,
): Promise<SeedRow[]> {
  const rows: SeedRow[] = [];
  for (const network of networks) {
    const seeds = await trainings(network);
    if (seeds.length < 3) continue;
    for (const training of seeds) {
      const wanted = { networks: [network], norms, images, training };
      const search = { attack: "portfolio", maxPasses: tablePasses, seed: 0 };
      const own = await wantedRows({ ...wanted, ...search });
      for (const p of norms) {
        const values = own.filter((row) => row.p === p).map((row) => row.minNorm);
        if (values.length < images) continue; // the tables lack some
        rows.push({ network, p, training, median: median(values) });
      }
    }
  }
  return rows;
}
