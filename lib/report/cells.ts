/**
 * A notebook's cells as one TypeScript module, so that they are type-checked: the kernel does not.
 *
 * @module
 */

import type { Notebook } from "./notebook.ts";

/** A module made of cells, and where each of its lines comes from. */
export interface CellsModule {
  source: string;
  /** For each line, counted from 0, the cell and the line in it, both counted from 1. */
  origins: ({ cell: number; line: number } | undefined)[];
}

/**
 * Turns code cells into a module.
 *
 * Each cell opens a block that ends with the module: a later cell sees what earlier ones declared
 * and may declare it anew, as in the kernel. Imports move to the top, which is the only place for
 * them.
 *
 * @param notebook The notebook; cells are counted as code cells only.
 */
export function cellsToModule(notebook: Notebook): CellsModule {
  const cells = notebook.cells.filter(({ kind, source }) => kind === "code" && source.trim());
  const imports: [text: string, origin: CellsModule["origins"][number]][] = [];
  const body: typeof imports = [];
  for (const [i, cell] of cells.entries()) {
    body.push(["{", undefined]);
    const lines = cell.source.split("\n");
    const imported = importLines(lines);
    for (const [j, text] of lines.entries()) {
      const origin = { cell: i + 1, line: j + 1 };
      (imported.has(j) ? imports : body).push([text, origin]);
    }
  }
  const all = [...imports, ...body, ["}".repeat(cells.length), undefined] as const];
  return {
    source: all.map(([text]) => text).join("\n") + "\n",
    origins: all.map(([, origin]) => origin),
  };
}

/** The numbers of lines that belong to import statements: from `import` to the specifier's end. */
function importLines(lines: readonly string[]): Set<number> {
  const found = new Set<number>();
  let inside = false;
  for (const [i, line] of lines.entries()) {
    inside ||= /^import\b(?!\s*[(.])/.test(line);
    if (!inside) continue;
    found.add(i);
    inside = !/["'];?\s*(?:\/\/.*)?$/.test(line);
  }
  return found;
}

/**
 * Rewrites a tool's messages about such a module so that they name notebook, cell and line.
 *
 * @param output What the tool printed, with places like `file.ts:12:3`.
 * @param file How the output names the module (a path or a file URL).
 * @param name What to call the notebook.
 */
export function nameOrigins(output: string, module: CellsModule, file: string, name: string) {
  return output.replaceAll(
    new RegExp(`(?:file://)?${RegExp.escape(file)}:(\\d+)(?::(\\d+))?`, "g"),
    (place, line: string, column?: string) => {
      const origin = module.origins[Number(line) - 1];
      if (!origin) return place;
      return `${name}, code cell ${origin.cell}, line ${origin.line}` +
        (column ? `, column ${column}` : "");
    },
  );
}
