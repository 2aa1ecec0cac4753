/**
 * tfjs-node's native binding, with the lab's own operations in it: compiled against TensorFlow's
 * library, and tried before it counts.
 *
 * @module
 */
import { createRequire } from "node:module";
import { basename, dirname, join, relative } from "node:path";
import { sha256 } from "../hash.ts";
import { duration } from "../numbers.ts";
import { execute, lastLine, remove, SetupError, which } from "./host.ts";
import { root } from "./paths.ts";
import type { Published } from "./prebuilt.ts";
import { during, type Work } from "./step.ts";

/**
 * Raised whenever the way of compiling changes, so that set-up compiles anew; for other sources it
 * does so without ({@linkcode sourcesHash}).
 */
export const BINDING_VERSION = 3;

/** The compilers that will do, the likeliest first. */
export const compilers = ["g++", "clang++", "c++"];

/** tfjs-node as installed: its folder behind all links, and what its `package.json` says. */
export function tfjsNode(): { folder: string; published: Published } {
  const folder = Deno.realPathSync(join(root, "node_modules", "@tensorflow", "tfjs-node"));
  return { folder, published: createRequire(join(folder, "x"))("./package.json") };
}

/** Where tfjs-node looks for its binding. */
export function bindingPath(folder: string): string {
  return join(folder, "lib", "napi-v8", "tfjs_binding.node");
}

/** Keeps TensorFlow's information lines off standard error. */
const quiet = join(root, "lib", "setup", "quiet.cc");

/** The C++ files of the lab's operations, headers among them, by their paths. */
function operationSources(): string[] {
  const operations = join(root, "lib", "native");
  // Editors keep files of theirs beside those that are open, mostly with a dot in front.
  return [...Deno.readDirSync(operations)].map(({ name }) => name)
    .filter((name) => /^[^.].*\.(?:cc|h)$/.test(name)).toSorted()
    .map((name) => join(operations, name));
}

/** Names the state of the lab's own C++ files in a few hexadecimal digits. */
export async function sourcesHash(): Promise<string> {
  const texts = await Promise.all(
    [quiet, ...operationSources()].map(async (path) => [
      `\n${basename(path)}\n`,
      await Deno.readTextFile(path),
    ]),
  );
  return (await sha256(...texts.flat())).slice(0, 8);
}

/**
 * Compiles tfjs-node's two C++ files and the lab's own against a library, tries the result, and puts
 * it in place. Where the lab's own do not compile or not work, it goes without their speed.
 *
 * @param library Folder with `lib` and `include`.
 * @throws {SetupError} If there is no compiler, or tfjs-node's files do not compile.
 */
export async function buildBinding(library: string, work: Work): Promise<void> {
  const compiler = which(...compilers);
  if (compiler === undefined) throw missingCompiler();
  try {
    await compile(compiler, library, work, { operations: true });
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    work.say(
      `TensorFlow: WARNING: ${error.message}; TensorFlow's own operations serve in place of the ` +
        "lab's, with the same results but half as fast",
    );
    await compile(compiler, library, work, { operations: false });
  }
}

