/**
 * `deno task report --fresh`: the networks and tables that a report rests on, made anew.
 *
 * @module
 */

import { join } from "node:path";
import { removeIfThere, writeAtomic } from "../files.ts";
import { duration } from "../numbers.ts";
import { tablePasses } from "../results/budget.ts";

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

/** A network's minutes: of a training with all epochs, of its table of minimal norms, of its resistances. */
type Minutes = readonly [training: number, norms: number, resistances: number];

const search = ["--max-passes", "100"];
const adversarial = ["--examples", "64"];
const right = (images: number) => ["--right", String(images)];
const curves = (images: number) => ["--curves", String(images)];
const passes = ["--max-passes", String(tablePasses)];

/** What comes with the lab: minutes, and which resistances (`deno task resistance --help`). */
const networks: Record<string, { minutes: Minutes; resistances: readonly string[] }> = {
  MLP: { minutes: [1, 3, 2], resistances: [...curves(1000), ...search, ...adversarial] },
  MLP_d: { minutes: [1, 3, 2], resistances: [...curves(500), ...search, ...adversarial] },
  CNN: { minutes: [4.5, 12, 15], resistances: [...search, ...adversarial] },
  CNN_d: {
    minutes: [3.5, 12, 4],
    resistances: [...right(1000), ...curves(500), ...search, ...adversarial],
  },
  MLP_bn: { minutes: [1, 3, 2], resistances: [...curves(500), ...search, ...adversarial] },
  CNN_bn: {
    minutes: [9, 12, 5],
    resistances: [...right(1000), ...curves(500), ...search, ...adversarial],
  },
  AlexNet: {
    minutes: [5, 20, 15],
    resistances: [...right(2500), ...curves(1000), ...search, ...adversarial],
  },
};

/** Those that are trained with three seeds, to compare architectures. */
const seeded = ["MLP", "MLP_d", "CNN", "CNN_d"];

/** All steps in their order; protected networks stay as they are. */
export function steps(): Step[] {
  const all = Object.entries(networks);
  return [
    ...all.map(([name, { minutes: [minutes] }]): Step => (
      { task: ["train", name, "--save"], minutes }
    )),
    ...["1", "2"].flatMap((seed) =>
      seeded.map((name): Step => ({
        task: ["train", name, "--seed", seed, "--out", `models/seeds/${seed}`],
        minutes: networks[name]?.minutes[0] ?? 0,
      }))
    ),
    { remove: "data/min-norms" },
    ...all.map(([name, { minutes: [, minutes] }]): Step => ({
      task: ["tables", name, ...passes],
      minutes,
    })),
    { remove: "data/resistances" },
    ...all.map(([name, { minutes: [, , minutes], resistances }]): Step => ({
      task: [
        ...["resistance", name, "--images", "10000", ...resistances],
        ...["--out", `data/resistances/${name}.parquet`],
      ],
      minutes,
    })),
    { remove: "data/final" },
    { task: ["final", ...passes], minutes: 20 },
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
