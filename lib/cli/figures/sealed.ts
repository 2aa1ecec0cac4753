/**
 * Figures of the sealed images, from the tables of `data/final` alone: the last notebook's.
 *
 * @module
 */
import { recordedAccuracies } from "../../final/accuracy.ts";
import { finalNorms, testNorms } from "../../final/norms.ts";
import { areas, medians, shares } from "../../final/summary.ts";
import { finalResistances, measuredNames, type Model, openModel } from "../../final.ts";
import { intervals } from "../../plots/intervals.ts";
import { normTitle } from "../../plots/min_norms.ts";
import { scoreTitles } from "../../plots/ranking.ts";
import { known } from "../options.ts";
import { entry, type Figures } from "./entry.ts";

/** Images of each half that the tables have minimal norms of. */
const IMAGES = 100;

/** The figures of chapter 8. */
export const sealedFigures: Figures = {
  "final-accuracy": entry(
    "Accuracy on images learned, looked at, and sealed, with intervals",
    { networks: undefined },
    async ({ networks }) => {
      const rows = shares(await recordedAccuracies(await models(networks)));
      const inPercent = rows.map(({ set, ...row }) => ({
        ...{ ...row, panel: "", series: set },
        ...{ value: 100 * row.value, low: 100 * row.low, high: 100 * row.high },
      }));
      return intervals(inPercent, {
        title: "Accuracy on images learned, looked at, and sealed",
        subtitle: "Share of images classified rightly, with 95% Wilson intervals",
        axis: "accuracy (%)",
        zero: false,
      });
    },
  ),
  "final-min-norms": entry(
    "Median minimal norms on test and on both halves of the sealed images, with intervals",
    { networks: undefined, norms: [2, Infinity], seed: 0 },
    async ({ networks, norms, seed }) => {
      const own = await models(networks);
      const onVal = (await finalNorms(own)).filter(({ image }) => image % 5000 < IMAGES);
      const { maxPasses } = onVal[0]!;
      const all = [...await testNorms(own, maxPasses, 2 * IMAGES), ...onVal]
        .filter(({ p }) => norms.includes(p));
      const rows = medians(all, { seed }).map(({ p, set, ...row }) => (
        { ...row, panel: normTitle(p), series: set }
      ));
      return intervals(rows, {
        title: `Median minimal norms on both halves of val: ${norms.map(normTitle).join(" and ")}`,
        subtitle: "Medians with 95% bootstrap intervals; at most " +
          `${maxPasses.toLocaleString("en")} passes an image. Norms are upper bounds`,
        axis: "median norm",
      });
    },
  ),
  "final-ranking": entry(
    "How well small resistances find mistakes on the sealed images, with intervals",
    { networks: undefined },
    async ({ networks }) => {
      const rows = areas(await finalResistances(await models(networks)));
      return intervals(rows.map(({ set, ...row }) => ({ ...row, panel: "", series: set })), {
        title: "How well small resistances find mistakes",
        subtitle: `Area under the ROC curve of ${scoreTitles.resN}, with DeLong's 95% intervals`,
        axis: "area under the ROC curve",
        zero: false,
      });
    },
  ),
};

/** The networks named, or all that the tables have. */
async function models(networks: readonly string[] | undefined): Promise<Model[]> {
  const measured = await measuredNames();
  const names = networks?.map((name) => known(name, measured, "--networks")) ?? measured;
  return await Promise.all(names.map((name) => openModel(name)));
}
