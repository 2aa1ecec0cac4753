/**
 * Figures of resistances, and of what they tell: the fifth notebook's. Their rows come from the tables
 * of `data/resistances`, but for what says that it is computed.
 *
 * @module
 */
import { resistances } from "../../attacks/resistance.ts";
import { test } from "../../loader.ts";
import { loadNetwork } from "../../network.ts";
import { progress } from "../../notebook.ts";
import { withArticle } from "../../numbers.ts";
import { evasionFigure } from "../../plots/evasion.ts";
import { count, percent } from "../../plots/figure.ts";
import { normTitle } from "../../plots/min_norms.ts";
import { rankingFigure, rocPanels, scoreTitles } from "../../plots/ranking.ts";
import { reliabilityFigure } from "../../plots/reliability.ts";
import { resistanceDistribution } from "../../plots/resistance_distribution.ts";
import { resistancePaths } from "../../plots/resistance_paths.ts";
import { thresholdErrors } from "../../plots/threshold_errors.ts";
import { trainDiscriminator } from "../../resistance/discriminator.ts";
import { exampleSources } from "../../resistance/examples.ts";
import { attackedOf, caught, decisions, evasions, promises } from "../../resistance/judged.ts";
import { isWrong, type ScoreName, suspicion } from "../../resistance/scores.ts";
import { openStudy, populationOf, rankingCurves, splitByTurns } from "../../resistance/study.ts";
import { digitRows, pick } from "../../rows.ts";
import { roc } from "../../statistics/ranking.ts";
import { type Chosen, entry, type Figures } from "./entry.ts";

const scored = { network: "CNN", resistance: "resN" as const, limit: 10_000 };
const attacked = { ...scored, examples: 64 };
const taught = { ...scored, steps: 2000, seed: 0 };

/** False alarms drawn: beyond, no detector is of use. */
const most = 0.3;

/** The figures of chapter 5. */
export const resistanceFigures: Figures = {
  "resistance-paths": entry(
    "The second attack's path on some images, in norm and confidence (computed)",
    { network: "CNN", shown: [307, 160, 183], steps: 500 },
    async ({ network, shown, steps }, signal) => {
      const digits = pick(await test(), shown);
      const paths = await resistances(await loadNetwork(network), digits.images, { steps, signal });
      const named = digitRows(digits).map(({ label }, i) => (
        { name: `image ${shown[i]}, ${withArticle(label)}`, ...paths[i]! }
      ));
      const subtitle = `${network}, ${steps} steps; grey: confidences at which the loss changes`;
      return resistancePaths(named, { subtitle });
    },
  ),
  "resistance-distribution": entry(
    "Resistances of images classified rightly and wrongly",
    { network: "CNN", limit: 10_000 },
    async ({ network, limit }) => {
      const { records, scope } = await studied({ network, limit });
      const rows = records.map((record) => ({ ...record, wrong: isWrong(record) }));
      return resistanceDistribution(rows, { subtitle: `${scope}, reference: prediction` });
    },
  ),
  "threshold-errors": entry(
    "Wrong decisions of a detector of mistakes, threshold by threshold",
    scored,
    async ({ resistance, ...values }) => {
      const { rank, scope } = await studied(values);
      return thresholdErrors(decisions(rank(resistance)), {
        ...{
          title: "Wrong decisions, by threshold",
          name: scoreTitles[resistance]!,
          subtitle: scope,
        },
      });
    },
  ),
  "rankings": entry(
    "How well scores rank mistakes: ROC, precision and recall, risk and coverage",
    scored,
    async ({ resistance, ...values }) => {
      const { rank, rivals, scope } = await studied(values);
      const curves = rivals(resistance).map((name) =>
        rankingCurves(scoreTitles[name]!, rank(name))
      );
      return rankingFigure(curves, {
        most,
        subtitle: `${scope}; false alarms to ${percent(most, 0)}`,
      });
    },
  ),
  "reliability": entry(
    "Probabilities of a mistake, promised and kept",
    scored,
    async ({ resistance, ...values }) => {
      const { records } = await studied(values);
      const { bins, images, mistakes } = promises(records, resistance);
      const names = {
        score: "1 − the report's score",
        isotonic: `${scoreTitles[resistance]}, isotonic`,
        softmax: "softmax as it is",
        temperature: "softmax, temperature",
      };
      return reliabilityFigure(bins.map(({ by, ...bin }) => ({ name: names[by], ...bin })), {
        subtitle: `${values.network}: ${count(images)} images, ${mistakes} mistakes`,
      });
    },
  ),
  "discriminators": entry(
    "Discriminators that are trained on curves of the attack, and simpler scores (computed)",
    taught,
    discriminators,
  ),
  "detection": entry(
    "ROC curves: adversarial images caught by their resistance, attack by attack",
    attacked,
    async ({ resistance, examples, ...values }) => {
      const { study, records, fail } = await studied(values);
      const own = attackedOf(study, records, exampleSources, examples);
      const rows = caught(own, resistance);
      if (rows.length === 0) throw fail("attacked images");
      return rocPanels(
        rows.map(({ source, p, ranked }) => (
          { name: source, group: normTitle(p!), roc: roc(ranked) }
        )),
        {
          ...{ most: 0.2, title: `Adversarial images caught by ${scoreTitles[resistance]}` },
          subtitle: `${values.network}: up to ${own.count} images an attack, against ` +
            `${count(own.right.length)} clean ones`,
        },
      );
    },
  ),
  "evasion": entry(
    "The price of evading a detector that is known",
    attacked,
    async ({ resistance, examples, ...values }) => {
      const { study, records, fail } = await studied(values);
      const own = attackedOf(study, records, exampleSources, examples);
      const detectors = [[0.01, resistance], [0.05, resistance], [0.05, "margin"]] as const;
      const rows = detectors.flatMap(([alarms, score]) =>
        evasions(own, score, alarms).map((row) => (
          { name: `${scoreTitles[score]}, ${percent(alarms, 0)} false alarms`, ...row }
        ))
      );
      if (rows.length === 0) throw fail("images that evade a detector");
      const subtitle = `${values.network}: ${own.count} images, 95% intervals`;
      return evasionFigure(rows, { subtitle });
    },
  ),
};

