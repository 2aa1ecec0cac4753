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

/**
 * Encodes a drawing of few colours in a third of the bytes. Where the edges of letters and curves leave
 * more than 256 colours, channels are rounded to multiples of 2, 4 or 8 of 255, whichever is enough;
 * a drawing of more colours than that keeps them all.
 *
 * @param rgba Four bytes a pixel, row by row, opaque.
 */
export function encodeDrawing(rgba: Uint8Array, width: number, height: number): Buffer {
  const pixels = new Uint32Array(rgba.slice().buffer); // a copy begins at a whole word
  for (const step of [1, 2, 4, 8]) {
    const drawing = indexed(pixels, step);
    if (drawing) {
      const palette = Buffer.from(drawing.palette.flatMap(channelsOf));
      return assembled(drawing.indices, width, height, { type: INDEXED, level: 6, palette });
    }
  }
  return encodePng(rgba.filter((_, i) => i % 4 !== 3), width, height, 6);
}

/** Each pixel's place among its colours, unless these are more than 256. */
function indexed(
  pixels: Uint32Array,
  step: number,
): { indices: Uint8Array; palette: number[] } | undefined {
  const [places, palette] = [new Map<number, number>(), [] as number[]];
  const known = new Map<number, number>(); // by color before it is rounded
  const indices = new Uint8Array(pixels.length);
  let [before, place] = [-1, 0];
  for (let i = 0; i < pixels.length; i++) {
    const color = pixels[i]!;
    if (color !== before) { // most pixels are like the one on their left
      place = known.get(color) ?? placeOf(rounded(color, step), places, palette);
      known.set(color, place);
      if (palette.length > 256) return undefined;
      before = color;
    }
    indices[i] = place;
  }
  return { indices, palette };
}

function placeOf(color: number, places: Map<number, number>, palette: number[]): number {
  const place = places.get(color) ?? palette.push(color) - 1;
  places.set(color, place);
  return place;
}

/** Red, green and blue of four bytes read as a little-endian word. */
const channelsOf = (color: number): number[] => [0, 8, 16].map((shift) => (color >>> shift) & 255);

function rounded(color: number, step: number): number {
  const [red = 0, green = 0, blue = 0] = channelsOf(color)
    .map((value) => Math.min(255, Math.round(value / step) * step));
  return red | green << 8 | blue << 16;
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
