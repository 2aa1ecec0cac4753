/**
 * Executes a notebook: all cells in a fresh kernel, each expected output present, or an error.
 *
 * @module
 */

import type { Execution, Kernel } from "./kernel.ts";
import type { Server } from "./server.ts";
import { type Cell, expectedOutputs, type Notebook, shownOutputs } from "./notebook.ts";

/** What starts a kernel in a folder. */
type Kernels = Pick<Server, "kernel">;

/** The kernel loses outputs rarely and at random: a third run that loses one has another reason. */
const RUNS = 3;

/** How long to wait for outputs that are missing at the end, before they count as lost. */
const LATE_MS = 300;

/** Options of {@linkcode execute}. */
export interface ExecuteOptions {
  /** What messages call the notebook, e.g. `03-attacks`. */
  name: string;
  /** The kernel's working folder, relative to the server's root. */
  folder: string;
  signal?: AbortSignal;
  /** Called after each code cell. */
  onCell?: (cell: { index: number; cells: number; section: string; seconds: number }) => void;
  /** Called when outputs were lost and all cells run again. */
  onRetry?: (message: string) => void;
  /** Asked of the kernel when all cells have run, e.g. which files they used. */
  question?: Question;
}

/** An expression whose value, a string, is taken out of the kernel. It leaves no trace in the notebook. */
export interface Question {
  expression: string;
  onAnswer: (text: string) => void;
}

/** Where an execution failed: the notebook, the cell by number and section, and why. */
export class ExecutionError extends Error {
  override name = "ExecutionError";
}

/**
 * Executes a notebook.
 *
 * @returns A new notebook with the new outputs; the one given stays as it is.
 * @throws {ExecutionError} If a cell throws, or lacks an expected output in three runs.
 */
export async function execute(
  server: Kernels,
  notebook: Notebook,
  options: ExecuteOptions,
): Promise<Notebook> {
  for (let run = 1;; run++) {
    const executed = await executeOnce(server, notebook, options);
    const lost = missingOutputs(executed);
    if (lost.length === 0) return executed;
    const message = `Cannot use the outputs of ${options.name} as some are missing: ${
      lost.join("; ")
    }`;
    if (run === RUNS) throw new ExecutionError(message);
    options.onRetry?.(message);
  }
}

/** Says which cells show less than they must, e.g. `cell 4 ("The attack") shows 0 of 1`. */
export function missingOutputs(notebook: Notebook): string[] {
  return codeCells(notebook).flatMap(({ cell, title }) => {
    const [shown, expected] = [shownOutputs(cell), expectedOutputs(cell)];
    return shown < expected ? [`${title} shows ${shown} of ${expected}`] : [];
  });
}

async function executeOnce(
  server: Kernels,
  notebook: Notebook,
  { name, folder, signal, onCell, question }: ExecuteOptions,
): Promise<Notebook> {
  const cells = notebook.cells.map((cell) => ({ ...cell, outputs: cell.outputs.slice(0, 0) }));
  const code = codeCells({ cells });
  signal?.throwIfAborted();
  await using kernel = await server.kernel(folder);
  for (const [i, { cell, title, section }] of code.entries()) {
    const start = performance.now();
    const execution = await kernel.execute(cell.source, signal).catch((cause) => {
      signal?.throwIfAborted();
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new ExecutionError(`Cannot go on with ${name} in ${title}: ${reason}`, { cause });
    });
    // The same array, so that what comes late still gets in.
    cell.outputs = execution.outputs;
    if (execution.error) throw new ExecutionError(failure(name, title, execution.error));
    const seconds = (performance.now() - start) / 1000;
    onCell?.({ index: i + 1, cells: code.length, section, seconds });
  }
  if (missingOutputs({ cells }).length > 0) await new Promise((wake) => setTimeout(wake, LATE_MS));
  if (question) await ask(kernel, name, question, signal);
  return { cells };
}

async function ask(
  kernel: Pick<Kernel, "execute">,
  name: string,
  { expression, onAnswer }: Question,
  signal?: AbortSignal,
): Promise<void> {
  // In a function, as the notebook may use the same names.
  const code = `await (async () => (await import("$lib/notebook.ts")).show(${expression}))();`;
  for (let run = 1; run <= RUNS; run++) {
    const { outputs, error } = await kernel.execute(code, signal);
    if (error) throw new ExecutionError(failure(name, "the question after all cells", error));
    for (const output of outputs) {
      const answer = "data" in output ? output.data["text/plain"] : undefined;
      if (typeof answer === "string") return onAnswer(answer);
    }
  }
  throw new ExecutionError(`Cannot learn what ${name} used as its kernel gives no answer`);
}

/** The code cells, numbered as readers count them, with the section they stand in. */
function codeCells(notebook: Notebook): { cell: Cell; title: string; section: string }[] {
  let section = "";
  let number = 0;
  return notebook.cells.flatMap((cell) => {
    if (cell.kind === "markdown") section = lastHeading(cell.source) ?? section;
    if (cell.kind !== "code" || cell.source.trim() === "") return [];
    return [{ cell, section, title: `code cell ${++number} ("${section}")` }];
  });
}

function lastHeading(markdown: string): string | undefined {
  return [...markdown.matchAll(/^#+ +(.+)$/gm)].at(-1)?.[1]?.trim();
}

function failure(name: string, title: string, error: NonNullable<Execution["error"]>): string {
  const trace = error.traceback.join("\n")
    // deno-lint-ignore no-control-regex -- terminal colours begin with a control character
    .replaceAll(/\x1b\[[0-9;]*m/g, "").split("\n").map((line) => line.trim());
  const where = trace.filter((line) => line.startsWith("at ")).slice(0, 3).join(", ");
  return `Cannot go on with ${name} as ${title} threw ${error.name}: ${error.message}` +
    (where && ` (${where})`);
}
