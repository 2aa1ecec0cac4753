/**
 * `deno task report --fresh`: does one step after the other, and goes on where it was.
 *
 * @module
 */

import { join } from "node:path";
import { removeIfThere, writeAtomic } from "../files.ts";
import { duration } from "../numbers.ts";

/** One thing to do: a folder to empty, or a task of `deno.json` to run. */
export type Step =
  | { remove: string }
  | {
    /** The task and its arguments. */
    task: readonly string[];
    /** How long it takes on two cores with nothing else at work, about. */
    minutes: number;
  };

/** How long all notebooks take after that, about. */
const NOTEBOOKS = 5;

/** What {@linkcode fromNothing} works with. */
export interface Means {
  root: string;
  /** A file that remembers the steps done, so that the next call goes on after them. */
  journal: string;
  say: (line: string) => void;
  signal: AbortSignal;
  /** Runs a task; rejects if it fails. */
  run: (task: readonly string[]) => Promise<void>;
}

/**
 * Does all steps, after saying how long they will take. Interrupted or killed, the next call goes
 * on where it was, as the tasks themselves do.
 *
 * @throws The signal's reason, when aborted; whatever a task throws.
 */
export async function fromNothing(all: readonly Step[], means: Means): Promise<void> {
  const { root, journal, say, signal, run } = means;
  const done = new Set((await Deno.readTextFile(journal).catch(() => "")).split("\n"));
  const open = all.filter((step) => !done.has(nameOf(step)));
  const minutes = open.reduce((sum, step) => sum + ("task" in step ? step.minutes : 0), NOTEBOOKS);
  if (open.length < all.length) say(`From nothing: ${all.length - open.length} steps are done`);
  say(
    `From nothing: networks are trained and tables computed in place, then all notebooks run: ` +
      `about ${duration(60 * minutes)} on two cores. Ctrl-C stops; the same command goes on`,
  );
  for (const [i, step] of open.entries()) {
    signal.throwIfAborted();
    say(`${i + 1} of ${open.length}: ${nameOf(step)}`);
    if ("remove" in step) {
      await Deno.remove(join(root, step.remove), { recursive: true }).catch((error) => {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      });
    } else await run(step.task);
    done.add(nameOf(step));
    await writeAtomic(journal, [...done].filter(Boolean).join("\n"));
  }
}

/**
 * Runs a task of `deno.json`, as anyone would from the checkout's folder; its progress is seen.
 *
 * @throws {Error} If it fails.
 */
export async function runTask(
  task: readonly string[],
  root: string,
  signal: AbortSignal,
): Promise<void> {
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: ["task", "-q", ...task],
    cwd: root,
    env: { INIT_CWD: root }, // from where tasks take paths
    ...{ stdin: "null", stdout: "null", stderr: "inherit", signal },
  }).spawn().status;
  signal.throwIfAborted();
  if (!success) throw new Error(`Cannot go on as deno task ${task.join(" ")} failed`);
}

/** Forgets the steps done, as the report that they were for is written. */
export async function forgetSteps(journal: string): Promise<void> {
  await removeIfThere(journal);
}

function nameOf(step: Step): string {
  return "remove" in step ? `remove ${step.remove}` : step.task.join(" ");
}
