/**
 * Named float32 arrays to and from safetensors bytes, distrusting every byte read.
 *
 * @see https://github.com/huggingface/safetensors#format
 * @module
 */

import { sha256 } from "./hash.ts";

/** A float32 array and its shape, in row-major order. */
export interface NamedArray {
  shape: number[];
  values: Float32Array;
}

/** What a safetensors file holds. */
export interface SafeTensors {
  tensors: Record<string, NamedArray>;
  /** Free text about the file; empty where the file has none. */
  metadata: Record<string, string>;
}

/** A tensor's entry in the header; offsets count from the end of the header. */
interface Entry {
  name: string;
  shape: number[];
  begin: number;
  end: number;
}

/** A 64-bit little-endian number: how long the header is. */
const LENGTH_BYTES = 8;
/** The limit of the format's own reader. */
const MAX_HEADER_BYTES = 100_000_000;
/** Far more than any network of digits takes, and what memory can hold. */
const MAX_FILE_BYTES = 2 ** 30;
/** Names that no tensor may have: one is the format's, the other would meddle with JavaScript's. */
const RESERVED = new Set(["__metadata__", "__proto__"]);

/**
 * Encodes tensors as safetensors; equal content gives equal bytes, whatever the order of the keys.
 *
 * @throws {TypeError} If a name is reserved or `values` does not fill `shape`.
 */
