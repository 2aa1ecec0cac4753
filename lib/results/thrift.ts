/**
 * Thrift's compact protocol, as far as the end of a Parquet file needs it.
 *
 * @see https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
 * @module
 */

/** Codes of types in the compact protocol. */
export const type = { i16: 4, i64: 6, binary: 8, list: 9, struct: 12 } as const;

/** One field of a struct; its value is as encoded. */
export interface Field {
  readonly id: number;
  readonly type: number;
  readonly value: Uint8Array;
}

/** A list's elements, each as encoded. */
export interface List {
  readonly type: number;
  readonly items: Uint8Array[];
}

/** Reads the fields of an encoded struct, which may be followed by other bytes. */
export const fieldsOf = (struct: Uint8Array): Field[] => new Reader(struct).fields();

/** Reads the elements of an encoded list. */
export const itemsOf = (list: Uint8Array): List => new Reader(list).list();

/** Reads an encoded integer of any width but 8 bits. */
export function integerOf(value: Uint8Array): bigint {
  const zigzag = new Reader(value).varint();
  return (zigzag >> 1n) ^ -(zigzag & 1n);
}

/** Encodes a struct. @param fields In the order of their ids. */
export function encodeStruct(fields: readonly Field[]): Uint8Array {
  const parts: Uint8Array[] = [];
  let last = 0;
  for (const { id, type, value } of fields) {
    const step = id - last;
    const short = step > 0 && step < 16;
    parts.push(short ? Uint8Array.of(step << 4 | type) : Uint8Array.of(type));
    if (!short) parts.push(encodeInteger(BigInt(id)));
    parts.push(value);
    last = id;
  }
  return joined([...parts, Uint8Array.of(0)]);
}

/** Encodes a list. */
export function encodeList({ type, items }: List): Uint8Array {
  const head = items.length < 15
    ? [Uint8Array.of(items.length << 4 | type)]
    : [Uint8Array.of(0xf0 | type), encodeVarint(BigInt(items.length))];
  return joined([...head, ...items]);
}

/** Encodes an integer of any width but 8 bits. */
export const encodeInteger = (value: bigint): Uint8Array =>
  encodeVarint(BigInt.asUintN(64, (value << 1n) ^ (value >> 63n)));

function encodeVarint(value: bigint): Uint8Array {
  const bytes: number[] = [];
  for (; value > 127n; value >>= 7n) bytes.push(Number(value & 127n) | 128);
  return Uint8Array.from([...bytes, Number(value)]);
}

/** All bytes, one part after another. */
export function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Structs nest this deep at most: real files go to about eight. */
const MAX_DEPTH = 32;

class Reader {
  #at = 0;

  constructor(readonly bytes: Uint8Array) {}

  fields(): Field[] {
    const fields: Field[] = [];
    for (let id = 0;;) {
      const head = this.#byte();
      if (head === 0) return fields;
      const step = head >> 4;
      id = step > 0 ? id + step : Number(integerOf(this.#value(type.i64, false)));
      fields.push({ id, type: head & 15, value: this.#value(head & 15, false) });
    }
  }

  list(): List {
    const { type, count } = this.#listHead();
    const items: Uint8Array[] = [];
    for (let i = 0; i < count; i++) items.push(this.#value(type, true));
    return { type, items };
  }

  varint(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#byte();
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return value;
    }
    throw new SyntaxError("its end holds a number without end");
  }

  /** Goes past one value and returns its bytes. */
  #value(type: number, inList: boolean): Uint8Array {
    const from = this.#at;
    this.#skip(type, inList, 0);
    return this.bytes.subarray(from, this.#at);
  }

  /** Goes past one value, and leaves no garbage: a file's end may have a million of them. */
  #skip(type: number, inList: boolean, depth: number): void {
    if (depth > MAX_DEPTH) throw new SyntaxError("its end nests too deep");
    // A field's truth stands in its type; an element's takes a byte.
    if (type === 1 || type === 2) this.#at += Number(inList);
    else if (type === 3) this.#at += 1;
    else if (type >= 4 && type <= 6) { while (this.#byte() > 127); }
    else if (type === 7) this.#at += 8;
    else if (type === 8) {
      const length = this.#count();
      this.#at += length;
    } else if (type === 9 || type === 10) {
      const list = this.#listHead();
      for (let i = 0; i < list.count; i++) this.#skip(list.type, true, depth + 1);
    } else if (type === 12) this.#skipFields(depth);
    else throw new SyntaxError(`its end holds a value of unknown type ${type}`);
    if (this.#at > this.bytes.length) throw new SyntaxError("its end is cut off");
  }

  #skipFields(depth: number): void {
    for (let head = this.#byte(); head !== 0; head = this.#byte()) {
      if (head >> 4 === 0) this.#skip(4, false, depth);
      this.#skip(head & 15, false, depth + 1);
    }
  }

  #listHead(): { type: number; count: number } {
    const head = this.#byte();
    return { type: head & 15, count: head >> 4 === 15 ? this.#count() : head >> 4 };
  }

  /** How many elements or bytes follow: no more than there are bytes at all. */
  #count(): number {
    let count = 0;
    for (let scale = 1;; scale *= 128) {
      const byte = this.#byte();
      count += (byte & 127) * scale;
      if (count > this.bytes.length) throw new SyntaxError("its end claims more than it holds");
      if (byte < 128) return count;
    }
  }

  #byte(): number {
    const byte = this.bytes[this.#at++];
    if (byte === undefined) throw new SyntaxError("its end is cut off");
    return byte;
  }
}
