/**
 * What networks make of the same digits, in plain rows: input gradients and smallest perturbations.
 *
 * @module
 */
import { differentiate } from "../attacks/differentiate.ts";
import { logOdds } from "../attacks/losses.ts";
import { tf } from "../backend.ts";
import type { Digits } from "../loader.ts";
import { minNorm, type MinNormOptions } from "../minnorm.ts";
import type { Classifier } from "../network.ts";
import { digitRows, pixelsOf } from "../rows.ts";
import { median } from "../statistics.ts";

/** What a network makes of a digit. */
export interface View {
  network: string;
  /** Gradient of the true class's log-odds with respect to the pixels. */
  gradient: Float32Array;
  /** The adversarial image found, `null` if none was or none was needed. */
  adversarial: Float32Array | null;
  adversarialClass: number | null;
  /** Norm of its perturbation: an upper bound. */
  norm: number;
}

/** A digit with each network's view of it. */
export interface ViewRow {
  image: number;
  label: number;
  pixels: Float32Array;
  views: View[];
}

/** Gradients of the true class's log-odds with respect to the pixels, one for each image. */
export function gradientsOf(network: Classifier, { images, labels }: Digits): Float32Array[] {
  const goals = { references: labels, targets: labels, mode: "leave" as const };
  return tf.tidy(() =>
    pixelsOf(differentiate(network, images, (logits) => logOdds(logits, goals)).gradient)
  );
}

/** How a network's gradients lie on the digits: medians over the images. */
export interface GradientOnInk {
  network: string;
  /** Share of the gradient's squares on pixels with ink in them or beside them. */
  onInk: number;
  /** Share of the pixels that are such. */
  ink: number;
  /** L2 norm of the gradient, in log-odds for each unit of a pixel. */
  size: number;
}

/** Measures which share of the input gradient falls on the ink. */
export function gradientOnInk(network: Classifier, digits: Digits): GradientOnInk {
  const gradients = gradientsOf(network, digits);
  const masks = pixelsOf(digits.images).map(inked);
  const squares = gradients.map((gradient) => gradient.map((value) => value * value));
  const sum = (values: Float32Array) => values.reduce((a, b) => a + b, 0);
  return {
    network: network.name,
    onInk: median(
      squares.map((own, i) => sum(own.map((value, k) => value * masks[i]![k]!)) / (sum(own) || 1)),
    ),
    ink: median(masks.map((mask) => sum(mask) / mask.length)),
    size: median(squares.map((own) => Math.sqrt(sum(own)))),
  };
}

const SIDE = 28;
/** Below this a pixel is paper. */
const PAPER = 0.1;

/** 1 where a pixel, or one of the eight around it, has ink; else 0. */
function inked(pixels: Float32Array): Float32Array {
  const near = [-1, 0, 1];
  return pixels.map((_, i) => {
    const [x, y] = [i % SIDE, Math.floor(i / SIDE)];
    const has = near.some((dy) =>
      near.some((dx) => {
        const [a, b] = [x + dx, y + dy];
        return a >= 0 && a < SIDE && b >= 0 && b < SIDE && pixels[b * SIDE + a]! > PAPER;
      })
    );
    return has ? 1 : 0;
  });
}

/**
 * Looks at the same digits with each network.
 *
 * @param options Settings of `minNorm`, with the images' numbers.
 * @throws As `minNorm`.
 */
export async function viewsOf(
  networks: readonly Classifier[],
  digits: Digits,
  options: MinNormOptions & { ids: readonly number[] },
): Promise<ViewRow[]> {
  const rows = digitRows(digits).map(({ label, pixels }, i): ViewRow => (
    { image: options.ids[i]!, label, pixels, views: [] }
  ));
  for (const network of networks) {
    const gradients = gradientsOf(network, digits);
    const found = await minNorm(network, digits, options);
    found.forEach((one, i) => {
      const moved = one.found && one.norm > 0;
      rows[i]!.views.push({
        ...{ network: network.name, gradient: gradients[i]!, norm: one.norm },
        adversarial: moved ? one.perturbed : null,
        adversarialClass: moved ? one.adversarialClass : null,
      });
    });
  }
  return rows;
}
