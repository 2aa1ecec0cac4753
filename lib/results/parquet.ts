/**
 * Rows added to a Parquet file without reading those that it has: what polars wrote of the new rows
 * is put behind the old ones, and the file's end lists both.
 *
 * @see https://parquet.apache.org/docs/file-format/
 * @module
 */
import {
  encodeInteger,
  encodeList,
  encodeStruct,
  type Field,
  fieldsOf,
  integerOf,
  itemsOf,
  joined,
  type,
} from "./thrift.ts";

const MAGIC = "PAR1";
/** A Parquet file ends with the length of its list of contents, and the four letters. */
const TAIL = 8;

/** What the end of a Parquet file tells, field by field, and where it begins. */
interface End {
  readonly fields: Field[];
  readonly start: number;
}

/** Fields of the structs that are read here, by their numbers in the format. */
const file = { schema: 2, rows: 3, groups: 4 } as const;
const group = { columns: 1, fileOffset: 5, ordinal: 7 } as const;
const column = { fileOffset: 2, about: 3 } as const;
/** Where a column's pages, index and dictionary begin. */
const offsets: readonly number[] = [9, 10, 11, 14];

/** Counts a Parquet file's rows. @throws {SyntaxError} If it is none; the message says why. */
export async function countRows(path: string): Promise<number> {
  using opened = await Deno.open(path);
  return Number(integerOf(valueOf(await readEnd(opened), file.rows)));
}

/**
 * Copies a Parquet file and adds the rows of another one of the same columns.
 *
 * Takes as much memory as the rows added, and the time of copying the file.
 *
 * @param path Read only.
 * @param added The bytes of a Parquet file.
 * @param target Must not be there yet.
 * @returns Whether it was done: not if the columns are described otherwise.
 * @throws {SyntaxError} If one is no Parquet file; the message says why.
 */
export async function appendTo(path: string, added: Uint8Array, target: string): Promise<boolean> {
  const news = parseEnd(added, added.length);
  {
    using opened = await Deno.open(path);
    const schema = valueOf(await readEnd(opened), file.schema);
    if (!equal(schema, valueOf(news, file.schema))) return false;
  }
  await Deno.copyFile(path, target);
  using copy = await Deno.open(target, { read: true, write: true });
  const olds = await readEnd(copy);
  const pages = added.subarray(MAGIC.length, news.start);
  const end = merged(olds, news, BigInt(olds.start - MAGIC.length));
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, end.length, true);
  const written = joined([pages, end, length, new TextEncoder().encode(MAGIC)]);
  await copy.seek(olds.start, Deno.SeekMode.Start);
  for (let at = 0; at < written.length;) at += await copy.write(written.subarray(at));
  await copy.truncate(olds.start + written.length);
  await copy.sync();
  return true;
}

/** Both lists of contents as one. @param shift How far the added bytes have moved. */
function merged(olds: End, news: End, shift: bigint): Uint8Array {
  const groups = itemsOf(valueOf(olds, file.groups));
  const added = itemsOf(valueOf(news, file.groups)).items.map((item, i) =>
    moved(item, shift, BigInt(groups.items.length + i))
  );
  const rows = integerOf(valueOf(olds, file.rows)) + integerOf(valueOf(news, file.rows));
  return encodeStruct(replaced(olds.fields, (id) => {
    if (id === file.rows) return encodeInteger(rows);
    if (id === file.groups) {
      return encodeList({ type: type.struct, items: [...groups.items, ...added] });
    }
  }));
}

/** A group of rows that lies elsewhere in its file, and is its `ordinal`th. */
function moved(bytes: Uint8Array, shift: bigint, ordinal: bigint): Uint8Array {
  // 0 is how writers say "not told".
  const later = (value: Uint8Array) => {
    const offset = integerOf(value);
    return encodeInteger(offset === 0n ? 0n : offset + shift);
  };
  const about = (value: Uint8Array) =>
    encodeStruct(replaced(fieldsOf(value), (id, value) => {
      if (offsets.includes(id)) return later(value);
    }));
  const chunk = (item: Uint8Array) => {
    // What follows `about` are indexes of pages, which hold offsets too, and which may be missing.
    const fields = fieldsOf(item).filter(({ id }) => id <= column.about);
    return encodeStruct(replaced(fields, (id, value) => {
      if (id === column.fileOffset) return later(value);
      if (id === column.about) return about(value);
    }));
  };
  return encodeStruct(replaced(fieldsOf(bytes), (id, value) => {
    if (id === group.fileOffset) return later(value);
    if (id === group.ordinal) return encodeInteger(ordinal);
    if (id !== group.columns) return;
    const { type, items } = itemsOf(value);
    return encodeList({ type, items: items.map(chunk) });
  }));
}

/** The fields, some with other values. */
function replaced(
  fields: readonly Field[],
  replace: (id: number, value: Uint8Array) => Uint8Array | undefined,
): Field[] {
  return fields.map(({ id, type, value }) => ({ id, type, value: replace(id, value) ?? value }));
}

function valueOf({ fields }: End, id: number): Uint8Array {
  const field = fields.find((field) => field.id === id);
  if (!field) throw new SyntaxError(`its end lacks field ${id}`);
  return field.value;
}

async function readEnd(opened: Deno.FsFile): Promise<End> {
  const { size } = await opened.stat();
  const tail = await readAt(opened, Math.max(0, size - TAIL), Math.min(TAIL, size));
  const length = lengthOfEnd(tail, size);
  const bytes = await readAt(opened, size - TAIL - length, length + TAIL);
  return parseEnd(bytes, size);
}

/** @param bytes The last ones of a file of `size` bytes. */
function parseEnd(bytes: Uint8Array, size: number): End {
  const length = lengthOfEnd(bytes, size);
  const from = bytes.length - TAIL - length;
  const fields = fieldsOf(bytes.subarray(from, from + length));
  return { fields, start: size - TAIL - length };
}

function lengthOfEnd(bytes: Uint8Array, size: number): number {
  const tail = bytes.subarray(-TAIL);
  const letters = new TextDecoder().decode(tail.subarray(4));
  if (tail.length < TAIL || letters !== MAGIC) {
    throw new SyntaxError(`it must end in ${MAGIC}: it is cut off or no Parquet file`);
  }
  const length = new DataView(tail.buffer, tail.byteOffset).getUint32(0, true);
  const room = size - TAIL - MAGIC.length;
  if (length > room) {
    throw new SyntaxError(`its end may have at most ${room} bytes: it claims ${length}`);
  }
  return length;
}

async function readAt(opened: Deno.FsFile, at: number, length: number): Promise<Uint8Array> {
  await opened.seek(at, Deno.SeekMode.Start);
  const bytes = new Uint8Array(length);
  for (let got = 0; got < length;) {
    const more = await opened.read(bytes.subarray(got));
    if (more === null) throw new SyntaxError("it ends before its end");
    got += more;
  }
  return bytes;
}

const equal = (a: Uint8Array, b: Uint8Array): boolean =>
  a.length === b.length && a.every((byte, i) => byte === b[i]);
