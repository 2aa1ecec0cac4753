/**
 * What every committed notebook keeps to; running them is the report's work.
 *
 * @module
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "node:path";
import { texInProse } from "$lib/report/checks.ts";
import { missingOutputs } from "$lib/report/execute.ts";
import { notebookNames } from "$lib/report/files.ts";
import {
  formatNotebook,
  isParametersCell,
  type Notebook,
  parseNotebook,
  titleAndPromise,
} from "$lib/report/notebook.ts";
import { root } from "$lib/setup/paths.ts";

const folder = join(root, "notebooks");

/** What git says in the folder of notebooks. */
async function git(...args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command("git", { args, cwd: folder }).output();
  assert(success, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

// As committed or staged: what a reader tries out and saves in JupyterLab is no fault.
const tracked = new Set((await git("ls-files")).split("\n"));
const names = (await notebookNames(folder)).filter((name) => tracked.has(`${name}.ipynb`));

Deno.test("there are notebooks, numbered in reading order", () => {
  assert(names.length > 0);
  for (const name of names) assertMatch(name, /^\d\d-[a-z-]+$/);
});

const notebooks = new Map<string, Notebook>();

for (const name of names) {
  const text = await git("show", `:./${name}.ipynb`);
  const notebook = parseNotebook(text, name);
  notebooks.set(name, notebook);

  Deno.test(`${name} is committed clean`, () => {
    assertEquals(text === formatNotebook(notebook), true, "renew it by deno task report --write");
  });

  Deno.test(`${name} has its outputs`, () => {
    assertEquals(missingOutputs(notebook), [], "renew them by deno task report --write");
    const errors = code(notebook).flatMap(({ outputs }) => outputs)
      .filter((output) => output.output_type === "error");
    assertEquals(errors, []);
  });

  Deno.test(`${name} shows only what it means to show`, () => {
    // What a cell's last line gives, the kernel shows by itself, as if for its programmer.
    const inspected = code(notebook).filter(({ outputs }) =>
      outputs.some(({ output_type }) => output_type === "execute_result")
    );
    assertEquals(inspected.map(({ source }) => source), []);
  });

  Deno.test(`${name} opens with title and promise, says how to reload lib/, ends with assertions`, () => {
    const { title, promise } = titleAndPromise(notebook);
    assert(title.length > 0 && title !== "Untitled");
    assert(promise.length > 0 && promise.length < 300, `the promise: ${promise}`);
    assertMatch(prose(notebook), /restart/i);
    assertMatch(code(notebook).at(-1)?.source ?? "", /\bassert/);
  });

  Deno.test(`${name} has one parameters cell, imports only before it, and no TeX`, () => {
    const parameters = code(notebook).filter(isParametersCell);
    assertEquals(parameters.length, 1);
    const index = notebook.cells.findIndex(isParametersCell);
    const late = notebook.cells.slice(index).filter(({ kind, source }) =>
      kind === "code" && /^import\b/m.test(source)
    );
    assertEquals(late, []);
    assertEquals(texInProse(notebook), undefined);
  });
}

Deno.test("each chapter says what it saw, what would refute it, what it left out, and has exercises", () => {
  for (const [name, notebook] of notebooks) {
    const words = prose(notebook);
    assertMatch(words, /^## What we (saw|found)$/m, name);
    assertMatch(words, /What would show this to be wrong\?/, name);
    assertMatch(words, /^## Roads not taken$/m, name);
    const exercises = words.split(/^## Exercises$/m)[1]?.match(/^\d\. /gm)?.length ?? 0;
    assert(exercises >= 3 && exercises <= 5, `${name} has ${exercises} exercises`);
  }
});

function code(notebook: Notebook) {
  return notebook.cells.filter(({ kind, source }) => kind === "code" && source.trim() !== "");
}

function prose(notebook: Notebook): string {
  return notebook.cells.flatMap(({ kind, source }) => kind === "markdown" ? [source] : []).join(
    "\n",
  );
}
