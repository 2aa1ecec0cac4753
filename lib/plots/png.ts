/**
 * Pictures as PNG data: digits, so that each is one `<image>` in a figure and not 784 rectangles, and
 * whole figures.
 *
 * @module
 */
import { crc32, deflateSync } from "node:zlib";
import { Buffer } from "node:buffer";

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const GREY = 0;
const RGB = 2;
const INDEXED = 3;

/**
 * Encodes 8-bit pixels, row by row, as a PNG.
 *
 * @param pixels One byte a pixel (grey) or three (red, green, blue).
 * @param level How hard to compress, 0 to 9. At 0 the bytes do not depend on the machine's zlib.
 * @throws {RangeError} If the number of bytes fits neither grey nor RGB.
 */
export function encodePng(pixels: Uint8Array, width: number, height: number, level = 9): Buffer {
  const channels = pixels.length / (width * height);
  if (channels !== 1 && channels !== 3) {
    throw new RangeError(
      `Cannot encode a ${width}x${height} PNG as it takes 1 or 3 bytes a pixel: ` +
        `current value is ${channels}`,
    );
  }
  return assembled(pixels, width, height, { type: channels === 1 ? GREY : RGB, level });
}

/** So many of a drawing's colours stay exactly as they are, the most frequent ones. */
const KEPT = 192;

/** By how much of 255 a channel of the others may change: the first of these that is enough. */
const TOLERANCES = [0, 4, 8, 16];

/**
 * Encodes a drawing of few colours in a third of the bytes: where the edges of letters and curves leave
 * more than 256, rare ones become others that are near. A drawing of more colours keeps them all.
 *
 * @param rgba Four bytes a pixel, row by row, opaque.
 */
export function encodeDrawing(rgba: Uint8Array, width: number, height: number): Buffer {
  const pixels = new Uint32Array(rgba.slice().buffer); // a copy begins at a whole word
  const colors = byFrequency(pixels);
  for (const tolerance of TOLERANCES) {
    const { palette, places } = merged(colors, tolerance);
    if (palette.length > 256) continue;
    const indices = new Uint8Array(pixels.length);
    for (let i = 0; i < pixels.length; i++) {
      const same = i > 0 && pixels[i] === pixels[i - 1]; // as most are
      indices[i] = same ? indices[i - 1]! : places.get(pixels[i]!)!;
    }
    const colored = Buffer.from(palette.flatMap((color) => [0, 8, 16].map(channel(color))));
    return assembled(indices, width, height, { type: INDEXED, level: 6, palette: colored });
  }
  const rgb = new Uint8Array(3 * pixels.length);
  pixels.forEach((color, i) => rgb.set([0, 8, 16].map(channel(color)), 3 * i));
  return encodePng(rgb, width, height, 6);
}

/** A palette, and each colour's place in it. */
function merged(colors: readonly number[], tolerance: number) {
  const palette: number[] = [];
  const places = new Map<number, number>();
  for (const color of colors) {
    if (palette.length > 256) break;
    const near = palette.length < KEPT
      ? -1
      : palette.findIndex((other) => change(color, other) <= tolerance);
    places.set(color, near >= 0 ? near : palette.push(color) - 1);
  }
  return { palette, places };
}

/** The channel at a shift of four bytes read as a little-endian word: 0 for red, 8, 16. */
const channel = (color: number) => (shift: number) => (color >>> shift) & 255;

/** The largest change of a channel. */
function change(a: number, b: number): number {
  const off = (shift: number) => Math.abs((a >>> shift & 255) - (b >>> shift & 255));
  return Math.max(off(0), off(8), off(16));
}

/** All colours, the most frequent first. */
function byFrequency(pixels: Uint32Array): number[] {
  const counts = new Map<number, number>();
  let start = 0;
  for (let i = 1; i <= pixels.length; i++) {
    if (i < pixels.length && pixels[i] === pixels[start]) continue;
    const color = pixels[start]!;
    counts.set(color, (counts.get(color) ?? 0) + i - start);
    start = i;
  }
  return [...counts].sort(([, a], [, b]) => b - a).map(([color]) => color);
}

interface Encoding {
  type: number;
  level: number;
  palette?: Buffer;
}

function assembled(
  pixels: Uint8Array,
  width: number,
  height: number,
  { type, level, palette }: Encoding,
): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, type, 0, 0, 0], 8);
  const stride = pixels.length / height;
  const rows = Buffer.alloc((stride + 1) * height); // each row after one byte 0: no filter
  for (let y = 0; y < height; y++) {
    rows.set(pixels.subarray(y * stride, (y + 1) * stride), y * (stride + 1) + 1);
  }
  return Buffer.concat([
    Buffer.from(SIGNATURE),
    chunk("IHDR", header),
    ...(palette ? [chunk("PLTE", palette)] : []),
    chunk("IDAT", deflateSync(rows, { level })),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

/** The same as {@link encodePng}, as the address of an `<image>`. */
export function pngAddress(pixels: Uint8Array, width: number, height: number): string {
  return `data:image/png;base64,${encodePng(pixels, width, height).toString("base64")}`;
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const out = Buffer.alloc(body.length + 8);
  out.writeUInt32BE(data.length, 0);
  out.set(body, 4);
  out.writeUInt32BE(crc32(body), body.length + 4);
  return out;
}
