/**
 * `deno task report`: runs the notebooks and writes them as self-contained HTML pages.
 *
 * @module
 */

import { basename, join } from "node:path";
import { writeAtomic } from "../files.ts";
import { execute } from "../report/execute.ts";
import { texInProse } from "../report/checks.ts";
import type { Facts } from "../report/facts.ts";
import { forgetSteps, fromNothing, runTask } from "../report/from_nothing.ts";
import { steps } from "../report/steps.ts";
import {
  cachedExecution,
  checkoutOf,
  checkoutState,
  executionKey,
  groundKey,
  keepExecution,
  notebookNames,
  readNotebook,
} from "../report/files.ts";
import type { Checkout } from "../report/made.ts";
import {
  formatNotebook,
  type Notebook,
  type Parameters,
  withParameters,
} from "../report/notebook.ts";
import { Server } from "../report/server.ts";
import {
  type Executed,
  findChromium,
  printPdf,
  writeChapters,
  writeReport,
} from "../report/write.ts";
import { jupyterEnvironment, serverCommand } from "../setup/jupyter.ts";
import { lab, root } from "../setup/paths.ts";
import { type Call, type Command, flag, known, runCommand, text, UsageError } from "./command.ts";

const folder = join(root, "notebooks");
const scratch = join(lab, "report");
const out = join(root, "report");

const options = {
  again: flag("run every notebook again, also those that did not change"),
  fresh: flag("from nothing: train all networks and compute all tables, too (hours)"),
  pdf: flag("print report/report.pdf too, where a Chromium is installed"),
  write: flag("put the new outputs into notebooks/ as well, without counts and times"),
  parameters: text("FILE", "other values for the parameters cells: JSON, by notebook and constant"),
};

const report: Command<typeof options> = {
  name: "report",
  summary: "Runs the notebooks and writes them as one self-contained page, report/index.html.",
  arguments: "[NOTEBOOK...]",
  options,
  examples: [
    ["report", "report/index.html; notebooks that did not change are not run again"],
    ["report --pdf", "the same, and report/report.pdf"],
    ["report 03-attacks", "one notebook as a page of its own, for a look while writing"],
    ["report --write", "renew the outputs that are committed with the notebooks"],
  ],
  notes: [
    "Fails if a cell fails or an expected output is missing. Notebooks are the files in notebooks/ whose names have a number in front: 04-my-own.ipynb.",
    "--fresh replaces what stands in models/ and data/, says before how long that will take, and goes on where it was when interrupted. Of single notebooks, or with --parameters, it only runs them again.",
  ],
  whenInterrupted: "notebooks that were done need not run again",
  run,
};

async function run({ values, positionals, say, signal }: Call<typeof options>) {
  const all = await notebookNames(folder);
  const chosen = positionals.map((name) => known(name.replace(/\.ipynb$/, ""), all, "notebook"));
  const names = all.filter((name) => chosen.length === 0 || chosen.includes(name));
  if (values.write && values.parameters) {
    throw new UsageError("Cannot use --write as outputs must come from the notebooks' parameters");
  }
  const parameters = await readParameters(values.parameters, all);
  const whole = names.length === all.length && !values.parameters;
  if (values.fresh && whole) {
    const run = (task: readonly string[]) => runTask(task, root, signal);
    await fromNothing(steps(), { root, journal, say, signal, run });
  }
  await using kernels = new LazyServer(signal);
  const executed: Executed[] = [];
  const [ground, checkout] = await Promise.all([groundKey(root), checkoutState(root)]);
  for (const name of names) {
    const notebook = await readNotebook(folder, name);
    try {
      const job = { name, notebook, ground, checkout, parameters: parameters[name] ?? {} };
      executed.push(
        await executedOne(job, {
          anew: values.again || values.fresh || values.write,
          ...{ say, signal, kernels },
        }),
      );
    } catch (error) {
      signal.throwIfAborted();
      say(`${name}: ${error instanceof Error ? error.message : error}`);
    }
  }
  const failed = names.length - executed.length;
  say(`notebooks: ${executed.length} passed, ${failed} failed`);
  if (failed > 0) throw new Error(`Cannot write the report as every notebook must run through`);
  if (values.write) {
    for (const { name, notebook } of executed) {
      await writeAtomic(join(folder, `${name}.ipynb`), formatNotebook(notebook));
    }
  }
  const files = await write(executed, all, values.parameters);
  if (values.fresh && whole) await forgetSteps(journal);
  if (values.pdf) files.push(...await print(files, say));
  for (const file of files) say(`Wrote ${file}`);
  return { notebooks: names, files };
}