/** What the tables know of a network's first test images. */
async function studied({ network, limit }: { network: string; limit: number }) {
  const classifier = await loadNetwork(network);
  const study = await openStudy(classifier, await test(limit));
  const { records, weights } = populationOf(study);
  const positives = records.map(isWrong);
  const mistakes = positives.filter(Boolean).length;
  const fail = (what: string) =>
    new RangeError(
      `Cannot draw this figure as tables must have ${what} of ${network}'s weights; ` +
        `\`deno task resistance ${network}\` makes one: ` +
        `current value is ${records.length} images, ${mistakes} of them mistakes`,
    );
  if (mistakes < 4 || mistakes === records.length) throw fail("4 mistakes at least, and others,");
  const searched = records.every(({ minNorm }) => minNorm !== null);
  return {
    study,
    records: records.map((record, i) => ({ ...record, weight: weights[i]! })),
    scope: `${network}, ${mistakes} mistakes among ${count(limit)} images`,
    rank: (name: ScoreName) => (
      { scores: records.map((record) => suspicion(record, name)), positives, weights }
    ),
    /** The scores that a resistance is drawn with. */
    rivals: (resistance: ScoreName): ScoreName[] => [
      resistance,
      ...searched ? ["minNorm" as const] : [],
      "margin",
      "entropy",
    ],
    fail,
  };
}

async function discriminators(
  { resistance, steps, seed, ...values }: Chosen<typeof taught>,
  signal: AbortSignal,
) {
  const { records, rivals, scope, fail } = await studied(values);
  const [lesson, exam] = splitByTurns(records.filter(({ norms }) => norms !== null));
  if (!exam.some(isWrong)) throw fail("curves");
  const onExam = (name: string, scores: number[]) =>
    rankingCurves(name, {
      scores,
      positives: exam.map(isWrong),
      weights: exam.map(({ weight }) => weight),
    });
  const bar = progress(2, `two discriminators, ${lesson.length} curves`);
  const curves = [];
  for (const [turn, curve] of (["norms", "confidences"] as const).entries()) {
    const examples = lesson.map((one) => ({ curve: one[curve]!, wrong: isWrong(one) }));
    const discriminator = await trainDiscriminator(examples, {
      ...{ steps, seed, signal },
      onProgress: (done) => bar.update(turn + done),
    });
    const scores = discriminator.suspicions(exam.map((one) => one[curve]!));
    curves.push(onExam(`discriminator, ${curve}`, scores));
    discriminator.dispose();
  }
  await bar.end();
  for (const name of rivals(resistance).filter((name) => name !== "entropy")) {
    curves.push(onExam(scoreTitles[name]!, exam.map((one) => suspicion(one, name))));
  }
  const title = "Discriminators and what is simpler";
  return rankingFigure(curves, {
    title,
    most,
    subtitle: `${scope}: ${count(exam.length)} curves not seen`,
  });
}
