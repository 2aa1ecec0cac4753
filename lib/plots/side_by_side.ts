/**
 * Figure: the same digits at several networks: input gradient, smallest perturbation, and its image.
 *
 * @module
 */
import { colors, element, type Figure, figure, heading, type SvgNode, text } from "./figure.ts";
import { wrapped } from "./measure.ts";
import { written } from "./min_norms.ts";
import { digit, perturbation, type Pixels } from "./pixels.ts";

/** What a network makes of a digit. */
export interface NetworkView {
  network: string;
  /** Gradient of a loss with respect to the pixels, of either sign. */
  gradient: Pixels;
  /** The adversarial image found, `null` if none was. */
  adversarial: Pixels | null;
  adversarialClass: number | null;
  /** Norm of the perturbation. */
  norm: number;
}

/** A digit and the networks' views, in the same order for all digits. */
export interface SideBySideRow {
  image: number;
  label: number;
  /** The clean image, 784 values in [0, 1]. */
  pixels: Pixels;
  views: readonly NetworkView[];
}

export interface SideBySideOptions {
  /** The norm of the perturbations. */
  p: number;
  title?: string;
  subtitle?: string;
}

const SIZE = 88;
const GAP = 10;
/** From one network's pictures to the next one's. */
const BETWEEN = 28;
const MARGIN = 20;
const LINE = SIZE + 26;
const NAMES = ["gradient", "perturbation", "adversarial"] as const;
const VIEW = NAMES.length * SIZE + (NAMES.length - 1) * GAP;

/**
 * Draws a digit a line: the image, then each network's gradient, perturbation and adversarial image.
 *
 * @throws {RangeError} If there are no rows, or their networks differ.
 */
export function sideBySide(rows: readonly SideBySideRow[], options: SideBySideOptions): Figure {
  const networks = rows[0]?.views.map(({ network }) => network) ?? [];
  const fail = (rule: string, value: unknown) =>
    new RangeError(`Cannot draw networks side by side as ${rule}: current value is ${value}`);
  if (networks.length === 0) throw fail("there must be digits and networks", "none");
  const other = rows.find(({ views }) => String(views.map((one) => one.network)) !== `${networks}`);
  if (other) throw fail("all digits must have the same networks", other.image);
  const { p, title = "What the networks look at" } = options;
  const {
    subtitle = "Gradient: of the log-odds of the true class, scaled to its own largest value. " +
      "Orange: ink there speaks for the class, or is added; blue: against it, or is taken away. " +
      "Norms found are upper bounds",
  } = options;
  const width = 2 * MARGIN + SIZE + networks.length * (BETWEEN + VIEW);
  const lines = wrapped(subtitle, width - 2 * MARGIN);
  const top = 44 + 16 * lines.length + 44;
  const left = (place: number) => MARGIN + SIZE + BETWEEN + place * (VIEW + BETWEEN);
  const label = `${title}. ${networks.join(" and ")}, ${rows.length} digits. ${subtitle}`;
  return figure({ label, width, height: top + rows.length * LINE }, [
    { node: heading(MARGIN, title, "", width - 2 * MARGIN) },
    ...lines.map((line, i) => ({
      node: text(MARGIN, 44 + 16 * i, line, { anchor: "start", fill: colors.muted }),
    })),
    ...networks.map((name, place) => ({ node: names(name), x: left(place), y: top - 40 })),
    ...rows.flatMap((row, i) => [
      { node: clean(row), x: MARGIN, y: top + i * LINE },
      ...row.views.map((view, place) => (
        { node: pictures(view, row, p), x: left(place), y: top + i * LINE }
      )),
    ]),
  ]);
}

function names(network: string): SvgNode {
  return element(
    "g",
    {},
    text(0, 10, network, { size: 13, weight: 700, anchor: "start" }),
    ...NAMES.map((name, i) =>
      text(i * (SIZE + GAP) + SIZE / 2, 30, name, { size: 11, fill: colors.muted })
    ),
  );
}

const clean = ({ pixels, label, image }: SideBySideRow): SvgNode =>
  element(
    "g",
    {},
    digit(pixels, 0, 0, SIZE),
    text(SIZE / 2, SIZE + 15, `${label} (image ${image})`, { size: 11 }),
  );

function pictures(view: NetworkView, { pixels }: SideBySideRow, p: number): SvgNode {
  const { gradient, adversarial, adversarialClass, norm } = view;
  const node = element("g", {}, shaded(gradient, 0));
  if (adversarial === null) {
    const x = 1.5 * SIZE + GAP;
    node.appendChild(text(x, SIZE / 2, "none found", { size: 11, fill: colors.muted }));
    return node;
  }
  const change = Array.from(adversarial, (pixel, i) => pixel - pixels[i]!);
  const last = 2 * (SIZE + GAP);
  node.appendChild(shaded(change, SIZE + GAP));
  node.appendChild(digit(adversarial, last, 0, SIZE));
  const below = { size: 11, fill: colors.muted };
  node.appendChild(text(1.5 * SIZE + GAP, SIZE + 15, written(norm, p), below));
  const style = { size: 11, weight: 700, fill: colors.adversarial };
  node.appendChild(text(last + SIZE / 2, SIZE + 15, `seen as ${adversarialClass}`, style));
  return node;
}

/** Values of either sign, scaled to the largest. */
function shaded(values: Pixels, x: number): SvgNode {
  const largest = Array.from(values).reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return perturbation(values, largest || 1, x, 0, SIZE);
}
