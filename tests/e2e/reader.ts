/**
 * A notebook used as a reader would: other parameters, parameters that can't be meant, Stop, restart,
 * export.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { formatNotebook, isParametersCell, parseNotebook } from "$lib/report/notebook.ts";
import { root } from "$lib/setup/paths.ts";
import type { Lab } from "./lab.ts";
import { exportHtml, restartAndRunAll } from "./jupyterlab_menus.ts";
import {
  errorOf,
  figuresOf,
  NotebookPage,
  notebookPath,
  type SavedCell,
  text,
} from "./jupyterlab_page.ts";
import { trials } from "./trials.ts";

/**
 * A copy, so that saving changes nothing that is committed; beside the original, as imports hold
 * there. Git ignores it, and so does the report: a killed test leaves it behind.
 */
const copy = notebookPath("in-the-browser.ipynb");

/**
 * Cells that come within a second of a refused or stopped one count as waiting behind it, and so does what
 * comes while the kernel still works: readers are slower.
 */
const REST = 3000;

const lineOf = (name: string) => new RegExp(`^const ${name}\\b[^=]*= .*;`, "m");

/** A reader with a notebook open. */
export class Reader implements AsyncDisposable {
  private constructor(
    readonly name: string,
    readonly notebook: NotebookPage,
    readonly page: Page,
    /** The parameters' values in the copy, as TypeScript, by name. */
    readonly first: ReadonlyMap<string, string>,
    /** How long all cells may take. */
    private readonly timeout: number,
  ) {}

  /** Opens a copy of a notebook with the small parameters of CI and without outputs. */
  static async open(lab: Lab, page: Page, name: string, timeout = 200_000): Promise<Reader> {
    const first = await writeCopy(name);
    const notebook = new NotebookPage(page, lab, copy);
    await notebook.open();
    return new Reader(name, notebook, page, first, timeout);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(copy);
  }

  /** Types a parameter's value. */
  async set(name: string, value: string): Promise<void> {
    await this.notebook.replaceLine(new RegExp(`^const ${name}\\b`), `const ${name} = ${value};`);
  }

  /** Types back a parameter's first value. */
  async reset(name: string): Promise<void> {
    await this.set(name, this.first.get(name)!);
  }

  /** Runs all cells; none may fail. */
  runAll(): Promise<SavedCell[]> {
    return this.notebook.runAll(this.timeout);
  }

  /** Does something while parameters have other values, which must not last. */
  async during<T>(values: Readonly<Record<string, string>>, work: () => Promise<T>): Promise<T> {
    try {
      for (const [name, value] of Object.entries(values)) await this.set(name, value);
      return await work();
    } finally {
      for (const name of Object.keys(values)) await this.reset(name);
    }
  }

  /** Gives all parameters other values and runs all: each figure must change. */
  async changesAll(before: SavedCell[], steady: readonly string[] = []): Promise<SavedCell[]> {
    const others = Object.entries(trials[this.name]!).map(([name, { other }]) => [name, other]);
    const after = await this.during(Object.fromEntries(others), () => this.runAll());
    assertEquals(unchanged(before, after).filter((cell) => !steady.includes(cell)), []);
    return after;
  }

  /** Gives one parameter another value and runs all: at least one output must change. */
  async changes(name: string, first: SavedCell[]): Promise<number> {
    const { other, small = {} } = trials[this.name]![name]!;
    const changed = await this.during(small, async () => {
      const before = Object.keys(small).length > 0 ? await this.runAll() : first;
      const after = await this.during({ [name]: other }, () => this.runAll());
      return after.filter((cell, i) => shownBy(cell) !== shownBy(before[i]!));
    });
    assert(changed.length > 0, `${name}: no output changed`);
    return changed.length;
  }

  /**
   * Gives a parameter a value that can't be meant: the first cell that fails names it in one line, and
   * those below say in one line that they were not run.
   */
  async refuses(name: string): Promise<string> {
    const { illegal } = trials[this.name]![name]!;
    const cells = await this.during(
      { [name]: illegal },
      () => this.notebook.runToEnd(this.timeout),
    );
    await this.page.waitForTimeout(REST);
    const [refused, below] = endedBy(cells);
    const { traceback = [], evalue = "" } = errorOf(refused)!;
    const shown = traceback.join("\n").split("\n");
    assertEquals(shown.length, 1, `${name}: ${shown.join(" / ")}`);
    assert(new RegExp(`\\b${name}\\b`).test(evalue), `${name} is not named: ${evalue}`);
    assert(new RegExp(`\\b${name}\\b`).test(text(refused.source)), `${name} in another cell`);
    assertNotRun(below, evalue);
    return evalue;
  }

