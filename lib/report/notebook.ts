/**
 * Notebook files: reading, writing them clean, their parameters, and which outputs to expect.
 *
 * @module
 */

/** What a cell shows: one entry of nbformat 4's `outputs`. */
export type Output =
  | { output_type: "stream"; name: string; text: string }
  | {
    output_type: "display_data" | "execute_result";
    data: Record<string, unknown>;
    metadata: Record<string, unknown>;
    execution_count?: null;
  }
  | { output_type: "error"; ename: string; evalue: string; traceback: string[] };

/** One cell. `source` is one string here and a list of lines in the file. */
export interface Cell {
  id: string;
  kind: "code" | "markdown" | "raw";
  source: string;
  tags: string[];
  outputs: Output[];
}

/** A notebook, without what differs between machines. */
export interface Notebook {
  cells: Cell[];
}

/** Values that take the place of those in a notebook's parameters cell, by constant's name. */
export type Parameters = Record<string, unknown>;

/**
 * Reads a notebook.
 *
 * @param text The file's JSON (nbformat 4).
 * @param name What error messages call it.
 * @throws {SyntaxError} If it is not a notebook.
 */
export function parseNotebook(text: string, name: string): Notebook {
  let file: unknown;
  try {
    file = JSON.parse(text);
  } catch (cause) {
    throw new SyntaxError(`Cannot read ${name} as a notebook must be JSON`, { cause });
  }
  if (!isRecord(file) || file.nbformat !== 4 || !Array.isArray(file.cells)) {
    throw new SyntaxError(`Cannot read ${name} as it must be a notebook of nbformat 4`);
  }
  return { cells: file.cells.map((cell, i) => parseCell(cell, i, name)) };
}

function parseCell(cell: unknown, index: number, name: string): Cell {
  if (!isRecord(cell)) throw new SyntaxError(`Cannot read ${name} as cell ${index + 1} is no cell`);
  const kind = cell.cell_type;
  if (kind !== "code" && kind !== "markdown" && kind !== "raw") {
    throw new SyntaxError(`Cannot read ${name} as cell ${index + 1} is of no known kind: ${kind}`);
  }
  const metadata = isRecord(cell.metadata) ? cell.metadata : {};
  const outputs = Array.isArray(cell.outputs) ? cell.outputs.filter(isRecord) : [];
  return {
    id: typeof cell.id === "string" ? cell.id : `cell-${index + 1}`,
    kind,
    source: joined(cell.source),
    tags: Array.isArray(metadata.tags) ? metadata.tags.map(String) : [],
    outputs: outputs.map(parseOutput),
  };
}

/**
 * Reads one output, from a file or from a kernel's message.
 *
 * @throws {SyntaxError} If its type is none of nbformat 4's.
 */
export function parseOutput(output: Record<string, unknown>): Output {
  switch (output.output_type) {
    case "stream":
      return { output_type: "stream", name: String(output.name), text: joined(output.text) };
    case "display_data":
    case "execute_result": {
      const data = isRecord(output.data) ? output.data : {};
      return {
        output_type: output.output_type,
        data: Object.fromEntries(
          Object.entries(data).map((
            [type, value],
          ) => [type, isText(value) ? joined(value) : value]),
        ),
        metadata: isRecord(output.metadata) ? output.metadata : {},
      };
    }
    case "error":
      return {
        output_type: "error",
        ename: String(output.ename),
        evalue: String(output.evalue),
        traceback: Array.isArray(output.traceback) ? output.traceback.map(String) : [],
      };
  }
  throw new SyntaxError(`Cannot read an output of type ${output.output_type}`);
}

/**
 * Writes a notebook as Jupyter does (sorted keys, one space, text as lines), so that saving it
 * there changes nothing but what was edited; execution counts, times and versions are left out.
 *
 * @param notebook The notebook.
 * @param metadata More entries for the file's own metadata. @default {}
 */
export function formatNotebook(notebook: Notebook, metadata: Record<string, unknown> = {}): string {
  const cells = notebook.cells.map(({ id, kind, source, tags, outputs }) => ({
    cell_type: kind,
    id,
    metadata: tags.length > 0 ? { tags } : {},
    source: lines(source),
    ...(kind === "code" && { execution_count: null, outputs: outputs.map(formatOutput) }),
  }));
  const file = {
    cells,
    metadata: {
      ...metadata,
      kernelspec: { display_name: "Deno", language: "typescript", name: "deno" },
      language_info: {
        codemirror_mode: "typescript",
        file_extension: ".ts",
        mimetype: "text/x.typescript",
        name: "typescript",
        nbconvert_exporter: "script",
        pygments_lexer: "typescript",
      },
    },
    nbformat: 4,
    nbformat_minor: 5,
  };
  return JSON.stringify(sorted(file), null, 1) + "\n";
}

