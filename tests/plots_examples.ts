/**
 * One example of each figure, made of real digits and of curves with known formulas.
 *
 * @module
 */
import digits from "./fixtures/digits.json" with { type: "json" };
import { CNN_bn, CNN_d, MLP, summary } from "$lib/architectures.ts";
import { architectureFigure } from "$lib/plots/architecture.ts";
import { attackPictures } from "$lib/plots/attack_pictures.ts";
import { attackTrace } from "$lib/plots/attack_trace.ts";
import { classBalance } from "$lib/plots/class_balance.ts";
import { confidenceLine } from "$lib/plots/confidence_line.ts";
import { confusionMatrix } from "$lib/plots/confusion_matrix.ts";
import { digitGrid, meanDigits, mistakes } from "$lib/plots/digits.ts";
import type { Figure } from "$lib/plots/figure.ts";
import { intervals } from "$lib/plots/intervals.ts";
import { sweep, sweepPictures } from "$lib/plots/sweep.ts";
import { trainingHistory } from "$lib/plots/training_history.ts";
import { minNormExamples } from "./min_norm_examples.ts";
import { resistanceExamples } from "./resistance_examples.ts";
import { normStoryExamples } from "./norm_story_examples.ts";
import { protectionExamples } from "./protection_examples.ts";

const images = digits.map(({ label, pixels }) => ({
  label,
  pixels: Array.from(atob(pixels), (byte) => byte.charCodeAt(0) / 255),
}));
const [first, second] = [images[0]!.pixels, images[1]!.pixels];

/** Ten shares: `share` for one class, the rest mostly for another. */
function confidences(share: number, from: number, to: number): number[] {
  return Array.from({ length: 10 }, (_, digit) => {
    const rest = (1 - share) / 10;
    return digit === from ? share : digit === to ? rest * (digit === from ? 0 : 4) : rest * 0.75;
  });
}

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
const between = (n: number, from: number, to: number) =>
  Array.from({ length: n }, (_, i) => from + (to - from) * i / (n - 1));
const classes = between(10, 0, 9);

/** Softmax of three classes that take turns, and of seven that never matter. */
function turns(x: number): number[] {
  const logits = classes.map((digit) =>
    digit === 3 ? 6 - 9 * x : digit === 8 ? 5 * x : digit === 5 ? 3 - 9 * (x - 0.6) ** 2 : -2
  );
  const sum = logits.reduce((total, logit) => total + Math.exp(logit), 0);
  return logits.map((logit) => Math.exp(logit) / sum);
}

function perturbed(strength: number): { r: number[]; adversarial: number[] } {
  const adversarial = first.map((value, i) =>
    Math.min(1, Math.max(0, value + strength * ((second[i] ?? 0) - 0.4 * value)))
  );
  return { adversarial, r: adversarial.map((value, i) => value - (first[i] ?? 0)) };
}

const { r, adversarial } = perturbed(0.3);
const norm = Math.hypot(...r);

