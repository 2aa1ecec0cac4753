/**
 * TensorFlow's native part, by the best way that is open here.
 *
 * 1. The library of the PyPI wheel (newer and faster), with tfjs-node's binding and the lab's own
 *    operations compiled on the spot; wants Python's pip and a C++ compiler.
 * 2. tfjs-node's own prebuilt library and binding; wants its publishers' host.
 * 3. None: tfjs in pure JavaScript serves, so that nothing but speed is lost.
 *
 * @module
 */
import { join, relative } from "node:path";
import { writeAtomic } from "../files.ts";
import {
  BINDING_VERSION,
  bindingPath,
  buildBinding,
  compilers,
  installBinding,
  missingCompiler,
  sourcesHash,
  tfjsNode,
} from "./binding.ts";
import { createEnvironment, findPython, pipOptions } from "./environment.ts";
import { duration } from "../numbers.ts";
import { execute, exists, lastLine, pipReason, remove, SetupError, which } from "./host.ts";
import { lab, python, root } from "./paths.ts";
import { fetchPrebuilt, PREBUILT_VERSION, prebuiltAddresses } from "./prebuilt.ts";
import { processorKind } from "./processor.ts";
import { during, megabytes, type Step, type Work } from "./step.ts";

/** The version of the wheel `tensorflow-cpu`. */
export const WHEEL_VERSION = "2.20.0";

/** Which way was taken, or why none. */
export interface Taken {
  way: "wheel" | "prebuilt" | "none";
  /** What the choice rests on: when that changes, set-up chooses again. */
  basis: string;
  /** Why the better ways were closed, a line each. */
  reasons: string[];
}

/** One of the headers that `unpack.py` learned to unpack last. */
const NEWEST_HEADER = join("tsl", "platform", "platform.h");

const record = join(lab, "tensorflow.json");

/** TensorFlow's native part for tfjs-node. */
export const native: Step = {
  name: "TensorFlow",
  async ready() {
    const taken = await readTaken();
    if (taken === undefined || taken.basis !== await basis(taken.way)) return false;
    return taken.way === "none" || exists(bindingPath(tfjsNode().folder));
  },
  async make(work) {
    // A kill meanwhile leaves no record, so that the next run starts over.
    remove(record);
    const taken = await choose(work);
    await writeAtomic(record, JSON.stringify(taken, undefined, 2));
    for (const reason of taken.reasons) work.say(`TensorFlow: ${reason}`);
    if (taken.way === "none") {
      work.say(
        "TensorFlow: WARNING: pure JavaScript serves in its place, with the same results but " +
          "many times slower; `deno task setup` tries again",
      );
    }
  },
};

/** Gives what set-up chose, or `undefined` if it has not run to its end. */
export async function readTaken(): Promise<Taken | undefined> {
  try {
    return JSON.parse(await Deno.readTextFile(record));
  } catch {
    return undefined;
  }
}

/** Makes the next run choose again. */
export function forget(): void {
  remove(record);
}

/** Takes the first way that is open. */
async function choose(work: Work): Promise<Taken> {
  const reasons: string[] = [];
  for (const [way, take] of [["wheel", takeWheel], ["prebuilt", takePrebuilt]] as const) {
    try {
      // Asked before, so that a source file that is changed meanwhile is compiled the next time.
      const taken = { way, basis: await basis(way), reasons };
      await take(work);
      return taken;
    } catch (error) {
      work.signal.throwIfAborted();
      reasons.push(error instanceof Error ? error.message : String(error));
    }
  }
  return { way: "none", basis: await basis("none"), reasons };
}

/**
 * What a way rests on: what is compiled, and for the best one the processor that it is compiled for;
 * for the others the tools that would open a better one.
 */
async function basis(way: Taken["way"]): Promise<string> {
  const rest = way === "wheel"
    ? [processorKind()]
    : [which(...compilers), which("python3", "python")].map((path) => path ?? "none");
  return (await Promise.all([
    ...[WHEEL_VERSION, tfjsNode().published.version, BINDING_VERSION, sourcesHash()],
    ...rest,
  ])).join(" ");
}

