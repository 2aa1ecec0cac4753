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

for (const name of names) {
  const text = await git("show", `:./${name}.ipynb`);
  const notebook = parseNotebook(text, name);

  Deno.test(`${name} is committed clean`, () => {
    assertEquals(text === formatNotebook(notebook), true, "renew it by deno task report --write");
  });

  Deno.test(`${name} has its outputs`, () => {
    assertEquals(missingOutputs(notebook), [], "renew them by deno task report --write");
    const errors = code(notebook).flatMap(({ outputs }) => outputs)
      .filter((output) => output.output_type === "error");
    assertEquals(errors, []);
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

function code(notebook: Notebook) {
  return notebook.cells.filter(({ kind, source }) => kind === "code" && source.trim() !== "");
}

function prose(notebook: Notebook): string {
  return notebook.cells.flatMap(({ kind, source }) => kind === "markdown" ? [source] : []).join(
    "\n",
  );
}
