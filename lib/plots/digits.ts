/**
 * Figures made of digits: a grid of samples, and the mean digit of each class.
 *
 * @module
 */
import { colors, count, type Figure, figure, heading, type Part, percent, text } from "./figure.ts";
import { textWidth } from "./measure.ts";
import { digit, type Pixels } from "./pixels.ts";

/** One digit of a grid. */
export interface DigitRow {
  /** 784 values in [0, 1]. */
  pixels: Pixels;
  /** Below the digit, as "7" or "4 taken for 9". */
  caption?: string;
  /** A second line below, in grey, as "image 1,247". */
  note?: string;
  /** Draws the caption in the colour of adversarial images. */
  marked?: boolean;
}

export interface DigitGridOptions {
  title?: string;
  subtitle?: string;
  /** @default 10 */
  columns?: number;
  /** Side of a digit in CSS pixels. @default 56 */
  size?: number;
}

/** Draws digits in rows, each with its caption. */
export function digitGrid(rows: readonly DigitRow[], options: DigitGridOptions = {}): Figure {
  const { title = "", subtitle = "", columns = 10, size = 56 } = options;
  const margin = 20;
  const top = subtitle ? 56 : title ? 40 : 12;
  const lines = Math.max(0, ...rows.map((row) => row.note ? 2 : row.caption ? 1 : 0));
  const longest = Math.max(
    0,
    ...rows.map((row) => textWidth(row.caption ?? "", { weight: row.marked ? 700 : 400 })),
    ...rows.map((row) => textWidth(row.note ?? "", { size: 11 })),
  );
  const cell = { width: Math.max(size + 14, longest + 12), height: size + 14 + 16 * lines };
  const used = Math.max(1, Math.min(columns, rows.length));
  const heads = Math.max(textWidth(title, { size: 15, weight: 700 }), textWidth(subtitle));
  const parts: Part[] = rows.map((row, i) => ({
    x: margin + (i % columns) * cell.width,
    y: top + Math.floor(i / columns) * cell.height,
    node: captioned(row, size),
  }));
  if (title) parts.unshift({ node: heading(margin, title, subtitle) });
  return figure({
    label: `${title || "Digits"}: ${rows.map((row) => row.caption ?? "").join(", ")}`,
    width: Math.ceil(2 * margin + Math.max(used * cell.width - (cell.width - size), heads)),
    height: top + Math.ceil(rows.length / columns) * cell.height + 2,
  }, parts);
}

/** An image that a network misclassifies. */
export interface MistakeRow {
  /** Number of the image. */
  image: number;
  label: number;
  prediction: number;
  /** Confidence in `prediction`, in [0, 1]. */
  confidence: number;
  pixels: Pixels;
}

/** Draws misclassified images with what they are taken for and how confidently. */
export function mistakes(
  rows: readonly MistakeRow[],
  { title = "The most confident mistakes", ...options }: DigitGridOptions = {},
): Figure {
  const captioned = rows.map(({ pixels, image, label, prediction, confidence }) => ({
    pixels,
    caption: `${label} taken for ${prediction}`,
    note: `image ${count(image)}, ${percent(confidence)}`,
    marked: true,
  }));
  return digitGrid(captioned, { title, columns: 5, size: 84, ...options });
}

/** The mean of a class's images. */
export interface MeanDigitRow {
  /** The class, 0 to 9. */
  digit: number;
  /** How many images the mean was taken over. */
  count: number;
  /** 784 means in [0, 1]. */
  pixels: Pixels;
}

/** Draws the mean image of each class. */
export function meanDigits(
  rows: readonly MeanDigitRow[],
  { title = "The mean digit of each class", subtitle = "" }: DigitGridOptions = {},
): Figure {
  const total = rows.reduce((sum, row) => sum + row.count, 0);
  return digitGrid(
    rows.map((row) => ({
      pixels: row.pixels,
      caption: String(row.digit),
      note: `${count(row.count)} images`,
    })),
    {
      title,
      subtitle: subtitle || `Each pixel is its mean over the class; ${count(total)} images in all`,
      columns: 5,
      size: 112,
    },
  );
}

function captioned(row: DigitRow, size: number) {
  const node = digit(row.pixels, 0, 0, size);
  const fill = row.marked ? colors.adversarial : colors.ink;
  const weight = row.marked ? 700 : 400;
  if (row.caption) {
    node.appendChild(text(size / 2, size + 15, row.caption, { size: 12, fill, weight }));
  }
  if (row.note) {
    node.appendChild(text(size / 2, size + 30, row.note, { size: 11, fill: colors.muted }));
  }
  return node;
}