export function encode(
  tensors: Record<string, NamedArray>,
  metadata: Record<string, string> = {},
): Uint8Array<ArrayBuffer> {
  const sorted = sortedByName(tensors);
  const members: [string, unknown][] = [];
  const about = sortedByName(metadata);
  if (about.length > 0) members.push(["__metadata__", Object.fromEntries(about)]);
  let end = 0;
  for (const [name, { shape, values }] of sorted) {
    checkEncodable(name, shape, values);
    const begin = end;
    end += values.byteLength;
    members.push([name, { dtype: "F32", shape, data_offsets: [begin, end] }]);
  }
  // Joined by hand as an object would move names that look like integers to the front.
  const json = members.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`);
  const header = new TextEncoder().encode(`{${json.join(",")}}`);
  const headerLength = Math.ceil(header.length / 8) * 8;
  const bytes = new Uint8Array(LENGTH_BYTES + headerLength + end);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(headerLength), true);
  bytes.set(header, LENGTH_BYTES);
  bytes.fill(0x20, LENGTH_BYTES + header.length, LENGTH_BYTES + headerLength);
  let at = LENGTH_BYTES + headerLength;
  for (const [, { values }] of sorted) {
    bytes.set(bytesOf(values), at);
    at += values.byteLength;
  }
  return bytes;
}

/**
 * Decodes safetensors bytes whose tensors are all float32 (`F32`).
 *
 * Nothing is allocated beyond what `bytes` holds, and the ranges of the tensors must cover the data
 * exactly, without gap or overlap. The arrays are copies: they do not keep `bytes` alive.
 *
 * @throws {SyntaxError} If the bytes are not such a file; the message says in a line why.
 */
export function decode(bytes: Uint8Array): SafeTensors {
  const { header, dataStart } = readHeader(bytes);
  const { entries, metadata } = parseHeader(header);
  checkCoverage(entries, bytes.length - dataStart);
  const tensors = entries.map(({ name, shape, begin, end }): [string, NamedArray] => {
    // A copy, as a Float32Array may not start at an odd address and headers may end at one.
    const data = new Uint8Array(bytes.subarray(dataStart + begin, dataStart + end));
    return [name, { shape, values: new Float32Array(data.buffer) }];
  });
  return { tensors: Object.fromEntries(tensors), metadata };
}

/**
 * Reads a safetensors file.
 *
 * @throws {SyntaxError} If it is not such a file; the message names it, and says in a line why.
 * @throws {Deno.errors.NotFound} If it is not there.
 */
export async function readSafetensors(path: string): Promise<SafeTensors> {
  const fail = (why: string): never => {
    throw new SyntaxError(`Cannot read ${path} as safetensors: ${why}`);
  };
  const { isFile, size } = await Deno.stat(path);
  // A device's bytes may have no end.
  if (!isFile) fail("it must be a file");
  if (size > MAX_FILE_BYTES) fail(`it may have at most ${MAX_FILE_BYTES} bytes: it has ${size}`);
  const bytes = await Deno.readFile(path);
  try {
    return decode(bytes);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return fail(error.message.replace("Cannot read as safetensors: ", ""));
  }
}

/** SHA-256, in hexadecimal, of the tensors' bytes in the order of their names; not of the file. */
export async function weightsSha256(tensors: Record<string, NamedArray>): Promise<string> {
  const parts = sortedByName(tensors).map(([, { values }]) => bytesOf(values));
  return await sha256(...parts);
}

function sortedByName<T>(record: Record<string, T>): [string, T][] {
  return Object.entries(record).sort(([a], [b]) => a < b ? -1 : 1);
}

/** The bytes of an array: the format's order is that of all machines Deno runs on. */
function bytesOf(values: Float32Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(values.buffer as ArrayBuffer, values.byteOffset, values.byteLength);
}

function checkEncodable(name: string, shape: number[], values: Float32Array): void {
  if (RESERVED.has(name)) {
    throw new TypeError(`Cannot encode a tensor as its name is reserved: current value is ${name}`);
  }
  if (!shape.every(isCount) || product(shape) !== values.length) {
    throw new TypeError(
      `Cannot encode ${name} as its values must fill its shape: ` +
        `current value is ${values.length} values for [${shape}]`,
    );
  }
}

function readHeader(bytes: Uint8Array): { header: string; dataStart: number } {
  if (bytes.length < LENGTH_BYTES) {
    throw malformed(`it must start with 8 bytes of length: it has ${bytes.length} bytes`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = view.getBigUint64(0, true);
  const room = Math.min(bytes.length - LENGTH_BYTES, MAX_HEADER_BYTES);
  if (length > room) {
    throw malformed(`its header may have at most ${room} bytes: it claims ${length}`);
  }
  const dataStart = LENGTH_BYTES + Number(length);
  try {
    const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    return { header: decoder.decode(bytes.subarray(LENGTH_BYTES, dataStart)), dataStart };
  } catch {
    throw malformed("its header must be UTF-8 text");
  }
}

function parseHeader(header: string): { entries: Entry[]; metadata: Record<string, string> } {
  let parsed: unknown;
  try {
    parsed = JSON.parse(header);
  } catch {
    throw malformed("its header must be valid JSON");
  }
  if (!isObject(parsed)) throw malformed("its header must be a JSON object");
  const { __metadata__ = {}, ...rest } = parsed;
  if (!isTextRecord(__metadata__)) throw malformed("its __metadata__ must map names to texts");
  const entries = Object.entries(rest).map(([name, value]) => parseEntry(name, value));
  const members = Object.keys(parsed).length + Object.keys(__metadata__).length +
    entries.length * 3;
  // JSON.parse silently keeps the last of several members of one name.
  if (countMembers(header) !== members) throw malformed("its header names something twice");
  return { entries, metadata: __metadata__ };
}

function parseEntry(name: string, value: unknown): Entry {
  const quoted = brief(name);
  if (RESERVED.has(name)) throw malformed(`no tensor may be named ${quoted}`);
  if (!isObject(value) || Object.keys(value).sort().join() !== "data_offsets,dtype,shape") {
    throw malformed(`${quoted} must have just a dtype, a shape and data_offsets`);
  }
  const { dtype, shape, data_offsets: offsets } = value;
  if (dtype !== "F32") {
    throw malformed(`the dtype of ${quoted} must be F32: current value is ${brief(dtype)}`);
  }
  if (!isCounts(shape)) {
    throw malformed(`the shape of ${quoted} must hold counts: current value is ${brief(shape)}`);
  }
  if (!isCounts(offsets) || offsets.length !== 2) {
    throw malformed(
      `data_offsets of ${quoted} must be two counts: current value is ${brief(offsets)}`,
    );
  }
  const [begin = 0, end = 0] = offsets;
  if (product(shape) * 4 !== end - begin) {
    throw malformed(
      `${quoted} of shape ${brief(shape)} must have ${product(shape) * 4} bytes: current value is ${
        end - begin
      }`,
    );
  }
  return { name, shape, begin, end };
}

function checkCoverage(entries: Entry[], dataLength: number): void {
  let at = 0;
  for (
    const { name, begin, end } of entries.toSorted((a, b) => a.begin - b.begin || a.end - b.end)
  ) {
    if (begin !== at) {
      const kind = begin < at ? "overlap" : "leave a gap";
      throw malformed(`tensors must not ${kind}: ${brief(name)} begins at ${begin}, not at ${at}`);
    }
    at = end;
  }
  if (at !== dataLength) throw malformed(`its tensors take ${at} bytes: it holds ${dataLength}`);
}

/** Counts the members of all objects of a valid JSON text: its colons outside of strings. */
function countMembers(json: string): number {
  let members = 0;
  let inString = false;
  for (let i = 0; i < json.length; i++) {
    const char = json[i];
    if (inString && char === "\\") i++;
    else if (char === '"') inString = !inString;
    else if (!inString && char === ":") members++;
  }
  return members;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isTextRecord(value: unknown): value is Record<string, string> {
  return isObject(value) && !Object.hasOwn(value, "__proto__") &&
    Object.values(value).every((text) => typeof text === "string");
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0 && !Object.is(value, -0);
}

function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.every(isCount);
}

/** Overflows to Infinity or NaN, which equals no length: absurd dimensions need no check of their own. */
function product(shape: number[]): number {
  return shape.reduce((size, dimension) => size * dimension, 1);
}

/** A value from the file, cut so that the message stays a line; nesting is not followed. */
function brief(value: unknown): string {
  const text = Array.isArray(value)
    ? `[${value.slice(0, 8).map((item) => Object(item) === item ? "..." : item)}]`
    : isObject(value)
    ? "an object"
    : JSON.stringify(value) ?? "nothing";
  return text.length > 60 ? `${text.slice(0, 60)}...` : text;
}

function malformed(rule: string): SyntaxError {
  return new SyntaxError(`Cannot read as safetensors: ${rule}`);
}
