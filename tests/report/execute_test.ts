import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { execute, ExecutionError } from "$lib/report/execute.ts";
import type { Execution } from "$lib/report/kernel.ts";
import type { Cell, Notebook, Output } from "$lib/report/notebook.ts";

const figure: Output = { output_type: "display_data", data: { "text/plain": "x" }, metadata: {} };

const notebook: Notebook = {
  cells: [
    { id: "m", kind: "markdown", source: "# Attacks\n\n## The sweep", tags: [], outputs: [] },
    code("const p = 2;"),
    code("await show(p);"),
  ],
};

function code(source: string): Cell {
  return { id: source, kind: "code", source, tags: [], outputs: [] };
}

/** Kernels that answer as told; counts how many were started and ended. */
function kernels(answer: (source: string, kernel: number) => Execution) {
  const count = { started: 0, ended: 0 };
  const start = () => {
    const number = ++count.started;
    return Promise.resolve({
      execute: (source: string, signal?: AbortSignal) =>
        Promise.resolve().then(() => (signal?.throwIfAborted(), answer(source, number))),
      [Symbol.asyncDispose]: () => Promise.resolve(void count.ended++),
    });
  };
  // A stand-in has no private fields, so it can't be a Kernel by type.
  return { count, server: { kernel: start } as unknown as Parameters<typeof execute>[0] };
}

const options = { name: "03-attacks", folder: "notebooks" };

Deno.test("execute() gives a new notebook with the outputs", async () => {
  const { server, count } = kernels((source) => ({ outputs: /show/.test(source) ? [figure] : [] }));
  const executed = await execute(server, notebook, options);
  assertEquals(executed.cells.map((cell) => cell.outputs.length), [0, 0, 1]);
  assertEquals(notebook.cells[2]?.outputs, []);
  assertEquals(count, { started: 1, ended: 1 });
});

Deno.test("execute() runs all cells again when an output was lost", async () => {
  const { server, count } = kernels((source, kernel) => ({
    outputs: /show/.test(source) && kernel === 2 ? [figure] : [],
  }));
  const messages: string[] = [];
  await execute(server, notebook, { ...options, onRetry: (message) => messages.push(message) });
  assertEquals(count.started, 2);
  assertEquals(messages.length, 1);
});

Deno.test("execute() gives up on an output that is lost thrice, and names notebook and cell", async () => {
  const { server, count } = kernels(() => ({ outputs: [] }));
  await assertRejects(
    () => execute(server, notebook, options),
    ExecutionError,
    'outputs of 03-attacks as some are missing: code cell 2 ("The sweep") shows 0 of 1',
  );
  assertEquals(count, { started: 3, ended: 3 });
});

Deno.test("execute() takes outputs that come late", async () => {
  const { server, count } = kernels((source) => {
    const outputs: Output[] = [];
    if (/show/.test(source)) setTimeout(() => outputs.push(figure), 20);
    return { outputs };
  });
  const executed = await execute(server, notebook, options);
  assertEquals(executed.cells[2]?.outputs, [figure]);
  assertEquals(count.started, 1);
});

Deno.test("execute() stops at the first cell that throws, without another try", async () => {
  const { server, count } = kernels(() => ({
    outputs: [],
    error: {
      name: "RangeError",
      message: "p must be >= 1",
      traceback: ["\x1b[31mRangeError\x1b[0m", "    at norm (lib/norms.ts:3:1)"],
    },
  }));
  await assertRejects(
    () => execute(server, notebook, options),
    ExecutionError,
    'code cell 1 ("The sweep") threw RangeError: p must be >= 1 (at norm (lib/norms.ts:3:1))',
  );
  assertEquals(count, { started: 1, ended: 1 });
});

Deno.test("execute() names the cell in which the kernel died", async () => {
  const { server } = kernels(() => {
    throw new Error("the kernel died");
  });
  await assertRejects(
    () => execute(server, notebook, options),
    ExecutionError,
    '03-attacks in code cell 1 ("The sweep"): the kernel died',
  );
});

Deno.test("execute() rejects with the signal's reason", async () => {
  const { server } = kernels(() => ({ outputs: [] }));
  const signal = AbortSignal.abort(new DOMException("Interrupted", "AbortError"));
  await assertRejects(
    () => execute(server, notebook, { ...options, signal }),
    DOMException,
    "Interrupted",
  );
});

Deno.test("execute() puts a question to the kernel when all cells have run, beside the notebook", async () => {
  const asked: string[] = [];
  const { server } = kernels((source) => {
    asked.push(source);
    return { outputs: /show/.test(source) ? [figure] : [] };
  });
  const answers: string[] = [];
  const question = { expression: "1 + 1", onAnswer: (text: string) => answers.push(text) };
  const executed = await execute(server, notebook, { ...options, question });
  assertEquals(answers, ["x"]);
  assertMatch(asked.at(-1) ?? "", /show\(1 \+ 1\)/);
  assertEquals(executed.cells.length, notebook.cells.length);
});

Deno.test("execute() fails where the kernel gives no answer to the question", async () => {
  const { server } = kernels((source) => ({
    outputs: source === "await show(p);" ? [figure] : [],
  }));
  const question = { expression: "1 + 1", onAnswer: () => {} };
  await assertRejects(
    () => execute(server, notebook, { ...options, question }),
    ExecutionError,
    "what 03-attacks used as its kernel gives no answer",
  );
});
