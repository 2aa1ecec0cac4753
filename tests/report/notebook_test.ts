import { assertEquals, assertThrows } from "@std/assert";
import {
  type Cell,
  expectedOutputs,
  formatNotebook,
  parseNotebook,
  shownOutputs,
  titleAndPromise,
  withParameters,
} from "$lib/report/notebook.ts";

const cell = (source: string, more: Partial<Cell> = {}): Cell => (
  { id: "a", kind: "code", source, tags: [], outputs: [], ...more }
);

/** As Jupyter saves it after a run: counts, times, the kernel's version. */
const saved = JSON.stringify({
  cells: [
    {
      cell_type: "markdown",
      id: "m",
      metadata: {},
      source: ["# Attacks\n", "\n", "Change a norm\n", "and see.\n", "\n", "More."],
    },
    {
      cell_type: "code",
      execution_count: 7,
      id: "c",
      metadata: { tags: ["parameters"], execution: { "iopub.status.busy": "2026-01-01" } },
      outputs: [{
        output_type: "display_data",
        data: { "text/plain": ["one\n", "two"], "image/png": "aGk=" },
        metadata: { "image/png": { width: 3 } },
        transient: { display_id: "x" },
      }],
      source: ["const norm = 1.5;\n", "const p: number = 2;"],
    },
  ],
  metadata: { kernelspec: { name: "deno" }, language_info: { version: "6.0.3" } },
  nbformat: 4,
  nbformat_minor: 5,
});

Deno.test("formatNotebook() leaves out counts, times and versions", () => {
  const text = formatNotebook(parseNotebook(saved, "x"));
  const file = JSON.parse(text);
  assertEquals(file.cells[1].execution_count, null);
  assertEquals(file.cells[1].metadata, { tags: ["parameters"] });
  assertEquals(file.cells[1].outputs, [{
    output_type: "display_data",
    data: { "image/png": "aGk=", "text/plain": ["one\n", "two"] },
    metadata: { "image/png": { width: 3 } },
  }]);
  assertEquals(file.metadata.language_info.version, undefined);
  assertEquals(file.cells[0].execution_count, undefined);
});

Deno.test("formatNotebook() is a fixed point of reading and writing", () => {
  const once = formatNotebook(parseNotebook(saved, "x"));
  assertEquals(formatNotebook(parseNotebook(once, "x")), once);
});

Deno.test("parseNotebook() names what is no notebook", () => {
  assertThrows(() => parseNotebook("{", "03-attacks"), SyntaxError, "03-attacks");
  assertThrows(() => parseNotebook("{}", "03-attacks"), SyntaxError, "nbformat 4");
});

Deno.test("withParameters() puts new values behind the parameters cell", () => {
  const changed = withParameters(parseNotebook(saved, "x"), { norm: 3, p: 1 }, "x");
  assertEquals(changed.cells.length, 3);
  assertEquals(changed.cells[2]?.source, "const norm = 3;\nconst p = 1;");
});

Deno.test("withParameters() refuses a parameter that the notebook doesn't declare", () => {
  const notebook = parseNotebook(saved, "x");
  assertThrows(() => withParameters(notebook, { nor: 3 }, "x"), RangeError, "nor is missing");
});

Deno.test("expectedOutputs() counts top-level calls, and those further in as one", () => {
  const counts: [string, number][] = [
    ["await show(figure);", 1],
    ["await show(a);\nawait table(rows);", 2],
    ["const bar = progress(10);\nawait show(a);", 2],
    ["for (const p of [1, 2]) {\n  await show(p);\n  await table(p);\n}", 1],
    ["// await show(figure);\n/* await show(x); */\nconst x = 1;", 0],
    ["const show = 1;", 0],
  ];
  for (const [source, count] of counts) assertEquals(expectedOutputs(cell(source)), count, source);
});

Deno.test("expectedOutputs() of prose is 0", () => {
  assertEquals(expectedOutputs(cell("await show(1)", { kind: "markdown" })), 0);
});

Deno.test("shownOutputs() doesn't count streams", () => {
  const outputs: Cell["outputs"] = [
    { output_type: "stream", name: "stdout", text: "hello" },
    { output_type: "display_data", data: {}, metadata: {} },
  ];
  assertEquals(shownOutputs(cell("", { outputs })), 1);
});

Deno.test("titleAndPromise() reads the first heading and paragraph", () => {
  assertEquals(titleAndPromise(parseNotebook(saved, "x")), {
    title: "Attacks",
    promise: "Change a norm and see.",
  });
});
