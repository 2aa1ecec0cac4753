/**
 * Small pictures as PNG data, so that a digit is one `<image>` in a figure and not 784 rectangles.
 *
 * @module
 */
import { crc32, deflateSync } from "node:zlib";
import { Buffer } from "node:buffer";

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const GREY = 0;
const RGB = 2;

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
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, channels === 1 ? GREY : RGB, 0, 0, 0], 8);
  const stride = width * channels;
  const rows = Buffer.alloc((stride + 1) * height); // each row after one byte 0: no filter
  for (let y = 0; y < height; y++) {
    rows.set(pixels.subarray(y * stride, (y + 1) * stride), y * (stride + 1) + 1);
  }
  return Buffer.concat([
    Buffer.from(SIGNATURE),
    chunk("IHDR", header),
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
