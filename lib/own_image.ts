/**
 * Images of one's own: PNG files made into digits as MNIST's are, and digits saved as PNG.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { Resvg } from "@resvg/resvg-js";
import { writeAtomic } from "./files.ts";
import { encodePng } from "./plots/png.ts";

/** A grey picture. */
export interface GreyImage {
  width: number;
  height: number;
  /** Row by row, 0 (black) to 1 (white); what is transparent lies on white. */
  values: Float32Array;
}

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];

/** Pixels of a picture at most: some hundred megabytes to work with. */
const LARGEST = 40_000_000;

/** Side of a digit's image, and of the box that the digit is scaled to. */
const SIDE = 28;
const BOX = 20;

/**
 * Where the centre of mass goes: the middle of pixel 14, counted from 0. In MNIST it lies in that
 * pixel, in rows and columns alike (between 13.5 and 14.5 in 98 % of 2,000 images).
 */
const MIDDLE = 14.5;

/** Ink below this share of the darkest is paper: shadows, and what compression leaves. */
const FAINTEST = 0.15;

/**
 * Decodes a PNG of any kind: grey or in colours, with a palette, 16 bits, interlaced, transparent.
 *
 * @param name What messages call it.
 * @throws {SyntaxError} If it is no PNG, has no pixels, or is damaged.
 * @throws {RangeError} If it has more than 40 million pixels.
 */
export function decodePng(bytes: Uint8Array, name = "the picture"): GreyImage {
  const fail = (rule: string, value: string) =>
    new SyntaxError(`Cannot read ${name} as ${rule}: current value is ${value}`);
  const isPng = bytes.length >= 33 && SIGNATURE.every((byte, i) => bytes[i] === byte);
  if (!isPng) throw fail("it must be a PNG", `${bytes.length} bytes that are none`);
  const header = new DataView(bytes.buffer, bytes.byteOffset);
  const [width, height] = [header.getUint32(16), header.getUint32(20)];
  if (width * height === 0) throw fail("a PNG must have pixels", `${width} x ${height}`);
  if (width * height > LARGEST) {
    throw new RangeError(
      `Cannot read ${name} as it must have at most 40 million pixels: ` +
        `current value is ${width} x ${height}`,
    );
  }
  const address = `data:image/png;base64,${Buffer.from(bytes).toString("base64")}`;
  const rgba = new Resvg(
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">` +
      `<image width="${width}" height="${height}" href="${address}"/></svg>`,
    { imageRendering: 1, font: { loadSystemFonts: false } },
  ).render().pixels;
  const values = new Float32Array(width * height);
  let opaque = 0;
  for (let i = 0; i < values.length; i++) {
    const [red, green, blue, alpha] = rgba.subarray(4 * i, 4 * i + 4) as unknown as Rgba;
    opaque = Math.max(opaque, alpha);
    // Colours come multiplied by alpha; the weights are those of ITU-R BT.601.
    const grey = red === green && green === blue ? red : 0.299 * red + 0.587 * green + 0.114 * blue;
    values[i] = (grey + 255 - alpha) / 255;
  }
  // The decoder draws nothing of what it can't read.
  if (opaque === 0) throw fail("a PNG must hold a picture", "a damaged or transparent one");
  return { width, height, values };
}

type Rgba = [red: number, green: number, blue: number, alpha: number];

/**
 * Makes a digit of a picture as MNIST's were made: scaled, its shape kept, into a box of 20 by 20
 * pixels, and placed in 28 by 28 so that its centre of mass lies in the middle. The digit may be dark
 * on light or light on dark: the picture's edge tells which is paper.
 *
 * @returns 784 pixels, 0 (paper) to 1 (ink).
 * @throws {RangeError} If there is nothing on the paper.
 * @see LeCun, Cortes and Burges, "The MNIST database of handwritten digits" (1998),
 *   http://yann.lecun.com/exdb/mnist/
 */
export function asDigit(picture: GreyImage): Float32Array {
  const ink = inkOf(picture);
  const { left, top, right, bottom } = boundsOf(ink);
  const [width, height] = [right - left, bottom - top];
  const scale = BOX / Math.max(width, height);
  const [columns, rows] = [width, height].map((size) => Math.max(1, Math.round(size * scale))) as [
    number,
    number,
  ];
  const small = shrink(ink, { left, top, width, height }, columns, rows);
  const [x, y] = [
    placed(centre(small, columns, rows, (column) => column), columns),
    placed(centre(small, columns, rows, (_, row) => row), rows),
  ];
  const darkest = small.reduce((most, value) => Math.max(most, value), 0);
  const digit = new Float32Array(SIDE * SIDE);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      digit[(y + row) * SIDE + x + column] = small[row * columns + column]! / darkest;
    }
  }
  return digit;
}

/** Reads a digit of one's own from a PNG file; see {@linkcode asDigit}. */
export async function readDigit(file: string): Promise<Float32Array> {
  return asDigit(decodePng(await Deno.readFile(file), file));
}

