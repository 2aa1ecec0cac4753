/**
 * Figures of evaluations of protected networks, from `data/protections`: the sixth notebook's.
 *
 * @module
 */
import { byWorstCase, evaluatedNames, gather, robustnessAt } from "../../evaluation/gathered.ts";
import type { Evaluated } from "../../evaluation/gathered.ts";
import { usualEpsilons } from "../../evaluation/report.ts";
import {
  reportedCertificates,
  reportedSmoothedAttacks,
} from "../../evaluation/reported_smoothed.ts";
import { viewsOf } from "../../evaluation/views.ts";
import { cellsOf, type WorstCase, worstCase } from "../../evaluation/worst_case.ts";
import { test } from "../../loader.ts";
import { loadNetwork } from "../../network.ts";
import { beforeAfter, type BeforeAfterRow } from "../../plots/before_after.ts";
import { certifiedCurves, proofAndAttack } from "../../plots/certified.ts";
import { count, type Figure } from "../../plots/figure.ts";
import { type MinNormRow, normTitle } from "../../plots/min_norms.ts";
import { sideBySide } from "../../plots/side_by_side.ts";
import { tradeOff } from "../../plots/trade_off.ts";
import { worstCases } from "../../plots/worst_cases.ts";
import { pick } from "../../rows.ts";
import { known } from "../options.ts";
import { entry, type Figures } from "./entry.ts";
import { identity, named, table, type TableChoice } from "./rows.ts";

const chosen = { rows: undefined, images: undefined, norms: undefined };

/** A budget for each norm: of those that evaluations tell, the first that is one. */
const budgets = new Map([...usualEpsilons].map(([p, all]) => [p, all[1]!]));

/** The figures of chapter 6. */
export const evaluationFigures: Figures = {
  "before-after": entry(
    "Each image's minimal norm at two networks: without and with protection",
    { ...chosen, networks: ["CNN", "CNN+pgd:linf:0.1"] },
    drawBeforeAfter,
  ),
  "worst-cases": entry(
    "Robust accuracy of networks in each norm, by their worst case",
    { ...chosen, networks: undefined },
    drawWorstCases,
  ),
  "trade-off": entry(
    "Accuracy against robust accuracy, of an architecture with and without protections",
    { network: "CNN", p: Infinity, epsilon: 0.2 },
    async ({ network, p, epsilon }) => {
      const own = (await evaluatedNames()).filter((name) =>
        name === network || name.startsWith(`${network}+`)
      );
      const rows = (await gather(own, new Map([[p, [0, epsilon]]]))).flatMap(({ name, cells }) => {
        const cell = cells.find((one) => one.p === p);
        if (!cell) return [];
        const protections = name.split("+").slice(1);
        return [{
          network: protections.join("+") || "plain",
          kind: protections.map((spec) => spec.split(":")[0]).join("+") || "plain",
          clean: robustnessAt(cell, 0),
          robust: robustnessAt(cell, epsilon),
          suspected: cell.reasons.length > 0,
        }];
      });
      return tradeOff(rows, { p, epsilon, title: `${network}: accuracy against robust accuracy` });
    },
  ),
  "side-by-side": entry(
    "What two networks look at: gradients and smallest perturbations (computed)",
    {
      networks: ["CNN", "CNN+pgd:linf:0.1"],
      shown: [5002, 5003, 5008],
      ...{ p: 2, "max-passes": 300, seed: 0 },
    },
    async ({ networks, shown, p, "max-passes": maxPasses, seed }, signal) => {
      const opened = await Promise.all(networks.map((name) => loadNetwork(name)));
      const views = await viewsOf(opened, pick(await test(), shown), {
        ...{ p, ids: shown, seed, maxPasses, signal },
      });
      const title = `What ${networks.join(" and ")} look at; ${normTitle(p)}, ${maxPasses} passes`;
      return sideBySide(views, { p, title });
    },
  ),
  "certified": entry(
    "Certified accuracy of smoothed classifiers, beside what attacks leave of the plain one",
    { network: "CNN" },
    async ({ network }) => {
      const proofs = await smoothed();
      const [plain] = await gather([network], new Map([[2, [0]]]));
      const norms = plain?.worst.filter(({ p }) => p === 2).map(({ minNorm }) => minNorm) ?? [];
      const subtitle =
        `Lower bounds; ${imagesOf(proofs)} test images for each. A radius is wrong ` +
        "with a probability of 0.001 at most";
      const name = `${network} itself, attacked: an upper bound`;
      return certifiedCurves(proofs, {
        subtitle,
        ...norms.length > 0 && { unproven: { name, norms } },
      });
    },
  ),
  "proof-and-attack": entry(
    "Between proof and attack: what is certified of smoothed classifiers, and what attacks leave",
    {},
    async () => {
      const finds = await reportedSmoothedAttacks();
      const both = (await smoothed()).map((one) => ({
        ...one,
        attacked: finds.flatMap(({ network, sigma, norm }) =>
          network === one.network && sigma === one.sigma ? [norm] : []
        ),
      }));
      const attacked = [...new Set(both.map((one) => one.attacked.length))].join(" or ");
      const subtitle = finds.slice(0, 1).map(({ draws, maxPasses, votes }) =>
        `Attacked: ${attacked} test images each, from 5,000 on, ${maxPasses} passes of ${draws} ` +
        `noisy copies, judged by a vote of ${count(votes)}`
      ).join("");
      return proofAndAttack(both, { subtitle });
    },
  ),
};

