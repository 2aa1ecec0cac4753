/**
 * Figure: the digits that the least and the most perturbation is needed for.
 *
 * @module
 */
import { colors, count, element, type Figure, normSymbol, type SvgNode, text } from "./figure.ts";
import {
  type Block,
  byNorm,
  imageCount,
  type MinNormRow,
  normName,
  normTitle,
  outcomes,
  panelFigure,
  written,
} from "./min_norms.ts";
import { digit, divergingStrip, perturbation, type Pixels } from "./pixels.ts";

/** One image with the smallest perturbation found for it. */
export interface ResistanceRow extends MinNormRow {
  label: number;
  /** Class of the adversarial image, `null` if there is none. */
  adversarialClass: number | null;
  /** The clean image, 784 values in [0, 1]. */
  pixels: Pixels;
  /** The adversarial image, `null` if none was found or kept. */
  adversarial: Pixels | null;
}

export interface ResistanceOptions {
  title?: string;
  subtitle?: string;
  /** Digits on each side at most. @default 5 */
  digits?: number;
}

type Shown = ResistanceRow & { adversarial: Pixels };

const SIZE = 80;
const STEP = SIZE + 8;

/**
 * Draws the digits with the smallest norms on the left, those with the largest on the right: each
 * with its perturbation and the adversarial digit. Images without an adversarial one are counted in
 * words.
 *
 * @throws {RangeError} If there are no rows, they are of more than one network or norm, a norm is
 *   negative or NaN, or an image comes twice.
 */
export function resistanceGallery(
  rows: readonly ResistanceRow[],
  options: ResistanceOptions = {},
): Figure {
  const groups = byNorm(rows, "a gallery");
  const [group, ...others] = groups.flatMap(({ p, networks }) =>
    networks.map((one) => ({ p, ...one }))
  );
  if (!group || others.length > 0) {
    const all = [group, ...others].map((one) => one && `${one.network} in ${normName(one.p)}`);
    throw new RangeError(
      "Cannot draw a gallery as rows must be of one network and norm: " +
        `current value is ${all.join(", ")}`,
    );
  }
  const { network, p, minNorms } = group;
  const shown = rows.filter((row): row is Shown =>
    row.adversarial !== null && row.minNorm > 0 && row.minNorm < Infinity
  ).sort((a, b) => a.minNorm - b.minNorm || a.image - b.image);
  const { zeros, missing } = outcomes(minNorms);
  const unkept = rows.length - shown.length - zeros - missing;
  const {
    title = `The least and the most resistant digits: ${network}, ${normTitle(p)}`,
    digits = 5,
  } = options;
  const {
    subtitle = `Of ${imageCount(rows.length)}. Norms are the smallest found: upper bounds ` +
      `of the minimal perturbations. Left out: ${count(zeros)} misclassified (norm 0), ` +
      `${count(missing)} not found` +
      (unkept > 0 ? `, ${count(unkept)} not kept as pictures` : "") +
      ". ± is the largest change of a pixel, where a perturbation's colours end",
  } = options;
  const least = shown.slice(0, Math.min(digits, Math.ceil(shown.length / 2)));
  const most = shown.slice(least.length).slice(-digits).reverse();
  const sides = [{ name: "Least resistant", rows: least }, { name: "Most resistant", rows: most }];
  return panelFigure({ title, subtitle }, sides.filter((side) => side.rows.length > 0), panel);
}

function panel({ name, rows }: { name: string; rows: readonly Shown[] }): Block {
  const node = element("g", {}, text(0, 12, name, { size: 13, weight: 700, anchor: "start" }));
  ["digit", "perturbation", "adversarial"].forEach((what, i) =>
    node.appendChild(text(i * STEP + SIZE / 2, 32, what, { size: 11, fill: colors.muted }))
  );
  rows.forEach((row, i) => node.appendChild(example(row, 40 + i * STEP)));
  const end = 40 + rows.length * STEP;
  node.appendChild(scale(end));
  return { node, height: end + 28 };
}

/** Three pictures, and what to know of them on their right. */
function example(row: Shown, y: number): SvgNode {
  const { pixels, adversarial, label, adversarialClass, p, minNorm, image } = row;
  const change = Array.from(pixels, (value, i) => (adversarial[i] ?? value) - value);
  const limit = change.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const x = 3 * STEP + 4;
  const side = { size: 11, anchor: "start", fill: colors.muted };
  const norm = p === 0
    ? `${written(minNorm, p)} pixel${minNorm === 1 ? "" : "s"}`
    : `${normSymbol(p)} = ${written(minNorm, p)}`;
  return element(
    "g",
    {},
    digit(pixels, 0, y, SIZE),
    perturbation(change, limit || 1, STEP, y, SIZE),
    digit(adversarial, 2 * STEP, y, SIZE),
    element(
      "text",
      { x, y: y + 18, "font-size": 16, "font-weight": 700, "text-anchor": "start" },
      element("tspan", { fill: colors.clean }, String(label)),
      element("tspan", { fill: colors.muted, "font-weight": 400 }, " → "),
      element("tspan", { fill: colors.adversarial }, String(adversarialClass ?? "?")),
    ),
    text(x, y + 39, norm, { anchor: "start" }),
    text(x, y + 56, `± ${limit.toPrecision(2)}`, side),
    text(x, y + 73, `image ${count(image)}`, side),
  );
}

/** The perturbations' colours, below them. */
function scale(y: number): SvgNode {
  const small = { size: 11, fill: colors.muted };
  return element(
    "g",
    { transform: `translate(${STEP},${y})` },
    divergingStrip(0, 0, SIZE, 7),
    text(4, 20, "−", small),
    text(SIZE / 2, 20, "0", small),
    text(SIZE - 4, 20, "+", small),
  );
}
