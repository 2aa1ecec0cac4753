/**
 * Figures of networks and of how they are trained: the second notebook's.
 *
 * @module
 */
import { architectures, summary } from "../../architectures.ts";
import { load } from "../../loader.ts";
import { createNetwork, loadNetwork } from "../../network.ts";
import { progress } from "../../notebook.ts";
import { architectureFigure } from "../../plots/architecture.ts";
import { confusionMatrix } from "../../plots/confusion_matrix.ts";
import { mistakes } from "../../plots/digits.ts";
import { type HistoryRow, trainingHistory } from "../../plots/training_history.ts";
import { confidentMistakes, confusionCounts, predictionRows } from "../../rows.ts";
import { fit } from "../../trainer.ts";
import { known } from "../options.ts";
import { loading } from "../session.ts";
import { sourceOf } from "./data.ts";
import { type Chosen, entry, type Figures } from "./entry.ts";

const predicted = {
  network: "CNN_d",
  dataset: "MNIST" as const,
  subset: "test" as const,
  limit: undefined,
};

/** The figures of chapter 2. */
export const trainingFigures: Figures = {
  "architecture": entry(
    "A network's layers",
    { network: "CNN_d" },
    ({ network }) => {
      const name = architectureOf(network);
      return architectureFigure(name, summary(architectures[name]!));
    },
  ),
  "history": entry(
    "How a network was trained: loss and accuracy, epoch by epoch",
    { network: "CNN_d", dataset: "MNIST" },
    async ({ network, dataset }) => {
      const { name, metadata: { history } } = await loadNetwork(network, { dataset });
      if (history === undefined) {
        throw new TypeError(`Cannot draw how ${network} was trained: its file does not tell`);
      }
      const rows: HistoryRow[] = JSON.parse(history);
      return trainingHistory(rows, { title: `Training of ${name}` });
    },
  ),
  "live-history": entry(
    "The same of a network that is trained for the figure, on a few images",
    { network: "MLP", dataset: "MNIST", limit: 1000, epochs: 3, seed: 0 },
    trainedHere,
  ),
  "confusion": entry(
    "Confusion matrix",
    predicted,
    async (values, signal) => {
      const { name, rows } = await predictions(values, signal);
      const title = `Confusion matrix of ${name}, ${sourceOf(values.dataset, values.subset)}`;
      return confusionMatrix(confusionCounts(rows), { title });
    },
  ),
  "mistakes": entry(
    "The most confident mistakes",
    predicted,
    async (values, signal) => {
      const { name, rows } = await predictions(values, signal);
      const source = sourceOf(values.dataset, values.subset);
      const title = `The most confident mistakes of ${name}, ${source}`;
      return mistakes(confidentMistakes(rows).slice(0, 10), { title });
    },
  ),
};

const architectureOf = (network: string): string =>
  known(network.split("+", 1)[0]!, Object.keys(architectures), "--network");

async function predictions(
  { network, dataset, subset, limit }: Chosen<typeof predicted>,
  signal: AbortSignal,
) {
  const classifier = await loadNetwork(network, { dataset });
  const few = limit === undefined ? {} : { to: limit };
  const digits = await load(subset, { ...loading(dataset, signal), ...few });
  return { name: classifier.name, rows: predictionRows(classifier, digits) };
}

async function trainedHere(
  { network, dataset, limit, epochs, seed }: {
    network: string;
    dataset: "MNIST" | "FashionMNIST";
    limit: number;
    epochs: number;
    seed: number;
  },
  signal: AbortSignal,
) {
  const name = architectureOf(network);
  const digits = await load("train", { ...loading(dataset, signal), to: limit });
  const testDigits = await load("test", { ...loading(dataset, signal), to: 1000 });
  const learner = createNetwork(architectures[name]!, { seed });
  const history: HistoryRow[] = [];
  const bar = progress(epochs, `training ${name}`);
  for await (const epoch of fit(learner, digits, { epochs, seed, testDigits, signal })) {
    history.push(epoch);
    bar.update(epoch.epoch);
  }
  await bar.end();
  const images = limit.toLocaleString("en");
  return trainingHistory(history, { title: `${name}, trained on ${images} images, seed ${seed}` });
}
