/**
 * A notebook's page in JupyterLab, as its user meets it.
 *
 * Only the cells in view are in the page (Lab's windowing), so whole notebooks are judged by the
 * file that Lab saves.
 *
 * @module
 */

import { join } from "node:path";
import type { Locator, Page } from "playwright-core";
import { root } from "$lib/setup/paths.ts";
import type { Lab } from "./lab.ts";

/** A code cell as Jupyter saves it. */
export interface SavedCell {
  cell_type: string;
  source: string | string[];
  execution_count: number | null;
  outputs: SavedOutput[];
}

/** An output of a cell as Jupyter saves it. */
export interface SavedOutput {
  output_type: string;
  data?: Record<string, unknown>;
  ename?: string;
  evalue?: string;
  traceback?: string[];
}

/** What a cell failed with, if it did. */
export function errorOf({ outputs }: SavedCell): SavedOutput | undefined {
  return outputs.find(({ output_type }) => output_type === "error");
}

/** All pictures that cells show. */
export function figuresOf(cells: readonly SavedCell[]): string[] {
  return cells.flatMap(({ outputs }) => outputs).flatMap(({ data = {} }) => {
    const figure = text(data["image/png"]);
    return figure ? [figure] : [];
  });
}

/** A notebook opened in JupyterLab. */
export class NotebookPage {
  constructor(
    readonly page: Page,
    private readonly lab: Lab,
    /** Where the notebook's file is. */
    private readonly file: string,
  ) {}

  /** Opens the notebook and waits until its kernel is ready. */
  async open(): Promise<void> {
    const name = this.file.split("/").at(-1) ?? "";
    await this.page.goto(await this.lab.address(name), { waitUntil: "domcontentloaded" });
    await this.page.locator(".jp-Notebook").waitFor({ timeout: 60_000 });
    await this.idle(60_000);
  }

  /** The kernel's id. A restarted kernel keeps it, but not its variables. */
  async kernelId(): Promise<string> {
    const sessions: { path: string; kernel: { id: string } }[] = await this.lab.api("sessions");
    const name = this.file.split("/").at(-1) ?? "";
    const session = sessions.find(({ path }) => path.endsWith(name));
    if (!session) throw new Error(`${name} has no kernel`);
    return session.kernel.id;
  }

  /** Replaces a line of a code cell by typing over it. */
  async replaceLine(start: string | RegExp, line: string): Promise<void> {
    const found = this.page.locator(".jp-CodeCell .cm-line", { hasText: start }).first();
    await this.reveal(found);
    await found.click();
    await this.page.keyboard.press("Home");
    await this.page.keyboard.press("Shift+End");
    await this.page.keyboard.insertText(line);
    await this.page.keyboard.press("Escape");
  }

  /** Scrolls down until something is in the page; Lab draws cells only near the view. */
  async reveal(found: Locator): Promise<void> {
    const scroller = this.page.locator(".jp-WindowedPanel-outer").first();
    await scroller.evaluate((element) => element.scrollTo(0, 0));
    for (let i = 0; i < 100; i++) {
      if (await found.count() > 0) {
        await found.scrollIntoViewIfNeeded();
        return;
      }
      await scroller.evaluate((element) => element.scrollBy(0, element.clientHeight / 2));
      await this.page.waitForTimeout(100);
    }
    throw new Error("What was looked for is nowhere in the notebook");
  }

  /** Runs all cells through the menu and gives the code cells as saved afterwards. */
  async runAll(timeout: number): Promise<SavedCell[]> {
    const cells = await this.runToEnd(timeout);
    const error = cells.map(errorOf).find(Boolean);
    if (error) throw new Error(`A cell failed: ${error.evalue}`);
    return cells;
  }

  /** Runs all cells, also those below one that fails, and gives the code cells. */
  async runToEnd(timeout: number): Promise<SavedCell[]> {
    return await this.ended(timeout, await this.start());
  }

