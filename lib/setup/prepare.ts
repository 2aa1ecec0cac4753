/**
 * Set-up as a whole: does the steps that are not ready, one process at a time.
 *
 * @module
 */
import { join } from "node:path";
import { environment } from "./environment.ts";
import { remove, SetupError } from "./host.ts";
import { native } from "./native.ts";
import { packages } from "./packages.ts";
import { lab } from "./paths.ts";
import type { Step, Work } from "./step.ts";

/** What can be asked for; notebooks need all that commands need. */
export type Purpose = "commands" | "notebooks";

/** The steps of each purpose, in their order. */
export const steps: Record<Purpose, readonly Step[]> = {
  commands: [packages, native],
  notebooks: [packages, environment, native],
};

/** Gives those of some steps that have something to do. */
export async function unready(candidates: readonly Step[]): Promise<Step[]> {
  const open: Step[] = [];
  // One after the other: a later step may look into what an earlier one makes.
  for (const step of candidates) {
    if (open.includes(packages) || !await step.ready()) open.push(step);
  }
  return open;
}

/**
 * Does the steps that are not ready; a failed step does not keep the later ones from being done,
 * apart from the npm packages, which the others build on.
 *
 * @returns The error of each step that failed.
 */
export async function prepare(
  candidates: readonly Step[],
  { say, signal }: Pick<Work, "say" | "signal">,
): Promise<SetupError[]> {
  await Deno.mkdir(lab, { recursive: true });
  using _lock = await lockLab(say);
  const all = join(lab, "tmp");
  // The lock is held, so whatever lies here belongs to a run that was killed.
  remove(all);
  const temporary = join(all, crypto.randomUUID().slice(0, 8));
  await Deno.mkdir(temporary, { recursive: true });
  const failures: SetupError[] = [];
  try {
    for (const step of candidates) {
      signal.throwIfAborted();
      // Looked at again, as another run may have done it while this one waited for the lock.
      if (await step.ready()) continue;
      try {
        await step.make({ say, signal, temporary });
      } catch (error) {
        if (!(error instanceof SetupError)) throw error;
        failures.push(error);
        if (step === packages) break;
      }
    }
  } finally {
    remove(all);
  }
  return failures;
}

/** Waits until no other run works in `.lab`; the system gives the lock back when a run is killed. */
async function lockLab(say: Work["say"]): Promise<Disposable> {
  const file = await Deno.open(join(lab, "setup.lock"), { write: true, create: true });
  if (!await file.tryLock(true)) {
    say("Another set-up is running in this checkout: waiting for it to end");
    await file.lock(true);
  }
  return file;
}
