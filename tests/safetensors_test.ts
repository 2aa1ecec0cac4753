/**
 * Safetensors: round trips, an independent writer's file, and hostile bytes of every kind.
 *
 * @module
 */

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  decode,
  encode,
  type NamedArray,
  readSafetensors,
  weightsSha256,
} from "$lib/safetensors.ts";

const fixture = new URL("./fixtures/python.safetensors", import.meta.url);

/** A file of any header text and any number of data bytes. */
function file(header: string, dataLength: number, claimed?: bigint): Uint8Array {
  const text = new TextEncoder().encode(header);
  const bytes = new Uint8Array(8 + text.length + dataLength);
  new DataView(bytes.buffer).setBigUint64(0, claimed ?? BigInt(text.length), true);
  bytes.set(text, 8);
  return bytes;
}

/** A file of one tensor `a` with these members in its entry. */
function oneTensor(entry: Record<string, unknown>, dataLength: number): Uint8Array {
  const a = { dtype: "F32", shape: [2], data_offsets: [0, 8], ...entry };
  return file(JSON.stringify({ a }), dataLength);
}

const floats = fc.array(fc.float(), { maxLength: 24 });
const namedArray = floats.map((values): NamedArray => ({
  shape: values.length % 2 === 0 ? [2, values.length / 2] : [values.length],
  values: Float32Array.from(values),
}));
const names = fc.string({ unit: "grapheme" }).filter((name) =>
  !/^__(metadata|proto)__$/.test(name)
);
const tensorRecords = fc.dictionary(names, namedArray, { maxKeys: 6, noNullPrototype: true });
const metadataRecords = fc.dictionary(names, fc.string(), { maxKeys: 4, noNullPrototype: true });

Deno.test("decode(encode(x)) is x, to the last bit", () => {
  fc.assert(
    fc.property(tensorRecords, metadataRecords, (tensors, metadata) => {
      const decoded = decode(encode(tensors, metadata));
      assertEquals(decoded.metadata, metadata);
      assertEquals(Object.keys(decoded.tensors).sort(), Object.keys(tensors).sort());
      for (const [name, { shape, values }] of Object.entries(tensors)) {
        assertEquals(decoded.tensors[name]?.shape, shape);
        const bits = (array?: Float32Array) => array && [...new Uint32Array(array.slice().buffer)];
        assertEquals(bits(decoded.tensors[name]?.values), bits(values));
      }
    }),
    { seed: 3 },
  );
});

Deno.test("encode() gives the same bytes for any order of the keys, data on an 8-byte boundary", () => {
  const one = { shape: [1], values: Float32Array.of(1) };
  const two = { shape: [2], values: Float32Array.of(2, 3) };
  const bytes = encode({ b: one, "10": two, a: one }, { y: "1", x: "2" });
  assertEquals(bytes, encode({ a: one, b: one, "10": two }, { x: "2", y: "1" }));
  assertEquals(Number(new DataView(bytes.buffer).getBigUint64(0, true)) % 8, 0);
  assertEquals(Object.keys(decode(bytes).tensors).sort(), ["10", "a", "b"]);
});

Deno.test("encode() takes arrays that are windows of larger buffers", () => {
  const values = Float32Array.of(9, 1, 2, 9).subarray(1, 3);
  assertEquals(decode(encode({ a: { shape: [2], values } }, {})).tensors.a?.values, values.slice());
});

Deno.test("encode() refuses reserved names and values that do not fill their shape", () => {
  const values = Float32Array.of(1, 2);
  assertThrows(() => encode({ __metadata__: { shape: [2], values } }, {}), TypeError, "reserved");
  assertThrows(() => encode({ a: { shape: [3], values } }, {}), TypeError, "2 values for [3]");
  assertThrows(() => encode({ a: { shape: [-1, -2], values } }, {}), TypeError, "fill its shape");
});

Deno.test("decode() reads a file written by another implementation", async () => {
  const { tensors, metadata } = decode(await Deno.readFile(fixture));
  assertEquals(metadata, { made: "by write_safetensors.py", unicode: "è" });
  assertEquals(tensors["layers.0.kernel"], {
    shape: [2, 3],
    values: Float32Array.of(0, 0.5, 1, 1.5, 2, 2.5),
  });
  assertEquals(tensors["layers.0.bias"], { shape: [3], values: Float32Array.of(-1, 1e-40, 3e38) });
  assertEquals(tensors.scalar, { shape: [], values: Float32Array.of(7) });
});