export const examples: Record<string, () => Figure> = {
  "digits": () =>
    digitGrid(images.map(({ label, pixels }) => ({ pixels, caption: String(label) })), {
      title: "The first 20 images of the test split",
    }),
  "mistakes": () =>
    mistakes(
      images.slice(0, 8).map(({ label, pixels }, i) => ({
        ...{ label, pixels, prediction: (label + 5) % 10 },
        ...{ image: 247 + i * 1311, confidence: 1 - 0.0003 * 3 ** i },
      })),
      { columns: 4 },
    ),
  "mean_digits": () =>
    meanDigits(classes.map((digit) => ({
      digit,
      count: 4000 + 137 * digit,
      pixels: first.map((value, i) => (value + (images[digit]?.pixels[i] ?? 0)) / 2),
    }))),
  "class_balance": () =>
    classBalance(
      [["train", 50_000], ["test", 10_000], ["val", 10_000]].flatMap(([subset, n]) =>
        classes.map((digit) => ({
          subset: String(subset),
          digit,
          count: Math.round(Number(n) * (0.1 + 0.012 * Math.sin(3 * digit))),
        }))
      ),
    ),
  "architecture_mlp": () => architectureFigure("MLP", summary(MLP)),
  "architecture_cnn_d": () => architectureFigure("CNN_d", summary(CNN_d)),
  "architecture_cnn_bn": () => architectureFigure("CNN_bn", summary(CNN_bn)),
  "training_history": () =>
    trainingHistory(
      between(30, 1, 30).map((epoch) => ({
        epoch,
        loss: 0.35 * epoch ** -0.9,
        accuracy: 1 - 0.1 * epoch ** -0.95,
        testAccuracy: 0.9895 - 0.06 * epoch ** -1.1 + 0.001 * Math.sin(epoch),
      })),
      { title: "Training of CNN_d" },
    ),
  "training_history_one_epoch": () =>
    trainingHistory([{ epoch: 1, loss: 2.06, accuracy: 0.7355, testAccuracy: 0.7178 }]),
  "confusion_matrix": () =>
    confusionMatrix(
      classes.map((label) =>
        classes.map((prediction) =>
          label === prediction
            ? 960 + 7 * label
            : Math.max(0, (label * 7 + prediction * 5) % 19 - 11)
        )
      ),
    ),
  "attack_pictures": () =>
    attackPictures({
      image: { pixels: first, confidences: confidences(0.9996, 3, 8) },
      perturbation: { pixels: r, confidences: confidences(0.31, 8, 2) },
      adversarial: { pixels: adversarial, confidences: confidences(0.62, 8, 3) },
      p: 2,
      norm,
      found: true,
    }, { subtitle: "CNN_d, test image 0, school's attack, learning rate 0.01, 23 steps" }),
  "attack_pictures_not_found": () =>
    attackPictures({
      image: { pixels: first, confidences: confidences(0.9996, 3, 8) },
      perturbation: { pixels: r.map((value) => value / 40), confidences: confidences(0.2, 8, 2) },
      adversarial: { pixels: first, confidences: confidences(0.97, 3, 5) },
      p: Infinity,
      norm: 0.0123456,
      found: false,
    }),
  "attack_trace": () =>
    attackTrace(
      between(61, 0, 60).map((step) => ({
        step,
        norm: 1.5 * (1 - 0.3 * Math.exp(-step / 8)),
        confidences: turns(sigmoid((step - 30) / 6)),
      })),
      { p: 2, label: 3, epsilon: 1.5 },
    ),
  "attack_trace_short": () =>
    attackTrace(
      between(3, 1, 3).map((step) => ({
        step,
        norm: 0.08,
        confidences: turns(sigmoid(3 * step - 7)),
      })),
      { p: Infinity, label: 3, epsilon: 0.08 },
    ),
  "confidence_line": () =>
    confidenceLine(between(126, -0.25, 1.25).map((t) => ({ t, confidences: turns(t) }))),
  "intervals": () =>
    intervals(intervalRows(["$L_2$ norm", "$L_{\\infty}$ norm"]), {
      title: "Median minimal norms",
      subtitle: "Medians with 95% bootstrap intervals",
      axis: "median norm",
    }),
  "intervals_one_panel": () =>
    intervals(intervalRows([""]).map((row, i) => i === 3 ? { ...row, value: Infinity } : row), {
      title: "Accuracy on images learned, looked at, and sealed",
      subtitle: "With an infinite value, which is left out",
      axis: "accuracy (%)",
      zero: false,
    }),
  "sweep": () => sweep(sweepRows()),
  "sweep_pictures": () => sweepPictures(sweepRows().filter((row) => row.image === 0)),
  ...minNormExamples,
  ...resistanceExamples,
  ...normStoryExamples,
  ...protectionExamples,
};

function intervalRows(panels: string[]) {
  return panels.flatMap((panel, k) =>
    ["MLP", "CNN_d", "CNN_d with a name that is long"].flatMap((network, i) =>
      ["test", "val, first half", "val, second half"].map((series, j) => {
        const value = (1 + i + 0.3 * j) / (k + 1);
        return { panel, network, series, value, low: 0.8 * value, high: 1.1 * value };
      })
    )
  );
}

function sweepRows() {
  return [2, 3, 5, 10, Infinity].flatMap((p) =>
    [0, 1, 2].flatMap((image) =>
      between(7, 0.2, 1.4).map((share) => {
        const confidence = sigmoid(5 - 6 * share - image);
        return {
          series: p === Infinity ? "p = ∞" : `p = ${p}`,
          image,
          norm: share * (p === Infinity ? 0.2 : 2.2 * 8 ** (1 / p - 0.5)),
          found: confidence < 0.5,
          confidence,
          prediction: confidence < 0.5 ? 8 : 3,
          predictionConfidence: Math.max(confidence, 1 - confidence),
          pixels: perturbed(0.4 * share).adversarial,
        };
      })
    )
  );
}
