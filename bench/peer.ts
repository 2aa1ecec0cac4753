/**
 * The other side of a comparison as a process of its own, asked line by line.
 *
 * @module
 */
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { createEnvironment, findPython, pipOptions } from "$lib/setup/environment.ts";
import { execute, exists, lastLine, SetupError } from "$lib/setup/host.ts";
import { lab, root } from "$lib/setup/paths.ts";
import type { Side } from "./alternate.ts";

const folder = join(root, "bench", "peers");
const environment = join(lab, "torch");
const interpreter = join(environment, "bin", "python");

/** A process that answers lines, as by timing its own works; dispose it to end it. */
export class Peer implements AsyncDisposable {
  private constructor(
    private readonly child: Deno.ChildProcess,
    private readonly lines: AsyncIterator<string>,
    private readonly input: WritableStreamDefaultWriter<Uint8Array>,
    /** Of the library that is timed. */
    readonly version: string,
  ) {}

  /** Starts a program that says `ready VERSION` and then answers each line by a line. */
  static async start(command: string, args: string[], signal: AbortSignal): Promise<Peer> {
    const child = new Deno.Command(command, { args, stdin: "piped", stdout: "piped", signal })
      .spawn();
    const input = Readable.fromWeb(child.stdout as never);
    const lines = createInterface({ input })[Symbol.asyncIterator]();
    const { value } = await lines.next();
    if (!value?.startsWith("ready ")) throw new Error(`Cannot start ${args[0]}: see above`);
    return new Peer(child, lines, child.stdin.getWriter(), value.slice("ready ".length));
  }

  /** Asks a line. */
  async ask(question: string): Promise<string> {
    await this.input.write(new TextEncoder().encode(`${question}\n`));
    const { value, done } = await this.lines.next();
    if (done) throw new Error(`Cannot time ${question}: the peer's process ended, see above`);
    return value;
  }

  /** One of its works, such as `step MLP`: the answer is the milliseconds of one repeat. */
  side(work: string): Side {
    return async (repeats) => Number(await this.ask(`${work} ${repeats}`));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.input.close();
    await this.child.status;
  }
}

/** Plain, eager tfjs-node. */
export const startTfjs = (signal: AbortSignal): Promise<Peer> =>
  Peer.start(
    Deno.execPath(),
    ["run", "-q", "--no-prompt", "-P=bench", join(folder, "tfjs_side.ts")],
    signal,
  );

/** What PyTorch's side is started with. */
export interface TorchOptions {
  /** Folder with the four IDX files. */
  digits: string;
  /** As many as TensorFlow has. */
  threads: number;
  say: (line: string) => void;
  signal: AbortSignal;
}

/**
 * PyTorch, installed into an environment of its own when it is first asked for.
 *
 * @throws {SetupError} If it can't be installed.
 */
export async function startTorch({ digits, threads, say, signal }: TorchOptions): Promise<Peer> {
  await installTorch(say, signal);
  return Peer.start(interpreter, [join(folder, "torch_side.py"), digits, String(threads)], signal);
}

/**
 * adversarial-library beside PyTorch, with the weights and the first images of the test split.
 *
 * @throws {SetupError} If it can't be installed.
 */
export async function startMinNorms(
  { weights, images, digits, threads, say, signal }: TorchOptions & {
    weights: string;
    images: number;
  },
): Promise<Peer> {
  await installTorch(say, signal);
  // Without what it asks for: that is a server for charts, which nothing here shows.
  await install("adversarial-library", "min_norms_requirements.txt", ["--no-deps"], signal);
  const args = [weights, digits, images, threads].map(String);
  return Peer.start(interpreter, [join(folder, "min_norms_side.py"), ...args], signal);
}

async function installTorch(say: (line: string) => void, signal: AbortSignal): Promise<void> {
  if (await isInstalled("requirements.txt")) return;
  say("PyTorch: installing (some gigabytes, a minute or more), once");
  await createEnvironment(await findPython("PyTorch runs on it", { signal }), environment, {
    signal,
  });
  await install("PyTorch", "requirements.txt", [], signal);
}

/** Where it is written down that a list was installed, and the list. */
async function stampOf(list: string): Promise<{ stamp: string; wanted: string }> {
  const stamp = join(environment, list === "requirements.txt" ? "ready" : `ready-${list}`);
  return { stamp, wanted: await Deno.readTextFile(join(folder, list)) };
}

async function isInstalled(list: string): Promise<boolean> {
  const { stamp, wanted } = await stampOf(list);
  return exists(stamp) && await Deno.readTextFile(stamp) === wanted;
}

async function install(
  name: string,
  list: string,
  options: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  if (await isInstalled(list)) return;
  const path = join(folder, list);
  const args = ["-m", "pip", "install", "-q", ...pipOptions, ...options, "-r", path];
  const { success, stderr } = await execute(interpreter, args, { signal });
  if (!success) throw new SetupError(`Cannot install ${name} by pip: ${lastLine(stderr)}`);
  const { stamp, wanted } = await stampOf(list);
  await Deno.writeTextFile(stamp, wanted);
}
