/**
 * Figure: the attack's three pictures, each with what the network sees in it.
 *
 * @module
 */
import { argMax, withArticle } from "../numbers.ts";
import {
  colors,
  element,
  type Figure,
  figure,
  heading,
  normSymbol,
  type Part,
  percent,
  type SvgNode,
  text,
} from "./figure.ts";
import { digit, divergingStrip, perturbation, type Pixels } from "./pixels.ts";

/** A picture and the network's ten confidences for it. */
export interface Seen {
  /** 784 values; in [0, 1] for an image, of either sign for a perturbation. */
  pixels: Pixels;
  /** Ten shares that add up to 1. */
  confidences: readonly number[];
}

/** An attack's outcome on one image. */
export interface AttackPictures {
  image: Seen;
  perturbation: Seen;
  adversarial: Seen;
  /** The order of the norm that the perturbation was measured by. */
  p: number;
  /** The perturbation's norm. */
  norm: number;
  /** Whether the last picture is adversarial. */
  found: boolean;
}

export interface AttackPicturesOptions {
  title?: string;
  subtitle?: string;
  /** Largest value of the perturbation's colours; by default the largest that occurs. */
  limit?: number;
}

const SIZE = 196; // seven CSS pixels a pixel
const GAP = 60;
const MARGIN = 32;
const TOP = 116;
const BARS = TOP + SIZE + 56;
const WIDTH = 2 * MARGIN + 3 * SIZE + 2 * GAP;

/**
 * Draws digit + perturbation = adversarial digit; above each the class that the network predicts
 * for it and how confident it is, below each the confidences of all ten classes.
 */
export function attackPictures(
  outcome: AttackPictures,
  options: AttackPicturesOptions = {},
): Figure {
  const { image, adversarial, p, norm, found } = outcome;
  const [before, after] = [argMax(image.confidences), argMax(adversarial.confidences)];
  const size = `${normSymbol(p)} = ${norm.toPrecision(3)}`;
  const title = options.title ??
    (found
      ? `${withArticle(before, "A")} becomes ${withArticle(after)}`
      : `The ${before} was kept: no adversarial digit was found`);
  const { subtitle = `The perturbation's size is ${size}` } = options;
  const peak = Array.from(outcome.perturbation.pixels).reduce(
    (m, v) => Math.max(m, Math.abs(v)),
    0,
  );
  const limit = options.limit ?? (peak || 1);
  const [left, middle, right] = [0, 1, 2].map((i) => MARGIN + i * (SIZE + GAP)) as Three;
  const parts: Part[] = [
    { node: heading(MARGIN, title, subtitle, WIDTH - 2 * MARGIN) },
    { x: left, node: panel("digit", image, colors.clean) },
    { x: middle, node: panel(`perturbation, ${size}`, outcome.perturbation, colors.muted) },
    {
      x: right,
      node: panel(
        found ? "adversarial digit" : "digit + perturbation",
        adversarial,
        after === before ? colors.clean : colors.adversarial,
      ),
    },
    { node: digit(image.pixels, left, TOP, SIZE) },
    { node: perturbation(outcome.perturbation.pixels, limit, middle, TOP, SIZE) },
    { node: scaleBelow(limit), x: middle, y: TOP + SIZE + 10 },
    { node: digit(adversarial.pixels, right, TOP, SIZE) },
    { node: sign("+"), x: left + SIZE + GAP / 2, y: TOP + SIZE / 2 },
    { node: sign("="), x: middle + SIZE + GAP / 2, y: TOP + SIZE / 2 },
  ];
  const label = `${title}. ${size}; predicted ${before} ` +
    `(${percent(image.confidences[before] ?? 0)}) before and ${after} ` +
    `(${percent(adversarial.confidences[after] ?? 0)}) after.`;
  return figure({ label, width: WIDTH, height: BARS + 92 }, parts);
}

type Three = [number, number, number];

/** What stands above and below a picture: its name, the prediction, and ten bars. */
function panel(name: string, { confidences }: Seen, color: string): SvgNode {
  const prediction = argMax(confidences);
  const share = confidences[prediction] ?? 0;
  return element(
    "g",
    {},
    text(SIZE / 2, TOP - 42, name, { fill: colors.muted }),
    element(
      "text",
      { x: SIZE / 2, y: TOP - 16, "text-anchor": "middle", "font-size": 18 },
      element("tspan", { "font-weight": 700, fill: color }, `predicted ${prediction}`),
      element("tspan", { "font-size": 14, fill: colors.ink }, `  ${percent(share)}`),
    ),
    bars(confidences, prediction, color),
  );
}

/** Ten bars, one for each class's confidence; the predicted class is in colour. */
function bars(confidences: readonly number[], prediction: number, color: string): SvgNode {
  const height = 44;
  const step = SIZE / 10;
  const group = element("g", { transform: `translate(0,${BARS})` });
  confidences.forEach((share, i) => {
    const full = Math.max(0.75, height * share);
    group.appendChild(element("rect", {
      x: i * step + 3,
      y: height - full,
      width: step - 6,
      height: full,
      fill: i === prediction ? color : colors.others,
    }));
    group.appendChild(text((i + 0.5) * step, height + 15, String(i), {
      size: 11,
      weight: i === prediction ? 700 : 400,
      fill: i === prediction ? color : colors.muted,
    }));
  });
  group.appendChild(element("path", { d: `M0,${height}H${SIZE}`, stroke: colors.faint }));
  group.appendChild(
    text(SIZE / 2, height + 32, "confidence by class", { size: 11, fill: colors.muted }),
  );
  return group;
}

/** The perturbation's colours with the values at both ends and in the middle. */
function scaleBelow(limit: number): SvgNode {
  const shown = limit.toFixed(limit < 0.1 ? 3 : 2);
  return element(
    "g",
    {},
    divergingStrip(0, 0, SIZE, 9),
    text(0, 24, `−${shown}`, { size: 11, anchor: "start", fill: colors.muted }),
    text(SIZE / 2, 24, "0", { size: 11, fill: colors.muted }),
    text(SIZE, 24, `+${shown}`, { size: 11, anchor: "end", fill: colors.muted }),
  );
}

function sign(character: string): SvgNode {
  return text(0, 10, character, { size: 30, fill: colors.muted });
}
