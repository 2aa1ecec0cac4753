/**
 * Tables of records: what Parquet keeps of each type, and what is refused.
 *
 * @module
 */
import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { join } from "node:path";
import {
  type Kind,
  later,
  perhaps,
  readRecords,
  real,
  text,
  thousandths,
  truth,
  whole,
  writeRecords,
} from "$lib/records.ts";
import { inFolder } from "./in_folder.ts";

interface Plain {
  name: string;
  count: number | null;
  size: number;
}
const plain: Kind<Plain> = {
  of: "sizes",
  columns: { name: text, count: perhaps(whole), size: real },
};

interface Full extends Plain {
  curve: Float32Array | null;
  late: boolean | null;
}
const full: Kind<Full> = {
  of: "curves",
  columns: { ...plain.columns, curve: perhaps(thousandths), late: later(truth) },
};

const records: Plain[] = [
  { name: "a", count: null, size: Infinity },
  { name: "", count: -7, size: 0.1 },
];

Deno.test("records come back as they were, thousandths rounded, and none of none", () =>
  inFolder(async (folder) => {
    const file = join(folder, "t.parquet");
    const curve = new Float32Array([-32.768, 0.0004, 0.0006, 32.767]);
    const more = records.map((one, i) => ({ ...one, curve: i ? curve : null, late: i > 0 }));
    await writeRecords(file, full, more);
    const rounded = new Float32Array([-32.768, 0, 0.001, 32.767]);
    assertEquals(await readRecords(file, full), [more[0]!, { ...more[1]!, curve: rounded }]);
    for (const kind of [plain, full]) {
      await writeRecords(file, kind as Kind<Plain>, []);
      assertEquals(await readRecords(file, kind), []);
    }
  }));

Deno.test("a part is read, and columns that older files lack as null, also alone", () =>
  inFolder(async (folder) => {
    const file = join(folder, "t.parquet");
    const { late: _, ...columns } = full.columns;
    const older: Kind<Omit<Full, "late">> = { of: "curves", columns };
    await writeRecords(file, older, records.map((one) => ({ ...one, curve: null })));
    assertEquals((await readRecords(file, full)).map(({ late }) => late), [null, null]);
    assertEquals(await readRecords(file, full, { columns: ["late"] }), [
      { late: null },
      { late: null },
    ]);
    const part = { columns: ["count"] as const, rows: { from: 1, length: 5 } };
    assertEquals(await readRecords(file, full, part), [{ count: -7 }]);
  }));

Deno.test("what is none of its kind is refused in a line", () =>
  inFolder(async (folder) => {
    const file = join(folder, "t.parquet");
    const refused = async (kind: Kind<Plain>, why: RegExp) => {
      const { message } = await assertRejects(() => readRecords(file, kind), SyntaxError);
      assertMatch(message, why);
      assertMatch(message, /^Cannot read [^\n]*t\.parquet as a table of sizes: [^\n]+$/);
    };
    await assertRejects(() => readRecords(file, plain), Deno.errors.NotFound, "no such file");
    await writeRecords(file, plain, records);
    await refused({ of: "sizes", columns: full.columns }, /it has no column curve$/);
    const other = { of: "sizes", columns: { ...plain.columns, size: text } };
    await refused(other, /column size must be .*: current value is Float64$/);
    await refused(
      { of: "sizes", columns: { ...plain.columns, count: whole } },
      /row 0 has no count$/,
    );
    await Deno.writeTextFile(file, "PAR1 no, it is not PAR1");
    await refused(plain, /./);
  }));
