/**
 * `deno task report --fresh`: the networks and tables that a report rests on, made anew.
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
const NOTEBOOKS = 12;

/** Minutes of a training with all epochs (`models/README.md`), of a network's table of minimal norms and of its resistances. */
const networks: Record<string, readonly [training: number, norms: number, resistances: number]> = {
  MLP: [1, 3, 1],
  MLP_d: [1, 3, 1],
  CNN: [4.5, 12, 12],
  CNN_d: [3.5, 12, 12],
  MLP_bn: [1, 3, 1],
  CNN_bn: [9, 12, 12],
  AlexNet: [5, 20, 15],
};

/** Those that are trained with three seeds, to compare architectures. */
const seeded = ["MLP", "MLP_d", "CNN", "CNN_d"];

/** All steps in their order; protected networks stay as they are. */
export function steps(): Step[] {
  const all = Object.entries(networks);
  return [
    ...all.map(([name, [minutes]]): Step => ({ task: ["train", name, "--save"], minutes })),
    ...["1", "2"].flatMap((seed) =>
      seeded.map((name): Step => ({
        task: ["train", name, "--seed", seed, "--out", `models/seeds/${seed}`],
        minutes: networks[name]?.[0] ?? 0,
      }))
    ),
    { remove: "data/min-norms" },
    ...all.map(([name, [, minutes]]): Step => ({ task: ["tables", name], minutes })),
    { remove: "data/resistances" },
    ...all.map(([name, [, , minutes]]): Step => ({
      task: [
        ...["resistance", name, "--images", "10000", "--curves", "1000", "--max-passes", "100"],
        ...["--out", `data/resistances/${name}.parquet`],
      ],
      minutes,
    })),
    { remove: "data/final" },
    { task: ["final"], minutes: 20 },
  ];
}

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
