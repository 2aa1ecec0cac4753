/**
 * What the figures of minimal norms share: rows by norm and network, names, colours and layout.
 *
 * @module
 */
import {
  colors,
  count,
  element,
  type Figure,
  figure,
  heading,
  normSymbol,
  type Part,
  type SvgNode,
  text,
} from "./figure.ts";
import { shortened, textWidth, wrapped } from "./measure.ts";
import { type Look, lookAt } from "./theme.ts";

export { type Look, lookAt };

/** The smallest perturbation found for one image. */
export interface MinNormRow {
  network: string;
  /** The norm: 0, 1, 2, ..., `Infinity`. */
  p: number;
  /** Number of the image. */
  image: number;
  /** 0 if the image is misclassified already, `Infinity` if nothing was found. */
  minNorm: number;
}

/** One network's norms; it looks the same in every panel and figure of the same rows. */
export interface NetworkNorms extends Look {
  network: string;
  minNorms: number[];
}

/** All rows of one norm. */
export interface NormGroup {
  p: number;
  networks: NetworkNorms[];
}

/**
 * Sorts rows by norm, then by network in the order of their first rows.
 *
 * @param figure What is to be drawn, for errors: "a histogram".
 * @throws {RangeError} If there are no rows, a norm is negative or NaN, or an image comes twice.
 */
export function byNorm(rows: readonly MinNormRow[], figure: string): NormGroup[] {
  if (rows.length === 0) {
    throw new RangeError(`Cannot draw ${figure} as there must be rows: current value is none`);
  }
  const names = [...new Set(rows.map((row) => row.network))];
  const seen = new Set<string>();
  for (const { network, p, image, minNorm } of rows) {
    if (!(minNorm >= 0)) {
      throw new RangeError(
        `Cannot draw ${figure} as norms must be >= 0: current value is ${minNorm}`,
      );
    }
    const key = JSON.stringify([network, String(p), image]);
    if (seen.has(key)) {
      throw new RangeError(
        `Cannot draw ${figure} as an image must have one row for each network and norm: ` +
          `current value is image ${image} of ${network} in ${normName(p)}`,
      );
    }
    seen.add(key);
  }
  const orders = [...new Set(rows.map((row) => row.p))].sort((a, b) => a - b);
  return orders.map((p) => ({
    p,
    networks: names.flatMap((network, place) => {
      const own = rows.filter((row) => row.p === p && row.network === network);
      if (own.length === 0) return [];
      return [{ network, ...lookAt(place), minNorms: own.map((row) => row.minNorm) }];
    }),
  }));
}

/** The norm's name in running text: `L2`, `L∞`. */
export const normName = (p: number): string => `L${p === Infinity ? "∞" : p}`;

/** The norm's name in a figure's title or text: that of {@link normName} as a formula. */
export const normTitle = (p: number): string => `$L_${p === Infinity ? "\\infty" : `{${p}}`}$ norm`;

/** The norm as an axis names it. */
export const normAxis = (p: number): string => normSymbol(p) + (p === 0 ? " (pixels)" : "");

/** A norm's value in three digits, a count of pixels to the tenth. */
export function written(norm: number, p: number): string {
  if (norm === Infinity) return "∞";
  return norm === 0 || p === 0 || norm >= 1000
    ? count(Number(norm.toFixed(1)))
    : norm.toPrecision(3);
}

/** How many images were misclassified already, and for how many nothing was found. */
export function outcomes(minNorms: readonly number[]): { zeros: number; missing: number } {
  return {
    zeros: minNorms.filter((norm) => norm === 0).length,
    missing: minNorms.filter((norm) => norm === Infinity).length,
  };
}

