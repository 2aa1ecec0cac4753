/**
 * Examples of the figures of notebook 6, from real digits and rows of known formulas.
 *
 * @module
 */
import digits from "./fixtures/digits.json" with { type: "json" };
import { beforeAfter } from "$lib/plots/before_after.ts";
import { certifiedCurves, type CertifiedRow, proofAndAttack } from "$lib/plots/certified.ts";
import type { Figure } from "$lib/plots/figure.ts";
import { sideBySide } from "$lib/plots/side_by_side.ts";
import { tradeOff } from "$lib/plots/trade_off.ts";
import { worstCases } from "$lib/plots/worst_cases.ts";
import { wilson } from "$lib/statistics.ts";

const images = digits.map(({ pixels }) =>
  Array.from(atob(pixels), (byte) => byte.charCodeAt(0) / 255)
);

/** A share of 500 images with its interval. */
function shareOf(share: number) {
  const right = Math.round(500 * share);
  const [low, high] = wilson(right, 500);
  return { share: right / 500, low, high };
}

const names = [
  "CNN+pgd:linf:0.2",
  "CNN+pgd:linf:0.1",
  "CNN+fgsm:linf:0.1",
  "CNN+distillation:20",
  "CNN",
];

/** The norm of an image before, and how it grew. */
const norms = [0, 1, 2, Infinity].flatMap((p) =>
  Array.from({ length: 120 }, (_, image) => {
    const size = p === Infinity ? 0.1 : p === 2 ? 1.4 : 7;
    const before = size * (0.3 + ((image * 37) % 100) / 60);
    const grown = before * (p === 0 ? 0.9 : 1.6) * (0.8 + ((image * 13) % 40) / 100);
    const after = image % 40 === 7 ? Infinity : grown;
    return { p, image, before: image % 50 === 3 ? 0 : before, after };
  })
);

/** A wave over the pixels, as a gradient might be. */
const wave = (turn: number) =>
  Array.from({ length: 784 }, (_, i) => Math.sin(i / 9 + turn) * Math.cos((i % 28) / 4));

/** Smoothed classifiers whose radii end at 3.2 sigma, and norms beyond them. */
const certified = [0.25, 0.5, 1].map((sigma): CertifiedRow => ({
  name: `CNN+noise:${sigma}, σ = ${sigma}`,
  radii: Array.from({ length: 50 }, (_, i) => i < 3 ? -1 : sigma * Math.min(3.2, i / 8)),
  attacked: [0, 2.1 * sigma, 3.5 * sigma, 4.5 * sigma, Infinity],
}));

/** How each figure is made. */
export const protectionExamples: Record<string, () => Figure> = {
  "before_after": () => beforeAfter(norms, { before: "CNN", after: "CNN+pgd:linf:0.1" }),
  "worst_cases": () =>
    worstCases([2, Infinity].flatMap((p) =>
      names.map((network, i) => ({
        ...{ network, p, epsilon: p === 2 ? 1 : 0.1, suspected: i === 3 || i + p === 2 },
        ...shareOf(0.97 - 0.13 * i ** 1.4 / (p === 2 ? 1 : 2)),
      }))
    )),
  "trade_off": () =>
    tradeOff(
      names.map((network, i) => ({
        ...{ network, kind: network.split(/[+:]/)[1] ?? "none" },
        clean: shareOf(0.978 + 0.004 * i),
        robust: shareOf(0.93 - 0.2 * i),
        suspected: i === 1,
      })),
      { p: Infinity, epsilon: 0.2 },
    ),
  "certified": () =>
    certifiedCurves(certified, {
      subtitle: "Lower bounds: 50 images",
      unproven: {
        name: "CNN, attacked",
        norms: norms.filter(({ p }) => p === 2).map((row) => row.before),
      },
    }),
  "proof_and_attack": () => proofAndAttack(certified, { subtitle: "Attacked: 5 images" }),
  "side_by_side": () =>
    sideBySide(
      images.slice(0, 2).map((pixels, image) => ({
        ...{ image, label: digits[image]!.label, pixels },
        views: ["CNN", "CNN+pgd:linf:0.1"].map((network, i) => ({
          ...{ network, gradient: wave(i + image), norm: i + image > 1 ? Infinity : 1.2 + i },
          adversarial: i + image > 1
            ? null
            : pixels.map((pixel, k) => Math.min(1, Math.max(0, pixel + 0.2 * wave(i)[k]!))),
          adversarialClass: i + image > 1 ? null : 8,
        })),
      })),
      { p: 2 },
    ),
};
