/**
 * The npm packages: `deno install`, and a note of what it was run for.
 *
 * @module
 */
import { join } from "node:path";
import { writeAtomic } from "../files.ts";
import { sha256 } from "../hash.ts";
import { duration } from "../numbers.ts";
import { execute, exists, lastLine, SetupError } from "./host.ts";
import { root } from "./paths.ts";
import type { Step } from "./step.ts";

/** `node_modules`, as `deno.json` and `deno.lock` ask for it. */
export const packages: Step = {
  name: "npm packages",
  async ready() {
    return exists(join(root, "node_modules", ".deno")) && await readStamp() === await wanted();
  },
  async make(work) {
    // Mostly a check of a moment: Deno itself installs when it starts a task.
    const start = performance.now();
    const { success, stdout, stderr } = await execute(Deno.execPath(), ["install"], {
      signal: work.signal,
      env: { NO_COLOR: "1" },
    });
    const seconds = (performance.now() - start) / 1000;
    if (!success) {
      throw new SetupError(
        `Cannot install the npm packages: ${lastLine(stderr) || lastLine(stdout)} ` +
          "(is the network there? a mirror of your own goes into .npmrc)",
      );
    }
    // After the run, as it may bring deno.lock up to date.
    await writeAtomic(stamp, await wanted());
    const downloaded = Number(
      /Downloaded (\d+) packages? from npm/.exec(stdout + stderr)?.[1] ?? 0,
    );
    if (downloaded > 0) {
      work.say(`npm packages: downloaded ${downloaded} in ${duration(seconds)}`);
    }
  },
};

/** Inside `node_modules`, so that it goes when that goes. */
const stamp = join(root, "node_modules", ".ready");

async function readStamp(): Promise<string | undefined> {
  return await Deno.readTextFile(stamp).catch(() => undefined);
}

async function wanted(): Promise<string> {
  const [config, lock] = await Promise.all(
    ["deno.json", "deno.lock"].map((name) => Deno.readTextFile(join(root, name)).catch(() => "")),
  );
  return await sha256(`${Deno.version.deno}\n${config}\n${lock}`);
}