/**
 * Saves a digit as PNG: 28 by 28, grey, 8 bits, so each pixel is rounded to a multiple of 1/255.
 *
 * @param pixels 784 values in [0, 1].
 * @throws {RangeError} If they are not.
 */
export async function savePixels(file: string, pixels: ArrayLike<number>): Promise<void> {
  const values = Array.from(pixels);
  if (values.length !== SIDE * SIDE || !values.every((value) => value >= 0 && value <= 1)) {
    throw new RangeError(
      `Cannot save ${file} as a digit has 784 pixels in [0, 1]: ` +
        `current value is ${values.length} pixels${values.length === 784 ? ", some outside" : ""}`,
    );
  }
  const bytes = Uint8Array.from(values, (value) => Math.round(255 * value));
  await writeAtomic(file, encodePng(bytes, SIDE, SIDE));
}

/**
 * Reads the pixels of a 28 by 28 PNG as they are, ink being white: what {@linkcode savePixels} wrote.
 *
 * @throws {SyntaxError} If the file is no PNG.
 * @throws {RangeError} If it is of another size.
 */
export async function readPixels(file: string): Promise<Float32Array> {
  const { width, height, values } = decodePng(await Deno.readFile(file), file);
  if (width === SIDE && height === SIDE) return values;
  throw new RangeError(
    `Cannot read ${file} as a digit's pixels as it must be 28 x 28: ` +
      `current value is ${width} x ${height}`,
  );
}

/** Ink in [0, 1], 1 the darkest, 0 the paper, whose grey is the median of the picture's edge. */
function inkOf({ width, height, values }: GreyImage): GreyImage {
  const edge = [
    ...values.subarray(0, width),
    ...values.subarray(width * (height - 1)),
    ...Array.from({ length: height }, (_, row) => values[row * width]!),
    ...Array.from({ length: height }, (_, row) => values[(row + 1) * width - 1]!),
  ].sort((a, b) => a - b);
  const paper = edge[Math.floor(edge.length / 2)]!;
  const sign = paper >= 0.5 ? -1 : 1;
  const raw = values.map((value) => Math.max(0, sign * (value - paper)));
  const darkest = raw.reduce((most, value) => Math.max(most, value), 0);
  if (darkest < 0.1) {
    throw new RangeError(
      "Cannot make a digit of the picture as there must be ink on the paper: " +
        `current value is a largest contrast of ${darkest.toFixed(2)}`,
    );
  }
  const ink = raw.map((value) => value < FAINTEST * darkest ? 0 : value / darkest);
  return { width, height, values: ink };
}

/** Where the ink lies; right and bottom are the first column and row after it. */
function boundsOf({ width, values }: GreyImage) {
  const bounds = { left: Infinity, top: Infinity, right: 0, bottom: 0 };
  values.forEach((value, i) => {
    if (value === 0) return;
    const [column, row] = [i % width, Math.floor(i / width)];
    bounds.left = Math.min(bounds.left, column);
    bounds.right = Math.max(bounds.right, column + 1);
    bounds.top = Math.min(bounds.top, row);
    bounds.bottom = Math.max(bounds.bottom, row + 1);
  });
  return bounds;
}

/** A part of a picture in so many columns and rows, each pixel the mean over its area. */
function shrink(
  { width: stride, values }: GreyImage,
  { left, top, width, height }: { left: number; top: number; width: number; height: number },
  columns: number,
  rows: number,
): Float32Array {
  const across = weights(width, columns);
  const down = weights(height, rows);
  return Float32Array.from({ length: columns * rows }, (_, i) => {
    let sum = 0;
    for (const { at: row, share } of down[Math.floor(i / columns)]!) {
      for (const { at: column, share: part } of across[i % columns]!) {
        sum += share * part * values[(top + row) * stride + left + column]!;
      }
    }
    return sum;
  });
}

/** Which of `size` pixels lie under each of `count`, and what share of it they take. */
function weights(size: number, count: number): { at: number; share: number }[][] {
  const step = size / count;
  return Array.from({ length: count }, (_, i) => {
    const [from, to] = [i * step, (i + 1) * step];
    const parts: { at: number; share: number }[] = [];
    for (let at = Math.floor(from); at < Math.min(size, to); at++) {
      const share = (Math.min(to, at + 1) - Math.max(from, at)) / step;
      if (share > 0) parts.push({ at, share });
    }
    return parts;
  });
}

/** The centre of mass along one axis, in pixels from the first one's outer edge. */
function centre(
  values: Float32Array,
  columns: number,
  rows: number,
  place: (column: number, row: number) => number,
): number {
  let [mass, moment] = [0, 0];
  for (let i = 0; i < columns * rows; i++) {
    mass += values[i]!;
    moment += values[i]! * (place(i % columns, Math.floor(i / columns)) + 0.5);
  }
  return moment / mass;
}

/** Where to begin so that the centre comes to lie in the middle pixel, and nothing outside. */
const placed = (centre: number, size: number): number =>
  Math.min(SIDE - size, Math.max(0, Math.ceil(MIDDLE - centre - 0.5)));