const journal = join(scratch, "from-nothing.txt");

interface Job {
  name: string;
  notebook: Notebook;
  ground: string;
  checkout: Checkout;
  parameters: Parameters;
}

interface Means {
  /** Whether an earlier execution does not count. */
  anew: boolean;
  say: (line: string) => void;
  signal: AbortSignal;
  kernels: LazyServer;
}

async function executedOne(
  job: Job,
  { anew, say, signal, kernels }: Means,
): Promise<Executed> {
  const { name } = job;
  const tex = texInProse(job.notebook);
  if (tex) {
    throw new Error(
      `Cannot show formulas without a network: write ${tex} in Unicode, as in ‖r‖₂ ≤ ε`,
    );
  }
  const notebook = withParameters(job.notebook, job.parameters, name);
  const key = await executionKey(notebook, job.ground);
  const path = join(scratch, `${name}.ipynb`);
  const cached = anew ? undefined : await cachedExecution(path, key);
  const checkout = await checkoutOf(job.checkout, root, name);
  if (cached) {
    say(`${name}: nothing changed since it ran`);
    return { name, checkout, ...cached };
  }
  const start = performance.now();
  const used = Promise.withResolvers<string>();
  const executed = await execute(await kernels.start(), notebook, {
    name,
    folder: "notebooks",
    signal,
    onCell: ({ index, cells, section, seconds }) =>
      say(`${name}: cell ${index} of ${cells}, ${seconds.toFixed(1)} s  ${section}`),
    onRetry: (message) => say(`${message}; running it again`),
    question: { expression: factsExpression, onAnswer: used.resolve },
  });
  const made = {
    ...JSON.parse(await used.promise) as Facts,
    date: new Date().toISOString(),
    seconds: (performance.now() - start) / 1000,
  };
  await keepExecution(path, key, { notebook: executed, made });
  return { name, checkout, notebook: executed, made };
}

const factsExpression = `JSON.stringify(await (await import("$lib/report/facts.ts")).facts())`;

/** A server that is started when the first notebook needs it. */
class LazyServer implements AsyncDisposable {
  #server: Server | undefined;
  constructor(private readonly signal: AbortSignal) {}

  async start(): Promise<Server> {
    const command = serverCommand("jupyter_server");
    const env = await jupyterEnvironment();
    return this.#server ??= await Server.start({ command, env }, root, this.signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server?.[Symbol.asyncDispose]();
  }
}

/** All notebooks make the report; some of them a page each, for a look while writing. */
async function write(
  executed: readonly Executed[],
  all: readonly string[],
  parameters?: string,
): Promise<string[]> {
  if (executed.length < all.length) return await writeChapters(executed, out);
  const note = parameters ? ` · with the parameters of ${basename(parameters)}` : "";
  return [await writeReport(executed, { out, picture: join(root, "docs", "attack.svg"), note })];
}

async function print(pages: readonly string[], say: (line: string) => void): Promise<string[]> {
  const chromium = findChromium();
  if (!chromium) {
    say("Cannot print PDF files as no Chromium is installed: try apt-get install chromium");
    return [];
  }
  const files: string[] = [];
  for (const html of pages) {
    const name = basename(html, ".html");
    const pdf = join(out, `${name === "index" ? "report" : name}.pdf`);
    await printPdf(chromium, { html, pdf, scratch });
    files.push(pdf);
  }
  return files;
}

async function readParameters(
  path: string | undefined,
  notebooks: readonly string[],
): Promise<Record<string, Parameters>> {
  if (path === undefined) return {};
  const json = await Deno.readTextFile(path);
  let all: Record<string, Parameters>;
  try {
    all = JSON.parse(json);
  } catch (error) {
    throw new SyntaxError(`Cannot read ${path} as it must be JSON: ${(error as Error).message}`);
  }
  for (const name of Object.keys(all)) known(name, notebooks, `the parameters in ${path}`);
  return all;
}

if (import.meta.main) Deno.exit(await runCommand(report, Deno.args));