async function takeWheel(work: Work): Promise<void> {
  if (Deno.build.os !== "linux") {
    throw new SetupError(`TensorFlow's wheel is used on Linux only: this is ${Deno.build.os}`);
  }
  if (which(...compilers) === undefined) throw missingCompiler();
  const folder = join(lab, `tensorflow-${WHEEL_VERSION}`);
  await ensureLibrary(folder, work);
  await buildBinding(folder, work);
}

/**
 * Sees to it that TensorFlow's library is there, with all headers that the binding needs: earlier
 * versions of the lab unpacked fewer.
 *
 * @param folder Where it is to be, with `lib` and `include`.
 */
export async function ensureLibrary(folder: string, work: Work): Promise<void> {
  const include = join(folder, "include");
  if (exists(join(include, NEWEST_HEADER))) return;
  const unpacked = await fetchLibrary(work);
  if (!exists(folder)) return await Deno.rename(unpacked, folder);
  // The libraries stay, as they are the same and running programs need them.
  if (exists(include)) await Deno.rename(include, join(work.temporary, "old-include"));
  await Deno.rename(join(unpacked, "include"), include);
}

/**
 * Downloads the wheel by pip and unpacks what the binding needs of it.
 *
 * @returns Folder with `lib` and `include`, among the run's temporary files.
 */
async function fetchLibrary(work: Work): Promise<string> {
  const interpreter = await pythonWithPip(work);
  const downloads = join(work.temporary, "wheel");
  const [{ success, stderr }, seconds] = await during(
    work,
    `TensorFlow: downloading version ${WHEEL_VERSION} (258 MB)`,
    () =>
      execute(interpreter, [
        ...["-m", "pip", "download", `tensorflow-cpu==${WHEEL_VERSION}`, "--no-deps"],
        // The library inside is the same for every Python, so the local one does not matter.
        ...["--only-binary=:all:", "--python-version", "3.11"],
        ...pipOptions,
        ...["--dest", downloads],
      ], { signal: work.signal, env: { TMPDIR: work.temporary } }),
    work.temporary,
  );
  if (!success) {
    throw new SetupError(`Cannot download TensorFlow's library by pip: ${pipReason(stderr)}`);
  }
  const [wheel] = [...Deno.readDirSync(downloads)].map(({ name }) => join(downloads, name));
  if (wheel === undefined) throw new Error("Cannot find the wheel that pip downloaded");
  work.say(`  downloaded ${megabytes(Deno.statSync(wheel).size)} in ${duration(seconds)}`);
  const unpacked = join(work.temporary, "tensorflow");
  const [outcome] = await during(
    work,
    "TensorFlow: unpacking the library",
    () => execute(interpreter, [join(root, "python", "unpack.py"), wheel, unpacked], work),
  );
  remove(downloads);
  if (!outcome.success) {
    throw new SetupError(`Cannot unpack TensorFlow's library: ${lastLine(outcome.stderr)}`);
  }
  return unpacked;
}

/** Finds a Python that has pip; where the system's has none, makes an environment that does. */
async function pythonWithPip(work: Work): Promise<string> {
  const base = await findPython("its pip fetches TensorFlow's library", work);
  for (const interpreter of [base, python]) {
    if (!exists(interpreter)) continue;
    const { success } = await execute(interpreter, ["-m", "pip", "--version"], work);
    if (success) return interpreter;
  }
  const folder = join(work.temporary, "pip");
  await createEnvironment(base, folder, work);
  return join(folder, "bin", "python");
}

async function takePrebuilt(work: Work): Promise<void> {
  const { folder, published } = tfjsNode();
  const addresses = prebuiltAddresses(published);
  if (addresses === undefined) {
    throw new SetupError(
      `tfjs-node's publishers offer nothing for ${Deno.build.os} on ${Deno.build.arch}`,
    );
  }
  const { library, binding } = await fetchPrebuilt(addresses, work);
  const kept = join(lab, `tensorflow-${PREBUILT_VERSION}`);
  remove(kept);
  await Deno.rename(library, kept);
  await linkLibrary(folder, kept);
  await installBinding(binding, work);
}

/** The prebuilt binding looks for its library in `deps/lib` of its package. */
async function linkLibrary(folder: string, library: string): Promise<void> {
  const deps = join(folder, "deps");
  const temporary = `${deps}.${crypto.randomUUID()}.tmp`;
  await Deno.symlink(relative(folder, library), temporary);
  remove(deps);
  await Deno.rename(temporary, deps);
}
