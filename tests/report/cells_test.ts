import { assertEquals } from "@std/assert";
import { cellsToModule, nameOrigins } from "$lib/report/cells.ts";
import type { Notebook } from "$lib/report/notebook.ts";

function notebook(...sources: string[]): Notebook {
  return {
    cells: sources.map((source, i) => ({
      id: `${i}`,
      kind: "code",
      source,
      tags: [],
      outputs: [],
    })),
  };
}

Deno.test("cellsToModule() lets later cells see and redeclare earlier names", async () => {
  const { source } = cellsToModule(notebook(
    "const p = 1;\nconst seen: number[] = [];",
    "seen.push(p);\nconst q = await Promise.resolve(p + 1);",
    "const p = q;",
    "seen.push(p);\n(globalThis as { seen?: number[] }).seen = seen;",
  ));
  await import(`data:text/typescript,${encodeURIComponent(source)}`);
  assertEquals((globalThis as { seen?: number[] }).seen, [1, 2]);
});

Deno.test("cellsToModule() moves imports to the top, also those of several lines", () => {
  const { source, origins } = cellsToModule(notebook(
    "const p = 1;",
    'import {\n  norm,\n} from "$lib/norms.ts";\nnorm(p);',
  ));
  assertEquals(source.split("\n").slice(0, 3), ["import {", "  norm,", '} from "$lib/norms.ts";']);
  assertEquals(origins[0], { cell: 2, line: 1 });
});

Deno.test("nameOrigins() tells notebook, cell and line", () => {
  const module = cellsToModule(notebook('import "a";', "const p = 1;\nconst q: string = p;"));
  const line = module.source.split("\n").indexOf("const q: string = p;") + 1;
  assertEquals(
    nameOrigins(`at file:///x/03.ts:${line}:7`, module, "/x/03.ts", "03-attacks"),
    "at 03-attacks, code cell 2, line 2, column 7",
  );
});