Deno.test("weightsSha256() equals the hash that another implementation computed", async () => {
  const { tensors } = decode(await Deno.readFile(fixture));
  const expected = await Deno.readTextFile(new URL("./fixtures/python.sha256", import.meta.url));
  assertEquals(await weightsSha256(tensors), expected.trim());
  const reversed = Object.fromEntries(Object.entries(tensors).reverse());
  assertEquals(await weightsSha256(reversed), expected.trim());
});

Deno.test("decode() takes data at an odd address: the format does not ask for alignment", () => {
  const bytes = oneTensor({}, 8);
  const odd = file(new TextDecoder().decode(bytes.subarray(8, -8)) + " ", 8);
  assertEquals(decode(odd).tensors.a?.values, new Float32Array(2));
  const shifted = new Uint8Array(bytes.length + 1);
  shifted.set(bytes, 1);
  assertEquals(decode(shifted.subarray(1)).tensors.a?.values, new Float32Array(2));
});

const good = JSON.stringify({ dtype: "F32", shape: [2], data_offsets: [0, 8] });
const next = JSON.stringify({ dtype: "F32", shape: [1], data_offsets: [4, 8] });
const deep = "[".repeat(100_000) + "]".repeat(100_000);
const hostile: Record<string, [Uint8Array, string]> = {
  "no bytes": [new Uint8Array(), "8 bytes of length"],
  "seven bytes": [new Uint8Array(7), "8 bytes of length"],
  "an empty header": [file("", 0), "valid JSON"],
  "a header longer than the file": [file("{}", 0, 3n), "at most 2 bytes: it claims 3"],
  "a header of 2^64 - 1 bytes": [file("{}", 0, 2n ** 64n - 1n), "at most 2 bytes"],
  "a header that is cut": [file('{"a":', 0), "valid JSON"],
  "a header that is not UTF-8": [new Uint8Array([1, 0, 0, 0, 0, 0, 0, 0, 0xff]), "UTF-8"],
  "a header with a byte order mark": [file("\ufeff{}", 0), "valid JSON"],
  "an array for a header": [file("[]", 0), "JSON object"],
  "null for a header": [file("null", 0), "JSON object"],
  "a header nested 100,000 deep": [file(deep, 0), "safetensors"],
  "a shape nested 100,000 deep": [
    file(`{"a":{"dtype":"F32","shape":${deep},"data_offsets":[0,8]}}`, 8),
    "hold counts",
  ],
  "metadata that is no object": [file('{"__metadata__":[]}', 0), "names to texts"],
  "metadata that is no text": [file('{"__metadata__":{"a":1}}', 0), "names to texts"],
  "a tensor that is no object": [file('{"a":1}', 0), "must have just"],
  "an entry without a shape": [oneTensor({ shape: undefined }, 8), "must have just"],
  "an entry with a further member": [oneTensor({ more: 1 }, 8), "must have just"],
  "another dtype": [oneTensor({ dtype: "F16" }, 8), 'must be F32: current value is "F16"'],
  "a negative dimension": [oneTensor({ shape: [-2] }, 8), "hold counts: current value is [-2]"],
  "two negative dimensions": [oneTensor({ shape: [-1, -2] }, 8), "hold counts"],
  "a fractional dimension": [oneTensor({ shape: [0.5, 4] }, 8), "hold counts"],
  "a dimension as text": [oneTensor({ shape: ["2"] }, 8), "hold counts"],
  "a shape that is no array": [oneTensor({ shape: 2 }, 8), "hold counts"],
  "dimensions whose product overflows": [
    oneTensor({ shape: Array(40).fill(2 ** 52).concat(0), data_offsets: [0, 0] }, 0),
    "bytes",
  ],
  "a shape that asks for more": [oneTensor({ shape: [3] }, 8), "must have 12 bytes: current"],
  "one offset": [oneTensor({ data_offsets: [8] }, 8), "two counts"],
  "negative offsets": [oneTensor({ data_offsets: [-8, 0] }, 8), "two counts"],
  "offsets beyond safe integers": [oneTensor({ data_offsets: [0, 2 ** 60] }, 8), "two counts"],
  "offsets in the wrong order": [oneTensor({ data_offsets: [8, 0] }, 8), "must have 8 bytes"],
  "data that is cut": [oneTensor({}, 7), "take 8 bytes: it holds 7"],
  "data that is too long": [oneTensor({}, 9), "take 8 bytes: it holds 9"],
  "a gap before the data": [oneTensor({ data_offsets: [4, 12] }, 12), "leave a gap"],
  "tensors that overlap": [file(`{"a":${good},"b":${next}}`, 8), "overlap"],
  "two tensors of one range": [file(`{"a":${good},"b":${good}}`, 8), "overlap"],
  "a name given twice": [file(`{"a":${good},"a":${good}}`, 8), "something twice"],
  "a member given twice": [
    file(`{"a":{"dtype":"F16","dtype":"F32","shape":[2],"data_offsets":[0,8]}}`, 8),
    "something twice",
  ],
  "a tensor named __proto__": [file(`{"__proto__":${good}}`, 8), "no tensor may be named"],
  "metadata named __proto__": [file(`{"__metadata__":{"__proto__":"a"}}`, 0), "names to texts"],
};