/** What a panel's curves show no numbers of: images, misclassified and not found. */
export function groupNote({ networks }: NormGroup): string {
  const list = (what: (minNorms: number[]) => number) =>
    networks.filter(({ minNorms }) => what(minNorms) > 0)
      .map(({ network, minNorms }) => `${shortened(network, 120)}\u00a0${count(what(minNorms))}`)
      .join(", ") || "none";
  const first = networks[0]?.minNorms.length ?? 0;
  const alike = networks.every(({ minNorms }) => minNorms.length === first);
  const images = alike ? imageCount(first) : `Images: ${list((norms) => norms.length)}`;
  return `${images}; misclassified (norm 0): ${list((norms) => outcomes(norms).zeros)}; ` +
    `not found: ${list((norms) => outcomes(norms).missing)}`;
}

/** "1 image", "200 images". */
export const imageCount = (images: number): string =>
  `${count(images)} image${images === 1 ? "" : "s"}`;

/** Upper end of an axis that holds all finite norms of a group, also where none is above 0. */
export function largestNorm({ p, networks }: NormGroup): number {
  let largest = 0;
  for (const norm of networks.flatMap(({ minNorms }) => minNorms)) {
    if (norm < Infinity) largest = Math.max(largest, norm);
  }
  return largest || (p === 0 ? 10 : 1);
}

/** Width of a figure in CSS pixels. */
export const WIDTH = 760;

const MARGIN = 20;

/** A line of the legend. */
export interface Series extends Look {
  name: string;
}

/** Names beside their colours, in as many lines as it takes. */
function legend(series: readonly Series[]): Block {
  const node = element("g");
  let [x, y] = [MARGIN, 0];
  for (const { name, color, dashes } of series) {
    const shown = shortened(name, WIDTH - 2 * MARGIN - 30);
    const width = 30 + textWidth(shown);
    if (x > MARGIN && x + width > WIDTH - MARGIN) [x, y] = [MARGIN, y + 18];
    const stroke = { stroke: color, "stroke-width": 3, "stroke-dasharray": dashes || "none" };
    node.appendChild(element("path", { d: `M${x},${y - 4}h22`, ...stroke }));
    node.appendChild(text(x + 28, y, shown, { anchor: "start" }));
    x += width + 18;
  }
  return { node, height: y + 18 };
}

/** A piece with its height. */
export interface Block {
  node: SvgNode;
  height: number;
}

/** Grey text in as many lines as it takes, the first line's baseline at 0. */
export function note(content: string, width: number): Block {
  const lines = wrapped(content, width, { size: 11 });
  const style = { size: 11, anchor: "start", fill: colors.muted };
  const node = element("g", {}, ...lines.map((line, i) => text(0, 15 * i, line, style)));
  return { node, height: 15 * lines.length };
}

/** Title and text above a figure's panels. */
export interface Head {
  title: string;
  /** Wrapped into as many lines as it takes. */
  subtitle: string;
  /** The legend, none by default. */
  series?: readonly Series[];
}

/** Puts panels below a heading: one as wide as the figure, or two beside each other. */
export function panelFigure<T>(
  { title, subtitle, series = [] }: Head,
  groups: readonly T[],
  draw: (group: T, width: number) => Block,
): Figure {
  const columns = groups.length > 1 ? 2 : 1;
  const width = (WIDTH - 2 * MARGIN - (columns - 1) * 24) / columns;
  const titles = wrapped(title, WIDTH - 2 * MARGIN, { size: 15, weight: 700 });
  const parts: Part[] = titles.map((line, i) => ({ node: heading(MARGIN, line), y: 20 * i }));
  let y = 40 + 20 * (titles.length - 1);
  const below = note(subtitle, WIDTH - 2 * MARGIN);
  parts.push({ node: below.node, x: MARGIN, y });
  y += below.height + 12;
  if (series.length > 0) {
    const names = legend(series);
    parts.push({ node: names.node, y });
    y += names.height;
  }
  for (let first = 0; first < groups.length; first += columns) {
    const line = groups.slice(first, first + columns).map((group) => draw(group, width));
    line.forEach(({ node }, i) => parts.push({ node, x: MARGIN + i * (width + 24), y }));
    y += Math.max(...line.map(({ height }) => height)) + 10;
  }
  return figure({ label: `${title}. ${subtitle}`, width: WIDTH, height: Math.ceil(y) }, parts);
}
