/**
 * Examples of the figures of resistances and rankings: of known formulas, some resistances infinite.
 *
 * @module
 */
import { evasionFigure } from "$lib/plots/evasion.ts";
import type { Figure } from "$lib/plots/figure.ts";
import { rankingFigure, rocPanels, scoreTitles } from "$lib/plots/ranking.ts";
import { reliabilityFigure } from "$lib/plots/reliability.ts";
import { resistanceDistribution } from "$lib/plots/resistance_distribution.ts";
import { resistancePaths } from "$lib/plots/resistance_paths.ts";
import { thresholdErrors } from "$lib/plots/threshold_errors.ts";
import { precisionRecall, riskCoverage, roc, thresholds } from "$lib/statistics/ranking.ts";

/** Numbers spread evenly over [0, 1), in an order that looks like none. */
const spread = (count: number) =>
  Array.from({ length: count }, (_, i) => (i * 0.618034 + 0.31) % 1);

/** 400 resistances like Rayleigh's distribution; one in ten is a mistake's, and a quarter as large. */
const rows = spread(400).map((share, i) => {
  const wrong = i % 10 === 3;
  const size = (wrong ? 0.4 : 1.6) * Math.sqrt(-Math.log(1 - share));
  const infinite = i % 31 === 30;
  return {
    wrong,
    resN: infinite ? Infinity : size,
    resMax: infinite ? Infinity : 2.2 * size,
    resMin: infinite ? Infinity : Math.ceil(90 * size),
  };
});
const positives = rows.map(({ wrong }) => wrong);
const scores = rows.map(({ resN }) => -resN);
const noisy = scores.map((score, i) => score + Math.sin(7 * i));

const curves = ([["resN", scores], ["margin", noisy]] as const).map(([name, scores]) => ({
  name: scoreTitles[name]!,
  roc: roc({ scores, positives }),
  precision: precisionRecall({ scores, positives }),
  risk: riskCoverage({ scores, positives }),
}));

/** The path of an image that needs the norm `need`. */
function path(name: string, need: number) {
  const rising = Math.min(500, 36 * need);
  const norms = Array.from(
    { length: 500 },
    (_, i) => i < rising ? i / 30 : rising / 30 * Math.max(0.6, 1 - (i - rising) / 400),
  );
  const confidences = norms.map((norm, i) =>
    i < rising ? 1 / (1 + Math.exp(6 * (norm - need))) : 0.2 + 0.03 * Math.sin(i / 4)
  );
  return { name, norms, confidences, resMin: rising < 500 ? Math.ceil(rising) : Infinity };
}

const steps = thresholds({ scores, positives });

export const resistanceExamples: Record<string, () => Figure> = {
  "resistance_paths": () =>
    resistancePaths([path("image 3, an 8", 1), path("image 7, a 6", 9), path("image 9, a 1", 20)], {
      subtitle: "CNN, 500 steps; grey: confidences at which the loss changes",
    }),
  "resistance_distribution": () => resistanceDistribution(rows, { subtitle: "CNN, 400 images" }),
  "threshold_errors": () =>
    thresholdErrors(
      steps.steps.map(({ threshold, found, falseAlarms }) => (
        { threshold: -threshold, missed: steps.positives - found, falseAlarms }
      )),
      { subtitle: "CNN, 400 images" },
    ),
  "ranking": () => rankingFigure(curves, { subtitle: "CNN, 40 mistakes among 400 images" }),
  "ranking_near": () => rankingFigure(curves, { most: 0.2, title: "False alarms to 20%" }),
  "roc_panels": () =>
    rocPanels(
      ["L0", "L1", "L2", "L∞"].flatMap((group, i) =>
        curves.slice(0, 1 + i % 2).map((curve) => ({ ...curve, group }))
      ),
      { most: 0.4, title: `Adversarial images caught by ${scoreTitles.resN}` },
    ),
  "reliability": () =>
    reliabilityFigure(
      ["as it is", "fitted", "softmax"].flatMap((name, i) =>
        [0.002, 0.03, 0.12, 0.4, 0.8].map((promised, k) => (
          { name, count: 400 / 2 ** k, promised, kept: Math.min(1, promised ** (0.6 + 0.4 * i)) }
        ))
      ),
      { subtitle: "CNN: 775 images" },
    ),
  "evasion": () =>
    evasionFigure(
      ["1%", "5%"].flatMap((alarms, i) =>
        [1.1, 1.5, 2, 3].map((factor) => ({
          name: `${scoreTitles.resN}, ${alarms} false alarms`,
          factor,
          count: 64,
          evading: Math.round(64 / (1 + Math.exp(6 * (1.3 + 0.3 * i - factor)))),
        }))
      ),
      { subtitle: "CNN: 64 images" },
    ),
};