function formatOutput(output: Output): Record<string, unknown> {
  switch (output.output_type) {
    case "stream":
      return { ...output, text: lines(output.text) };
    case "error":
      return { ...output };
  }
  const data = Object.fromEntries(
    Object.entries(output.data).map(([type, value]) => [
      type,
      // Binary types stay one string, as Jupyter writes them.
      typeof value === "string" && (type.startsWith("text/") || type === "image/svg+xml")
        ? lines(value)
        : value,
    ]),
  );
  return {
    output_type: output.output_type,
    data,
    metadata: output.metadata,
    ...(output.output_type === "execute_result" && { execution_count: null }),
  };
}

/**
 * Puts a cell with other values behind the cell tagged `parameters`: declaring a constant once
 * more is fine in the kernel, so what follows sees the new values.
 *
 * @throws {RangeError} If a parameter isn't declared in the parameters cell.
 */
export function withParameters(notebook: Notebook, values: Parameters, name: string): Notebook {
  const names = Object.keys(values);
  if (names.length === 0) return notebook;
  const index = notebook.cells.findIndex(isParametersCell);
  const source = notebook.cells[index]?.source ?? "";
  for (const parameter of names) {
    if (!new RegExp(`^(const|let) ${RegExp.escape(parameter)}\\b`, "m").test(source)) {
      throw new RangeError(
        `Cannot run ${name} with other parameters as its cell tagged "parameters" must declare them: ${parameter} is missing`,
      );
    }
  }
  const cell: Cell = {
    id: "injected-parameters",
    kind: "code",
    source: names.map((key) => `const ${key} = ${JSON.stringify(values[key])};`).join("\n"),
    tags: ["injected-parameters"],
    outputs: [],
  };
  return { cells: notebook.cells.toSpliced(index + 1, 0, cell) };
}

/** True for the one cell that readers edit. */
export function isParametersCell(cell: Cell): boolean {
  return cell.kind === "code" && cell.tags.includes("parameters");
}

/**
 * Counts the outputs that a cell must have: the kernel may lose some, and says nothing.
 *
 * Each top-level `await show(...)`, `await table(...)` or `progress(...)` counts one; calls further
 * in (in a loop, in a branch) count one together, as nobody knows how often they run.
 */
export function expectedOutputs(cell: Cell): number {
  if (cell.kind !== "code") return 0;
  const code = cell.source.replaceAll(/\/\/.*$|\/\*[^]*?\*\//gm, "");
  const call = String.raw`(?:await (?:show|table)|progress)\(`;
  const onTop = code.match(new RegExp(`^(?:(?:const|let) [^=]*= )?${call}`, "gm"))?.length ?? 0;
  const anywhere = new RegExp(`\\b${call}`).test(code);
  return Math.max(onTop, anywhere ? 1 : 0);
}

/** Counts what a cell shows: streams are text by the way and do not count. */
export function shownOutputs(cell: Cell): number {
  return cell.outputs.filter((output) => output.output_type !== "stream").length;
}

/** The notebook's title and the promise under it: its first heading and first paragraph. */
export function titleAndPromise(notebook: Notebook): { title: string; promise: string } {
  const text = notebook.cells.find((cell) => cell.kind === "markdown")?.source ?? "";
  const title = text.match(/^# +(.+)$/m)?.[1]?.trim() ?? "Untitled";
  const promise = text.replace(/^# .*$/m, "").trim().split(/\n\s*\n/)[0] ?? "";
  return { title, promise: promise.replaceAll("\n", " ") };
}

function joined(text: unknown): string {
  return Array.isArray(text) ? text.join("") : typeof text === "string" ? text : "";
}

function lines(text: string): string[] {
  return text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
}

function isText(value: unknown): boolean {
  return typeof value === "string" ||
    (Array.isArray(value) && value.every((line) => typeof line === "string"));
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isRecord(value)) return value;
  const keys = Object.keys(value).toSorted();
  return Object.fromEntries(keys.map((key) => [key, sorted(value[key])]));
}
