/**
 * The figures that `figure` draws from a table of minimal norms.
 *
 * @module
 */
import { cellsOf, worstCase } from "../evaluation/worst_case.ts";
import { load, type Subset } from "../loader.ts";
import { beforeAfter } from "../plots/before_after.ts";
import { classNorms } from "../plots/class_norms.ts";
import { eightBitCurve } from "../plots/eight_bit.ts";
import { foundByBars } from "../plots/found_by.ts";
import { minNormCurve, robustAccuracyCurve } from "../plots/min_norm_curves.ts";
import { minNormHistogram } from "../plots/min_norm_histogram.ts";
import { type MinNormRow, normName, normTitle } from "../plots/min_norms.ts";
import type { Figure } from "../plots/figure.ts";
import { type NormCell, normMatrix } from "../plots/norm_matrix.ts";
import { pairedDifferences } from "../plots/paired_differences.ts";
import { resistanceGallery } from "../plots/resistance_gallery.ts";
import { worstCases } from "../plots/worst_cases.ts";
import type { Column, ResultRow } from "../results.ts";
import { pixelsOf } from "../rows.ts";
import { median } from "../statistics.ts";
import { comparePairs } from "../statistics/paired.ts";
import { type ImageRange, imagesOption } from "./measuring.ts";
import { type Option, text, UsageError, type Values } from "./options.ts";
import { loading } from "./session.ts";

/** The options that they alone have. */
export const rowOptions = {
  rows: text("FILES", "Tables of minimal norms, as minnorm writes them: a.parquet,b.parquet"),
  images: {
    value: "n|a:b",
    help:
      "Of tables only images a to b - 1, or the first n (default: all; evaluate tells 5000:10000)",
    read: (given, name) => given === undefined ? undefined : imagesOption.read(given, name),
  } satisfies Option<ImageRange | undefined>,
};

/** What these figures take of the command line. */
export interface RowsRequest {
  readonly values: Values<typeof rowOptions> & { network: string; p: number };
  readonly signal: AbortSignal;
}

const identity = [
  "network",
  "weightsSha256",
  "dataset",
  "subset",
  "image",
  "p",
  "minNorm",
] as const;