/** Compiles, tries and puts in place, with the lab's operations or without. */
async function compile(
  compiler: string,
  library: string,
  work: Work,
  { operations }: { operations: boolean },
): Promise<void> {
  const { folder } = tfjsNode();
  const headers = join(
    Deno.realPathSync(join(root, "node_modules", "node-api-headers")),
    "include",
  );
  const target = bindingPath(folder);
  await Deno.mkdir(dirname(target), { recursive: true });
  const candidate = candidatePath(target);
  const lib = join(library, "lib");
  const what = operations ? "tfjs-node's binding and the lab's operations" : "tfjs-node's binding";
  const [{ success, stderr }, seconds] = await during(
    work,
    `TensorFlow: compiling ${what} (${compiler})`,
    async () =>
      execute(compiler, [
        // tfjs-node's own files would do with less, but one command is simpler than two.
        ...["-O3", ...await forThisProcessor(compiler, work), "-std=c++17", "-pthread"],
        "-fno-math-errno", // or roots are taken one by one
        ...["-shared", "-fPIC", "-w", "-DNAPI_VERSION=8"],
        ...[headers, join(library, "include"), folder].map((path) => `-I${path}`),
        ...["tfjs_backend.cc", "tfjs_binding.cc"].map((name) => join(folder, "binding", name)),
        quiet,
        ...operations ? operationSources().filter((path) => path.endsWith(".cc")) : [],
        ...["libtensorflow_cc.so.2", "libtensorflow_framework.so.2"].map((name) => join(lib, name)),
        // Relative to the binding, so that a moved checkout still works.
        `-Wl,-rpath,$ORIGIN/${relative(dirname(target), lib)}`,
        ...["-o", candidate],
      ], { signal: work.signal, env: { TMPDIR: work.temporary } }),
  );
  if (!success) {
    const line = stderr.split("\n").find((text) => /error|not found|cannot/i.test(text));
    throw new SetupError(
      `Cannot compile ${what} with ${compiler}: ${(line ?? lastLine(stderr)).trim()}`,
    );
  }
  await install(candidate, target, work, { operations });
  work.say(`TensorFlow: binding compiled in ${duration(seconds)}`);
}

/** Copies a ready-made binding into place, after a try. */
export async function installBinding(file: string, work: Work): Promise<void> {
  const target = bindingPath(tfjsNode().folder);
  await Deno.mkdir(dirname(target), { recursive: true });
  const candidate = candidatePath(target);
  await Deno.copyFile(file, candidate);
  await install(candidate, target, work, { operations: false });
}

/** The option that lets code use all that this processor can, for compilers that know it. */
async function forThisProcessor(compiler: string, work: Work): Promise<string[]> {
  const option = "-march=native";
  const nothing = ["-x", "c++", "-fsyntax-only", "/dev/null"];
  const { success } = await execute(compiler, [option, ...nothing], work);
  return success ? [option] : [];
}

/** The one line for those without a compiler. */
export function missingCompiler(): SetupError {
  return new SetupError(
    "A C++ compiler is missing: it builds TensorFlow's native binding, the fast one. " +
      "To get it: on Debian or Ubuntu `apt install g++`, then `deno task setup`",
  );
}

/** Beside the target, as the library is found relative to the file; `.node`, or nothing loads it. */
function candidatePath(target: string): string {
  return join(dirname(target), `candidate-${crypto.randomUUID().slice(0, 8)}.node`);
}

/** Puts a candidate in place if it works; old candidates of killed runs go. */
async function install(
  candidate: string,
  target: string,
  work: Work,
  { operations }: { operations: boolean },
): Promise<void> {
  try {
    // In a process of its own: an unfit library, or an instruction that the processor does not know,
    // takes its process with it.
    const { success, stderr, stdout } = await execute(Deno.execPath(), [
      "run",
      ...["-q", "--no-prompt", "--allow-ffi", "--allow-read", "--allow-env", "--allow-sys"],
      join(root, "lib", "setup", "try_binding.ts"),
      candidate,
    ], work);
    if (!success || !stdout.startsWith("TensorFlow ")) {
      throw new SetupError(
        `Cannot use TensorFlow's native binding, as it does not load here: ${
          lastLine(stderr) || "its process crashed"
        }`,
      );
    }
    if (operations && !stdout.includes("with the lab's operations")) {
      throw new SetupError(
        "Cannot use TensorFlow's native binding, as the lab's operations are not in it or give " +
          "wrong results here",
      );
    }
    await Deno.rename(candidate, target);
  } finally {
    for (const { name } of Deno.readDirSync(dirname(target))) {
      if (name.startsWith("candidate-")) remove(join(dirname(target), name));
    }
  }
}
