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

/** A process that times its own works; dispose it to end it. */
export class Peer implements AsyncDisposable {
  private constructor(
    private readonly child: Deno.ChildProcess,
    private readonly lines: AsyncIterator<string>,
    private readonly input: WritableStreamDefaultWriter<Uint8Array>,
    /** Of the library that is timed. */
    readonly version: string,
  ) {}

  /**
   * Starts a program that says `ready VERSION` and then answers lines `WORK NETWORK REPEATS` by the
   * milliseconds of one repeat.
   */
  static async start(command: string, args: string[], signal: AbortSignal): Promise<Peer> {
    const child = new Deno.Command(command, { args, stdin: "piped", stdout: "piped", signal })
      .spawn();
    const input = Readable.fromWeb(child.stdout as never);
    const lines = createInterface({ input })[Symbol.asyncIterator]();
    const { value } = await lines.next();
    if (!value?.startsWith("ready ")) throw new Error(`Cannot start ${args[0]}: see above`);
    return new Peer(child, lines, child.stdin.getWriter(), value.slice("ready ".length));
  }

  /** One of its works, such as `step MLP`. */
  side(work: string): Side {
    return async (repeats) => {
      await this.input.write(new TextEncoder().encode(`${work} ${repeats}\n`));
      const { value, done } = await this.lines.next();
      if (done) throw new Error(`Cannot time ${work}: the peer's process ended, see above`);
      return Number(value);
    };
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

/**
 * PyTorch, installed into an environment of its own when it is first asked for.
 *
 * @param digits Folder with the four IDX files.
 * @param threads As many as TensorFlow has.
 * @throws {SetupError} If it can't be installed.
 */
export async function startTorch(
  { digits, threads, say, signal }: {
    digits: string;
    threads: number;
    say: (line: string) => void;
    signal: AbortSignal;
  },
): Promise<Peer> {
  await installTorch(say, signal);
  return Peer.start(interpreter, [join(folder, "torch_side.py"), digits, String(threads)], signal);
}

async function installTorch(say: (line: string) => void, signal: AbortSignal): Promise<void> {
  const stamp = join(environment, "ready");
  const requirements = join(folder, "requirements.txt");
  const wanted = await Deno.readTextFile(requirements);
  if (exists(stamp) && await Deno.readTextFile(stamp) === wanted) return;
  say("PyTorch: installing (some gigabytes, a minute or more), once");
  await createEnvironment(await findPython("PyTorch runs on it", { signal }), environment, {
    signal,
  });
  const args = ["-m", "pip", "install", "-q", ...pipOptions, "-r", requirements];
  const { success, stderr } = await execute(interpreter, args, { signal });
  if (!success) throw new SetupError(`Cannot install PyTorch by pip: ${lastLine(stderr)}`);
  await Deno.writeTextFile(stamp, wanted);
}