/** How each figure is made. */
export const rowFigures: Record<string, (request: RowsRequest) => Promise<Figure>> = {
  async "min-norms"(request) {
    const rows = await table(request, identity);
    return minNormHistogram(named(rows), { title: `Minimal norms, ${source(rows)}` });
  },
  async "min-norm-curve"(request) {
    const rows = await table(request, identity);
    const title = `Share with a perturbation of norm $x$ or less, ${source(rows)}`;
    return minNormCurve(named(rows), { title });
  },
  async "robust-accuracy"(request) {
    const rows = await table(request, identity);
    return robustAccuracyCurve(named(rows), { title: `Robust accuracy, ${source(rows)}` });
  },
  async "paired-differences"(request) {
    const rows = await table(request, identity);
    const title = `Networks compared on the same images, ${source(rows)}`;
    return pairedDifferences(comparePairs(named(rows)), { title });
  },
  async "before-after"(request) {
    const worst = worstCase(named(await table(request, [...identity, "attack"])));
    const networks = [...new Set(worst.map(({ network }) => network))];
    const [before, after] = networks;
    if (before === undefined || after === undefined || networks.length > 2) {
      throw new RangeError(
        `Cannot draw before and after as rows must be of two networks: ` +
          `current value is ${networks.join(", ") || "none"}`,
      );
    }
    const key = ({ p, image }: MinNormRow) => `${p} ${image}`;
    const later = new Map(
      worst.filter((row) => row.network === after).map((row) => [key(row), row.minNorm] as const),
    );
    const rows = worst.filter((row) => row.network === before && later.has(key(row)))
      .map((row) => ({ ...row, before: row.minNorm, after: later.get(key(row))! }));
    return beforeAfter(rows, { before, after });
  },
  async "worst-cases"(request) {
    const rows = named(await table(request, [...identity, "attack"]));
    const { usualEpsilons } = await import("../evaluation/report.ts"); // polars is large
    // Of the budgets that evaluations tell, the first that is one.
    const epsilons = new Map([...usualEpsilons].map(([p, all]) => [p, all.slice(1, 2)]));
    return worstCases(
      cellsOf(rows, { epsilons }).flatMap(({ network, p, robustness, reasons }) =>
        robustness.map((one) => ({ ...one, network, p, suspected: reasons.length > 0 }))
      ),
    );
  },
  async "classes"(request) {
    const { network } = request.values;
    const all = await table(request, [...identity, "label", "adversarialClass"]);
    const rows = all.filter((row) => row.network === network);
    return classNorms(rows, { title: `Minimal norms by class: ${network}, ${source(rows)}` });
  },
  async "class-matrix"(request) {
    const { network, p } = request.values;
    const all = await table(request, [...identity, "label", "adversarialClass"]);
    const rows = all.filter((row) => row.network === network && row.p === p && row.minNorm > 0);
    const groups = Map.groupBy(rows, (row) => `${row.label} ${row.adversarialClass}`);
    const cells = [...groups.values()].flatMap((group): NormCell[] => {
      const [{ label, adversarialClass } = none(all, network, p)] = group;
      const norm = median(group.map((row) => row.minNorm));
      return adversarialClass === null
        ? []
        : [{ from: label, to: adversarialClass, norm, images: group.length }];
    });
    if (cells.length === 0) none(all, network, p);
    const subtitle = "Where the smallest perturbation leads: medians, and how many images. " +
      `${network}, ${source(rows)}`;
    return normMatrix(cells, { p, subtitle });
  },
  async "found-by"(request) {
    return foundByBars(named(await table(request, [...identity, "foundBy"])));
  },
  async "eight-bit"(request) {
    const rows = await table(request, [...identity, "survives8bit", "minNorm8bit"]);
    return eightBitCurve(named(rows), { title: `What 256 levels of grey cost, ${source(rows)}` });
  },
  async "resistance"(request) {
    const { values: { network, p }, signal } = request;
    const all = await table(request, [...identity, "label", "adversarialClass", "adversarial"]);
    const rows = all.filter((row) => row.network === network && row.p === p);
    const [{ dataset, subset } = none(all, network, p)] = rows;
    if (rows.some((row) => row.dataset !== dataset || row.subset !== subset)) {
      throw new RangeError(
        `Cannot draw a gallery as rows must be of one subset: current value is ${source(rows)}`,
      );
    }
    const to = rows.reduce((most, { image }) => Math.max(most, image + 1), 0);
    // A table's data sets and subsets are those that the loader has.
    const among = loading(dataset as "MNIST", signal);
    const { images, labels } = await load(subset as Subset, { ...among, to });
    const clean = pixelsOf(images);
    for (const tensor of [images, labels]) tensor.dispose();
    const pictured = named(rows).map((row) => ({ ...row, pixels: clean[row.image]! }));
    const title = `The least and the most resistant of ${source(rows)}: ${network}, ${
      normTitle(p)
    }`;
    return resistanceGallery(pictured, { title });
  },
};

/** The rows of all tables that the command line names, of the images that it names. */
async function table<C extends Column>(
  { values: { rows: files, images } }: RowsRequest,
  columns: readonly (C | "image")[],
): Promise<Pick<ResultRow, C | "image">[]> {
  if (files === undefined) {
    throw new UsageError("Cannot draw this figure as --rows FILE.parquet is missing");
  }
  const { readRows } = await import("../results.ts"); // polars is large
  const tables = files.split(",").map((file) => readRows(file, { columns }));
  const all = (await Promise.all(tables)).flat();
  if (images === undefined) return all;
  const rows = all.filter(({ image }) => image >= images.from && image < images.to);
  if (rows.length > 0) return rows;
  throw new RangeError(
    `Cannot draw this figure as a table must have an image of --images: ` +
      `current value is ${images.from}:${images.to}`,
  );
}

/** Rows whose networks bear their weights where one name stands for several. */
function named<R extends MinNormRow & { weightsSha256: string }>(rows: readonly R[]): R[] {
  const weights = new Map<string, Set<string>>();
  for (const { network, weightsSha256 } of rows) {
    weights.set(network, (weights.get(network) ?? new Set()).add(weightsSha256));
  }
  return rows.map((row) => {
    const several = (weights.get(row.network)?.size ?? 0) > 1;
    return several ? { ...row, network: `${row.network} ${row.weightsSha256.slice(0, 8)}` } : row;
  });
}

/** "MNIST's test images", or several of these. */
function source(rows: readonly { dataset: string; subset: string }[]): string {
  return [...new Set(rows.map((row) => `${row.dataset}'s ${row.subset}`))].join(", ") + " images";
}

function none(rows: readonly MinNormRow[], network: string, p: number): never {
  const there = new Set(rows.map((row) => `${row.network} in ${normName(row.p)}`));
  throw new RangeError(
    `Cannot draw a gallery as the table has no rows of ${network} in ${normName(p)}: ` +
      `current value is ${[...there].join(", ") || "none"}`,
  );
}