for (const [kind, [bytes, message]] of Object.entries(hostile)) {
  Deno.test(`decode() refuses ${kind} in one line`, () => {
    const error = assertThrows(() => decode(bytes), SyntaxError, message);
    assert(!error.message.includes("\n") && error.message.length < 300, error.message);
  });
}

Deno.test("decode() of mutated or cut files throws nothing but a SyntaxError", () => {
  const edits = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 });
  fc.assert(
    fc.property(
      tensorRecords,
      metadataRecords,
      edits,
      fc.nat(),
      (tensors, metadata, edits, cut) => {
        const bytes = encode(tensors, metadata);
        for (const [at, value] of edits) bytes[at % bytes.length] = value;
        try {
          decode(bytes.subarray(0, cut % 3 ? bytes.length : cut % bytes.length));
        } catch (error) {
          assert(error instanceof SyntaxError, String(error));
        }
      },
    ),
    { seed: 3, numRuns: 2000 },
  );
});

Deno.test("decode() of any JSON header throws nothing but a SyntaxError", () => {
  const counts = fc.oneof(fc.integer(), fc.double(), fc.constantFrom(0, 1, 2, 4, 8, 2 ** 53));
  const entry = fc.record({
    dtype: fc.oneof({ weight: 9, arbitrary: fc.constant("F32") }, fc.jsonValue()),
    shape: fc.oneof({ weight: 9, arbitrary: fc.array(counts, { maxLength: 3 }) }, fc.jsonValue()),
    data_offsets: fc.oneof({ weight: 9, arbitrary: fc.tuple(counts, counts) }, fc.jsonValue()),
  });
  const header = fc.oneof(fc.jsonValue(), fc.dictionary(fc.string(), entry, { maxKeys: 3 }));
  fc.assert(
    fc.property(header, fc.nat(64), (header, dataLength) => {
      try {
        decode(file(JSON.stringify(header), dataLength));
      } catch (error) {
        assert(error instanceof SyntaxError, String(error));
      }
    }),
    { seed: 3, numRuns: 2000 },
  );
});

Deno.test("readSafetensors() names the file that it refuses", async () => {
  const folder = await Deno.makeTempDir();
  const refuses = (path: string, why: string) =>
    assertRejects(() => readSafetensors(path), SyntaxError, `Cannot read ${path} as ${why}`);
  try {
    const whole = encode({ a: { shape: [2], values: Float32Array.of(1, 2) } });
    await Deno.writeFile(`${folder}/whole`, whole);
    assertEquals(await readSafetensors(`${folder}/whole`), decode(whole));
    await Deno.writeFile(`${folder}/cut`, whole.subarray(0, -1));
    await refuses(`${folder}/cut`, "safetensors: its tensors take 8 bytes: it holds 7");
    await refuses(folder, "safetensors: it must be a file");
    await Deno.truncate(`${folder}/cut`, 2 ** 31); // sparse: takes no room on the disk
    await refuses(`${folder}/cut`, "safetensors: it may have at most");
    await assertRejects(() => readSafetensors(`${folder}/none`), Deno.errors.NotFound);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("weightsSha256() changes with a single bit", async () => {
  const hash = (value: number) =>
    weightsSha256({ a: { shape: [1], values: Float32Array.of(value) } });
  assert(await hash(1) !== await hash(1 + 2 ** -23));
});
