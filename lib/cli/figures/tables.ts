/**
 * Figures of tables of minimal norms: those that come with the lab, or one's own by `--rows`.
 *
 * @module
 */
import { architectures } from "../../architectures.ts";
import { load, type Subset } from "../../loader.ts";
import { classNorms } from "../../plots/class_norms.ts";
import { eightBitCurve } from "../../plots/eight_bit.ts";
import { foundByBars } from "../../plots/found_by.ts";
import { minNormCurve, robustAccuracyCurve } from "../../plots/min_norm_curves.ts";
import { minNormHistogram } from "../../plots/min_norm_histogram.ts";
import { type NormCell, normMatrix } from "../../plots/norm_matrix.ts";
import { normTitle } from "../../plots/min_norms.ts";
import { pairedDifferences } from "../../plots/paired_differences.ts";
import { resistanceGallery } from "../../plots/resistance_gallery.ts";
import { pixelsOf } from "../../rows.ts";
import { median } from "../../statistics.ts";
import { comparePairs } from "../../statistics/paired.ts";
import { loading } from "../session.ts";
import { entry, type Figures } from "./entry.ts";
import { evaluatedRows } from "./evaluations.ts";
import { identity, named, none, scopeOf, table } from "./rows.ts";

const all = Object.keys(architectures);
const several = { rows: undefined, images: undefined, norms: undefined, networks: all };
const one = { rows: undefined, images: undefined, network: "CNN" };
/** Images whose adversarial ones the committed tables keep. */
const pictured = { from: 0, to: 200 };

/** The figures of chapter 4 whose rows are in tables. */
export const tableFigures: Figures = {
  "min-norms": entry(
    "Histograms of minimal norms",
    several,
    async ({ norms, ...values }) => {
      // Of seven networks two norms fill a page.
      const few = norms ?? (values.rows === undefined ? [2, Infinity] : undefined);
      const rows = await table({ ...values, norms: few }, identity);
      return minNormHistogram(named(rows), { title: `Minimal norms, ${scopeOf(rows)}` });
    },
  ),
  "min-norm-curve": entry(
    "Share of images with a perturbation of a norm or less",
    several,
    async (values) => {
      const rows = await table(values, identity);
      const title = `Share with a perturbation of norm $x$ or less, ${scopeOf(rows)}`;
      return minNormCurve(named(rows), { title });
    },
  ),
  "robust-accuracy": entry(
    "Robust accuracy against epsilon; of protected networks the worst case of all attacks",
    several,
    async (values) => {
      // Protected networks have evaluations, by several attacks, and no table of one portfolio.
      if (!values.rows && values.networks.some((name) => name.includes("+"))) {
        const title = "Robust accuracy: the worst case of all attacks, MNIST's test images";
        return robustAccuracyCurve(await evaluatedRows(values), { title });
      }
      const rows = await table(values, identity);
      return robustAccuracyCurve(named(rows), { title: `Robust accuracy, ${scopeOf(rows)}` });
    },
  ),
  "paired-differences": entry(
    "Networks compared on the same images, with intervals and Holm's correction",
    several,
    async (values) => {
      const rows = await table(values, identity);
      const title = `Networks compared on the same images, ${scopeOf(rows)}`;
      return pairedDifferences(comparePairs(named(rows)), { title });
    },
  ),
  "classes": entry(
    "Minimal norms by class",
    one,
    async (values) => {
      const { network } = values;
      const known = await table(values, [...identity, "label", "adversarialClass"]);
      const rows = known.filter((row) => row.network === network);
      return classNorms(rows, { title: `Minimal norms by class: ${network}, ${scopeOf(rows)}` });
    },
  ),
  "class-matrix": entry(
    "Where the smallest perturbation of each class leads",
    { ...one, p: 2 },
    async (values) => {
      const { network, p } = values;
      const known = await table(values, [...identity, "label", "adversarialClass"]);
      const rows = known.filter((row) => row.network === network && row.p === p && row.minNorm > 0);
      const cells = leads(rows);
      if (cells.length === 0) none(known, network, p);
      const subtitle = "Where the smallest perturbation leads: medians, and how many images. " +
        `${network}, ${scopeOf(rows)}`;
      return normMatrix(cells, { p, subtitle });
    },
  ),
  "found-by": entry(
    "Which attack of the portfolio found the smallest",
    several,
    async (values) => foundByBars(named(await table(values, [...identity, "foundBy"]))),
  ),
  "eight-bit": entry(
    "What it costs to keep to 256 levels of grey",
    several,
    async (values) => {
      const rows = await table(values, [...identity, "survives8bit", "minNorm8bit"]);
      return eightBitCurve(named(rows), {
        title: `What 256 levels of grey cost, ${scopeOf(rows)}`,
      });
    },
  ),
  "resistance": entry(
    "The least and the most resistant images, with their adversarial ones",
    { ...one, p: 2 },
    gallery,
  ),
};

interface Lead {
  label: number;
  adversarialClass: number | null;
  minNorm: number;
}

/** Medians by class and adversarial class. */
function leads(rows: readonly Lead[]): NormCell[] {
  const groups = Map.groupBy(rows, (row) => `${row.label} ${row.adversarialClass}`);
  return [...groups.values()].flatMap((group): NormCell[] => {
    const { label, adversarialClass } = group[0]!;
    const norm = median(group.map((row) => row.minNorm));
    return adversarialClass === null
      ? []
      : [{ from: label, to: adversarialClass, norm, images: group.length }];
  });
}

async function gallery(
  values: {
    rows: string | undefined;
    images: typeof pictured | undefined;
    network: string;
    p: number;
  },
  signal: AbortSignal,
) {
  const { network, p } = values;
  const images = values.images ?? (values.rows === undefined ? pictured : undefined);
  const columns = [...identity, "label", "adversarialClass", "adversarial"] as const;
  const known = await table({ ...values, images }, columns);
  const rows = known.filter((row) => row.network === network && row.p === p);
  const [{ dataset, subset } = none(known, network, p)] = rows;
  if (rows.some((row) => row.dataset !== dataset || row.subset !== subset)) {
    throw new RangeError(
      `Cannot draw a gallery as rows must be of one subset: current value is ${scopeOf(rows)}`,
    );
  }
  const to = rows.reduce((most, { image }) => Math.max(most, image + 1), 0);
  // A table's data sets and subsets are those that the loader has.
  const among = loading(dataset as "MNIST", signal);
  const digits = await load(subset as Subset, { ...among, to });
  const clean = pixelsOf(digits.images);
  for (const tensor of [digits.images, digits.labels]) tensor.dispose();
  const pictures = named(rows).map((row) => ({ ...row, pixels: clean[row.image]! }));
  const title = `The least and the most resistant of ${scopeOf(rows)}: ${network}, ${normTitle(p)}`;
  return resistanceGallery(pictures, { title });
}
