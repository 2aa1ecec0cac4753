/**
 * What people look at after an attack: digit, perturbation, adversarial digit.
 *
 * @module
 */
import type { Classifier } from "../network.ts";
import type { Outcome } from "./driver.ts";
import { logitsAlone, softmax } from "./judge.ts";

/** A picture and the network's confidences for it. */
export interface Picture {
  pixels: Float32Array;
  confidences: number[];
}

/** What the figure of an attack is drawn from. */
export interface Pictures {
  image: Picture;
  perturbation: Picture;
  adversarial: Picture;
  p: number;
  norm: number;
  found: boolean;
}

/** An attack's outcome as its three pictures, each with the network's confidences for it. */
export function pictures(network: Classifier, outcome: Outcome): Pictures {
  const { clean, perturbed, confidences, p, norm, found } = outcome;
  const perturbation = perturbed.map((pixel, i) => pixel - clean[i]!);
  return {
    image: { pixels: clean, confidences: confidences.clean },
    perturbation: {
      pixels: perturbation,
      confidences: softmax(logitsAlone(network, perturbation, [28, 28, 1])),
    },
    adversarial: { pixels: perturbed, confidences: confidences.perturbed },
    p,
    norm,
    found,
  };
}
