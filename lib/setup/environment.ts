/**
 * The Python environment that holds JupyterLab and nbconvert, and the search for a Python.
 *
 * @module
 */
import { basename, dirname, join } from "node:path";
import { sha256 } from "../hash.ts";
import { duration } from "../numbers.ts";
import { execute, exists, lastLine, pipReason, remove, SetupError, which } from "./host.ts";
import { lab, python, root } from "./paths.ts";
import { during, megabytes, type Step, type Work } from "./step.ts";

/** The oldest Python that the pinned JupyterLab runs on. */
const OLDEST = [3, 10] as const;

const requirements = join(root, "python", "requirements.txt");
/** A link to the environment in use. */
const link = dirname(dirname(python));

/** JupyterLab and nbconvert in an environment of the checkout's own. */
export const environment: Step = {
  name: "JupyterLab",
  async ready() {
    const stamp = await Deno.readTextFile(join(link, "ready")).catch(() => undefined);
    return stamp !== undefined && exists(python) && stamp === await wanted(python);
  },
  async make(work) {
    const base = await findPython("JupyterLab runs on it", work);
    // A folder with a name of its own: what a killed run's pip may still write goes elsewhere.
    const folder = join(lab, `python-${crypto.randomUUID().slice(0, 8)}`);
    try {
      await createEnvironment(base, folder, work);
      await installRequirements(folder, work);
      await Deno.writeTextFile(
        join(folder, "ready"),
        await wanted(join(folder, "bin", "python")),
      );
      await swapLink(folder);
    } catch (error) {
      remove(folder);
      throw error;
    }
    removeOthers(folder);
  },
};

/**
 * Finds a Python that is new enough.
 *
 * @param why What it is for, for the error's text.
 * @throws {SetupError} If there is none.
 */
export async function findPython(why: string, { signal }: Pick<Work, "signal">): Promise<string> {
  const found = which("python3", "python");
  const oldest = OLDEST.join(".");
  const remedy = "on Debian or Ubuntu `apt install python3 python3-venv python3-pip`, " +
    "then `deno task setup`";
  if (found === undefined) {
    throw new SetupError(`Python ${oldest} or newer is missing: ${why}. To get it: ${remedy}`);
  }
  const code = `import sys; print(sys.version.split()[0], sys.version_info >= ${
    JSON.stringify(OLDEST).replace("[", "(").replace("]", ")")
  })`;
  const { success, stdout, stderr } = await execute(found, ["-c", code], { signal });
  const [version, enough] = stdout.trim().split(" ");
  if (!success || enough !== "True") {
    const state = success ? `is version ${version}` : `does not start (${lastLine(stderr)})`;
    throw new SetupError(
      `Python ${oldest} or newer is missing, as ${found} ${state}: ${why}. To get it: ${remedy}`,
    );
  }
  return found;
}

/**
 * Makes a Python environment with pip in it.
 *
 * @throws {SetupError} If Python came without its `venv` module, as Debian splits it.
 */
export async function createEnvironment(
  base: string,
  folder: string,
  { signal }: Pick<Work, "signal">,
): Promise<void> {
  const { success, stdout, stderr } = await execute(base, ["-m", "venv", folder], { signal });
  if (success) return;
  const splitOff = /ensurepip|No module named '?venv/.test(stdout + stderr);
  throw new SetupError(
    splitOff
      ? `Python's venv module is missing from ${base}: the lab keeps JupyterLab and pip in an ` +
        "environment of its own. To get it: on Debian or Ubuntu `apt install python3-venv`, " +
        "then `deno task setup`"
      : `Cannot make a Python environment in ${folder}: ${lastLine(stderr || stdout)}`,
  );
}

/** Options of every call of pip: no questions, no notices, and no bars, as its output is read. */
export const pipOptions = ["--no-input", "--disable-pip-version-check", "--progress-bar", "off"];

async function installRequirements(folder: string, work: Work): Promise<void> {
  let bytes = 0;
  let downloaded: number | undefined;
  const start = performance.now();
  const [{ success, stderr }, seconds] = await during(
    work,
    "JupyterLab: downloading and installing JupyterLab and nbconvert",
    () =>
      execute(join(folder, "bin", "python"), [
        "-m",
        "pip",
        "install",
        ...pipOptions,
        // The list is complete, and a module is compiled when it is first used.
        "--no-deps",
        "--no-compile",
        "-r",
        requirements,
      ], {
        signal: work.signal,
        onLine(line) {
          bytes += downloadedBytes(line);
          if (line.startsWith("Installing")) downloaded = (performance.now() - start) / 1000;
        },
      }),
    folder,
  );
  if (!success) {
    throw new SetupError(
      `Cannot install JupyterLab by pip: ${pipReason(stderr)}`,
    );
  }
  work.say(
    `JupyterLab: ready in ${duration(seconds)}, ${
      duration(downloaded ?? seconds)
    } of it download (${megabytes(bytes)})`,
  );
}

/** Reads the size from a line like `Downloading x.whl (1.2 MB)` of pip's; 0 for any other line. */
export function downloadedBytes(line: string): number {
  const match = /^\s*Downloading \S+ \(([\d.]+) ([kMG]?)B\)/.exec(line);
  if (match === null) return 0;
  const unit = { "": 1, k: 1e3, M: 1e6, G: 1e9 }[match[2] ?? ""] ?? 1;
  return Number(match[1]) * unit;
}

/** Points the link at another environment in one step. */
async function swapLink(folder: string): Promise<void> {
  const temporary = `${link}.${crypto.randomUUID()}.tmp`;
  await Deno.symlink(basename(folder), temporary);
  await Deno.rename(temporary, link);
}

/** Removes what earlier versions and killed runs left. */
function removeOthers(folder: string): void {
  for (const { name } of Deno.readDirSync(lab)) {
    if (/^python[-.]/.test(name) && name !== basename(folder)) remove(join(lab, name));
  }
}

/** The list of packages and the interpreter: an environment outlives neither. */
async function wanted(interpreter: string): Promise<string> {
  return await sha256(
    `${await Deno.realPath(interpreter)}\n${await Deno.readTextFile(requirements)}`,
  );
}