  /**
   * Runs all cells, and returns when one that has these words in it has been running for a while.
   *
   * @returns The last execution count of the cells before.
   */
  async runInto(words: string, timeout: number): Promise<number> {
    const before = await this.start();
    for (const deadline = Date.now() + timeout; Date.now() < deadline;) {
      const cells = await this.save();
      const place = cells.findIndex(({ source }) => text(source).includes(words));
      if (place < 0) throw new Error(`No cell has ${words}`);
      if (cells.slice(0, place).every((cell) => (cell.execution_count ?? 0) > before)) {
        await this.page.waitForTimeout(3000);
        return before;
      }
      await this.page.waitForTimeout(500);
    }
    throw new Error(`The cell with ${words} did not start in ${timeout / 1000} s`);
  }

  /** Waits until all cells have an execution count above this one, and gives the code cells. */
  async ended(timeout: number, before: number): Promise<SavedCell[]> {
    for (const deadline = Date.now() + timeout; Date.now() < deadline;) {
      await this.page.waitForTimeout(500);
      await this.idle(Math.max(1, deadline - Date.now()));
      const cells = await this.save();
      if (cells.every((cell) => (cell.execution_count ?? 0) > before)) return cells;
    }
    throw new Error(`Not all cells ran in ${timeout / 1000} s`);
  }

  /** Starts to run all cells, and gives their last execution count before. */
  private async start(): Promise<number> {
    const before = Math.max(0, ...(await this.save()).map((cell) => cell.execution_count ?? 0));
    // On a busy machine Lab may drop what is sent while it still connects to a new kernel.
    for (let turn = 0; turn < 3; turn++) {
      await this.clickRunAll();
      const busy = await this.busy(10_000).then(() => true, () => false);
      const cells = busy ? [] : await this.save();
      if (busy || cells.some((cell) => (cell.execution_count ?? 0) > before)) return before;
    }
    throw new Error("No cell runs");
  }

  private async clickRunAll(): Promise<void> {
    await this.page.locator(".lm-MenuBar-item", { hasText: /^Run$/ }).click();
    await this.page.locator('.lm-Menu-item[data-command="runmenu:run-all"]').click();
  }

  /** Adds a cell below the last one, and runs it without waiting for its end. */
  async runNewCell(code: string): Promise<void> {
    const scroller = this.page.locator(".jp-WindowedPanel-outer").first();
    // The height is an estimate until the last cells are drawn, hence more than once.
    for (let i = 0; i < 3; i++) {
      await scroller.evaluate((element) => element.scrollTo(0, element.scrollHeight));
      await this.page.waitForTimeout(300);
    }
    await this.page.locator(".jp-Notebook .jp-Cell").last().locator(".jp-InputPrompt").click();
    await this.page.keyboard.press("Escape");
    await this.page.keyboard.press("b");
    await this.page.waitForTimeout(300);
    await this.page.keyboard.press("Enter");
    await this.page.keyboard.insertText(code);
    await this.page.keyboard.press("Control+Enter");
  }

  /** Presses the toolbar's Stop. */
  async stop(): Promise<void> {
    await this.page.locator('[data-command="notebook:interrupt-kernel"]').first().click();
  }

  /** Waits for the toolbar to show that the kernel does nothing. */
  async idle(timeout: number): Promise<void> {
    await this.status("idle").waitFor({ timeout });
  }

  /** Waits for the toolbar to show that the kernel works. */
  async busy(timeout: number): Promise<void> {
    await this.status("busy").waitFor({ timeout });
  }

  private status(status: string): Locator {
    return this.page.locator(`.jp-Notebook-ExecutionIndicator[data-status="${status}"]`).first();
  }

  /** Saves the notebook and gives its code cells. */
  async save(): Promise<SavedCell[]> {
    const saved = this.page.waitForResponse(
      (response) => response.request().method() === "PUT" && /api\/contents\//.test(response.url()),
      { timeout: 20_000 },
    );
    await this.page.locator('[data-command="docmanager:save"]').first().click();
    await saved;
    const { cells } = JSON.parse(await Deno.readTextFile(this.file));
    return cells.filter((cell: SavedCell) => cell.cell_type === "code" && text(cell.source).trim());
  }
}

/** Source or output text as one string. */
export function text(lines: unknown): string {
  return Array.isArray(lines) ? lines.join("") : String(lines ?? "");
}

/** The notebook folder's path of a file. */
export function notebookPath(name: string): string {
  return join(root, "notebooks", name);
}
