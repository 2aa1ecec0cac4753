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
