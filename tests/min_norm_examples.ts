/**
 * Examples of the figures of minimal norms: norms of known formulas, some 0 and some never found.
 *
 * @module
 */
import digits from "./fixtures/digits.json" with { type: "json" };
import { anytime } from "$lib/plots/anytime.ts";
import { anytimePeers, type AnytimeRun } from "$lib/plots/anytime_peers.ts";
import type { Figure } from "$lib/plots/figure.ts";
import { minNormCurve, robustAccuracyCurve } from "$lib/plots/min_norm_curves.ts";
import { minNormHistogram } from "$lib/plots/min_norm_histogram.ts";
import type { MinNormRow } from "$lib/plots/min_norms.ts";
import { resistanceGallery } from "$lib/plots/resistance_gallery.ts";

/** Rows of `count` images, spread like Rayleigh's distribution around `scale`. */
export function normRows(network: string, p: number, scale: number, count: number): MinNormRow[] {
  return Array.from({ length: count }, (_, image) => {
    const share = (image * 0.618034 + 0.31) % 1;
    const norm = scale * Math.sqrt(-Math.log(1 - share));
    const found = p === 0 ? Math.ceil(norm) : norm;
    return { network, p, image, minNorm: image === 7 ? 0 : image % 23 === 22 ? Infinity : found };
  });
}

const scales: [p: number, mlp: number, cnn: number][] = [[0, 5, 9], [1, 4, 7.5], [2, 0.65, 1.5]];
const rows = [...scales, [Infinity, 0.04, 0.125] as const].flatMap(([p, mlp, cnn]) => [
  ...normRows("MLP", p, mlp, 60),
  ...normRows("CNN", p, cnn, 60),
]);
const oneNorm = rows.filter((row) => row.p === 2);
const longNames = [
  ...normRows(
    "a_network_whose_name_is_longer_than_anyone_would_ever_expect_a_name_to_be_" +
      "and_so_it_takes_more_than_the_figure_is_wide",
    2,
    1,
    40,
  ),
  ...normRows("CNN_bn, trained on adversarial images", 2, 2, 40),
  ...Array.from({ length: 7 }, (_, i) => normRows(`network_${i}`, 2, 0.5 + i / 4, 12)).flat(),
];

/** Six digits; each adversarial image is the digit with some of the next one. */
const gallery = digits.slice(0, 8).map(({ label, pixels }, image) => {
  const decoded = (text = "") => Array.from(atob(text), (byte) => byte.charCodeAt(0) / 255);
  const clean = decoded(pixels);
  const next = decoded(digits[image + 1]?.pixels);
  const strength = 0.05 + 0.07 * ((image * 5) % 8);
  const adversarial = clean.map((value, i) => value + strength * ((next[i] ?? 0) - value));
  const minNorm = Math.hypot(...adversarial.map((value, i) => value - (clean[i] ?? 0)));
  const found = { network: "CNN_d", p: 2, image: image + 1230, label, pixels: clean };
  if (image === 6) return { ...found, minNorm: 0, adversarialClass: 3, adversarial: clean };
  if (image === 7) {
    return { ...found, minNorm: Infinity, adversarialClass: null, adversarial: null };
  }
  return { ...found, minNorm, adversarialClass: (label + 5) % 10, adversarial };
});

const attacks = [["DDN", 12, 1.24, 400], ["FMN", 4, 1.31, 200], [
  "portfolio",
  6,
  1.21,
  2000,
]] as const;
const anytimeRows = [
  ...attacks.flatMap(([attack, speed, end, last]) =>
    Array.from({ length: 40 }, (_, i) => {
      const passes = Math.round(3 * (last / 3) ** (i / 39));
      const median = passes < speed ? Infinity : end * (1 + 3 * (passes / 3) ** -1.2);
      return { attack, passes, median, mean: passes < 3 * speed ? Infinity : 1.05 * median };
    })
  ),
  ...[2, 200].map((passes) => ({ attack: "school", passes, median: Infinity, mean: Infinity })),
];

const timed = (p: number, best: number): AnytimeRun => ({
  p,
  moments: Array.from({ length: 40 }, (_, i) => {
    const seconds = 0.05 * 80 ** (i / 39);
    const median = i < 6 ? Infinity : best * (1 + 0.2 * (seconds / 0.1) ** -1.5);
    return { seconds, passes: 500 * seconds, mean: i < 9 ? Infinity : 1.1 * median, median };
  }),
  peers: ([
    ["DeepFool", 0.2, 1.07],
    ["SuperDeepFool", 0.5, 1.04],
    ["FAB", 2.9, 1.04],
    ["PDGD", 3.1, 1.035],
    ["ALMA", 4.4, 1.01],
    ["FMN 100", 0.25, Infinity],
  ] as const).map(([name, seconds, factor]) => ({
    ...{ name, seconds, mean: 1.1 * best * factor, median: best * Math.min(2, factor) },
  })),
});
const anytimeRuns = [timed(2, 0.7), timed(0, 5)];
const anytimeOptions = { network: "MLP", images: 200 };

export const minNormExamples: Record<string, () => Figure> = {
  "min_norm_histogram": () => minNormHistogram(rows),
  "min_norm_histogram_long_names": () => minNormHistogram(longNames),
  "min_norm_curve": () => minNormCurve(rows),
  "min_norm_curve_one_norm": () => minNormCurve(oneNorm),
  "robust_accuracy": () => robustAccuracyCurve(oneNorm),
  "robust_accuracy_long_names": () => robustAccuracyCurve(longNames),
  "anytime": () => anytime(anytimeRows, { network: "CNN", p: 2, images: 200 }),
  "anytime_peers": () => anytimePeers(anytimeRuns, { ...anytimeOptions, against: "seconds" }),
  "anytime_passes": () => anytimePeers(anytimeRuns, { ...anytimeOptions, against: "passes" }),
  "resistance_gallery": () => resistanceGallery(gallery, { digits: 3 }),
};