/** The smallest norm of each image over all attacks, of networks that were evaluated. */
export async function evaluatedRows(
  { networks = [], norms, images }: TableChoice,
): Promise<WorstCase[]> {
  const rows = (await evaluated(networks)).flatMap(({ worst }) => worst).filter(({ p, image }) =>
    (norms?.includes(p) ?? true) && (!images || image >= images.from && image < images.to)
  );
  if (rows.length > 0) return rows;
  throw new RangeError(
    "Cannot draw this figure as an evaluation must have what --images and --norms name: " +
      `current value is none of ${networks.join(", ")}`,
  );
}

async function evaluated(networks: readonly string[]): Promise<Evaluated[]> {
  const there = await evaluatedNames();
  const names = networks.map((name) => known(name, there, "--networks"));
  return await gather(names, new Map([...budgets].map(([p, epsilon]) => [p, [0, epsilon]])));
}

async function drawBeforeAfter(values: TableChoice): Promise<Figure> {
  const columns = [...identity, "attack"] as const;
  const worst: (MinNormRow & { image: number })[] = values.rows
    ? worstCase(named(await table(values, columns)))
    : await evaluatedRows(values);
  const networks = [...new Set(worst.map(({ network }) => network))];
  const [before, after] = networks;
  if (before === undefined || after === undefined || networks.length > 2) {
    throw new RangeError(
      `Cannot draw before and after as rows must be of two networks: ` +
        `current value is ${networks.join(", ") || "none"}`,
    );
  }
  const key = ({ p, image }: { p: number; image: number }) => `${p} ${image}`;
  const later = new Map(
    worst.filter((row) => row.network === after).map((row) => [key(row), row.minNorm] as const),
  );
  const rows = worst.filter((row) => row.network === before && later.has(key(row)))
    .map((row): BeforeAfterRow => ({ ...row, before: row.minNorm, after: later.get(key(row))! }));
  return beforeAfter(rows, { before, after });
}

async function drawWorstCases(
  values: Omit<TableChoice, "networks"> & { networks: string[] | undefined },
): Promise<Figure> {
  const epsilons = new Map([...budgets].map(([p, epsilon]) => [p, [epsilon]]));
  const { rows, norms, networks, ...rest } = values;
  const cells = rows
    ? cellsOf(named(await table({ ...rest, rows, norms }, [...identity, "attack"])), { epsilons })
    : byWorstCase(await evaluated(networks ?? await evaluatedNames()), budgets)
      .flatMap(({ cells }) => cells.filter(({ p }) => norms?.includes(p) ?? true));
  return worstCases(cells.map((cell) => ({
    ...robustnessAt(cell, budgets.get(cell.p)!),
    network: cell.network,
    p: cell.p,
    suspected: cell.reasons.length > 0,
  })));
}

/**
 * The reported certificates by network and sigma, the smallest first.
 *
 * @throws {RangeError} If there are none.
 */
async function smoothed() {
  const all = await reportedCertificates();
  if (all.length === 0) {
    throw new RangeError(
      "Cannot draw this figure as certificates of the present networks must be there: current value " +
        "is none; `deno task smooth CNN+consistency:0.5 --images 5000:5500` makes some",
    );
  }
  const groups = Map.groupBy(all, ({ network, sigma }) => `${network}, σ = ${sigma}`);
  return [...groups].map(([name, rows]) => ({
    name,
    network: rows[0]!.network,
    sigma: rows[0]!.sigma,
    radii: rows.map(({ label, prediction, radius }) => prediction === label ? radius : -1),
  })).toSorted((a, b) => a.sigma - b.sigma);
}

const imagesOf = (proofs: readonly { radii: readonly number[] }[]): string =>
  [...new Set(proofs.map(({ radii }) => count(radii.length)))].join(", ");
