/**
 * The IDX format of MNIST's files: unsigned bytes with a big-endian shape before them.
 *
 * @see http://yann.lecun.com/exdb/mnist/
 * @module
 */

/** Unsigned bytes and their shape, in row-major order. */
export interface IdxArray {
  shape: number[];
  values: Uint8Array<ArrayBuffer>;
}

/** The code of unsigned bytes, the only type that MNIST's files have. */
const UNSIGNED_BYTE = 0x08;

/**
 * Decodes the bytes of an IDX file. `values` shares the memory of `bytes`.
 *
 * @throws {SyntaxError} If the bytes are not whole IDX of unsigned bytes, or more than that.
 */
export function decodeIdx(bytes: Uint8Array<ArrayBuffer>): IdxArray {
  const [zero, alsoZero, type, rank = 0] = bytes;
  const header = 4 + 4 * rank;
  if (bytes.length < header || zero !== 0 || alsoZero !== 0 || type !== UNSIGNED_BYTE) {
    const start = bytes.subarray(0, 4).toHex();
    throw new SyntaxError(
      `Cannot read as IDX of bytes as it must start with 000008 and its rank: ` +
        `current value is ${start} in ${bytes.length} bytes`,
    );
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const shape = Array.from({ length: rank }, (_, i) => view.getUint32(4 + 4 * i));
  const size = shape.reduce((product, dimension) => product * dimension, 1);
  if (bytes.length - header !== size) {
    throw new SyntaxError(
      `Cannot read as IDX as [${shape}] must have ${size} bytes: ` +
        `current value is ${bytes.length - header}`,
    );
  }
  return { shape, values: bytes.subarray(header) };
}

/**
 * Encodes unsigned bytes as an IDX file.
 *
 * @throws {RangeError} If `values` does not fill `shape`, or a dimension does not fit the format.
 */
export function encodeIdx({ shape, values }: IdxArray): Uint8Array<ArrayBuffer> {
  const size = shape.reduce((product, dimension) => product * dimension, 1);
  const fits = shape.every((count) => Number.isInteger(count) && count >= 0 && count < 2 ** 32);
  if (!fits || shape.length > 255 || size !== values.length) {
    throw new RangeError(
      `Cannot encode as IDX as the values must fill the shape: ` +
        `current value is ${values.length} values for [${shape}]`,
    );
  }
  const header = 4 + 4 * shape.length;
  const bytes = new Uint8Array(header + values.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, UNSIGNED_BYTE << 8 | shape.length);
  shape.forEach((dimension, i) => view.setUint32(4 + 4 * i, dimension));
  bytes.set(values, header);
  return bytes;
}