  /**
   * With a value that takes long, presses Stop in the middle of a cell: it and those below say so in one
   * line each; then all runs through.
   */
  async stops(name: string, long: string, cell: string): Promise<string> {
    const kernel = await this.notebook.kernelId();
    const [cells, seconds] = await this.during({ [name]: long }, async () => {
      const before = await this.notebook.runInto(cell, this.timeout);
      const pressed = performance.now();
      await this.notebook.stop();
      const ended = await this.notebook.ended(this.timeout, before);
      return [ended, (performance.now() - pressed) / 1000] as const;
    });
    const [stopped, below] = endedBy(cells);
    const { ename, evalue = "", traceback } = errorOf(stopped)!;
    assertEquals([ename, traceback?.length], ["AbortError", 1], evalue);
    assert(text(stopped.source).includes(cell), `stopped elsewhere: ${text(stopped.source)}`);
    assertNotRun(below, "stopped");
    await this.page.waitForTimeout(REST);
    await this.runAll();
    assertEquals(await this.notebook.kernelId(), kernel);
    return `${evalue} (after ${seconds.toFixed(0)} s, with ${below.length} cells below)`;
  }

  /** Restarts the kernel and runs all by the menu; none may fail. */
  async restarts(): Promise<SavedCell[]> {
    await restartAndRunAll(this.page);
    for (const deadline = Date.now() + this.timeout; Date.now() < deadline;) {
      await this.page.waitForTimeout(2000);
      await this.notebook.idle(this.timeout);
      const cells = await this.notebook.save();
      assertEquals(cells.map(errorOf).find(Boolean)?.evalue, undefined);
      if (cells.every((cell, i) => cell.execution_count === i + 1)) return cells;
    }
    throw new Error("Not all cells ran after the restart");
  }

  /** Exports by the File menu: a page with all figures, and no markup shown as text. */
  async exports(cells: SavedCell[]): Promise<string> {
    const html = await exportHtml(this.page);
    assertEquals(html.match(/<img\b/g)?.length ?? 0, figuresOf(cells).length);
    assertEquals(html.match(/&lt;(?:h\d|p|thead|img)\b/g), null);
    assert(/<h1\b/.test(html) && /<thead>/.test(html));
    return html;
  }
}

/** The first cell that failed, and those below it. */
function endedBy(cells: SavedCell[]): [SavedCell, SavedCell[]] {
  const place = cells.findIndex(errorOf);
  assert(place >= 0, "no cell failed");
  return [cells[place]!, cells.slice(place + 1)];
}

/** Cells that waited show nothing but one line that says why; what only computes shows nothing. */
function assertNotRun(cells: SavedCell[], because: string): void {
  for (const { source, outputs } of cells) {
    const shown = outputs.map(({ traceback, output_type }) => traceback?.join("\n") ?? output_type);
    const right = shown.length === 0 || shown.join() === `Error: Not run, as above: ${because}`;
    assert(right, `"${text(source).split("\n")[0]}" shows ${shown.join(" / ")}`);
  }
}

/** All that a cell shows but how long it took. */
function shownBy({ outputs }: SavedCell): string {
  const parts = outputs.map(({ data = {} }) => text(data["image/png"] ?? data["text/plain"]));
  return parts.filter((part) => !/[█░]{30}/.test(part)).join("\n");
}

/** First lines of cells of whose figures one is the same in both runs. */
function unchanged(before: SavedCell[], after: SavedCell[]): string[] {
  return before.flatMap((cell, i) => {
    const [ours, theirs] = [figuresOf([cell]), figuresOf([after[i]!])];
    return ours.some((figure) => theirs.includes(figure))
      ? [text(cell.source).split("\n")[0]!]
      : [];
  });
}

/** Writes the copy; gives its parameters' values. */
async function writeCopy(name: string): Promise<Map<string, string>> {
  const notebook = parseNotebook(await Deno.readTextFile(notebookPath(`${name}.ipynb`)), name);
  const small = JSON.parse(await Deno.readTextFile(join(root, ".ci", "small.json")))[name] ?? {};
  const first = new Map<string, string>();
  for (const cell of notebook.cells) {
    cell.outputs = [];
    if (!isParametersCell(cell)) continue;
    for (const [parameter, value] of Object.entries(small)) {
      const line = `const ${parameter} = ${JSON.stringify(value)};`;
      cell.source = cell.source.replace(lineOf(parameter), line);
    }
    for (
      const [, parameter, value] of cell.source.matchAll(/^const (\w+)[^=]*= (.*?);(?: \/\/|$)/gm)
    ) {
      first.set(parameter!, value!);
    }
  }
  const untried = [...first.keys()].filter((parameter) => !trials[name]?.[parameter]);
  assertEquals(untried, [], `${name} has parameters that tests/e2e/trials.ts lacks`);
  const same = [...first].filter(([one, value]) => trials[name]![one]!.other === value);
  assertEquals(same, [], `${name}: the other value must be another one`);
  assertEquals(
    Object.keys(trials[name]!).filter((one) => !first.has(one)),
    [],
    `${name} lost some`,
  );
  await Deno.writeTextFile(copy, formatNotebook(notebook));
  return first;
}
