/**
 * PyTorch's side as a process of its own: installed when first asked for, and asked line by line.
 *
 * @module
 */
import { createInterface, type Interface } from "node:readline";
import { Readable } from "node:stream";
import { join } from "node:path";
import { createEnvironment, findPython, pipOptions } from "$lib/setup/environment.ts";
import { execute, exists, lastLine, SetupError } from "$lib/setup/host.ts";
import { lab, root } from "$lib/setup/paths.ts";
import type { Side } from "./alternate.ts";

const environment = join(lab, "torch");
const interpreter = join(environment, "bin", "python");
const peers = join(root, "bench", "peers");

/** Installs PyTorch into an environment of its own, if it is not there. */
async function install(say: (line: string) => void, signal: AbortSignal): Promise<void> {
  const stamp = join(environment, "ready");
  const requirements = join(peers, "requirements.txt");
  const wanted = await Deno.readTextFile(requirements);
  if (await exists(stamp) && await Deno.readTextFile(stamp) === wanted) return;
  say("PyTorch: installing (some gigabytes, a minute or more), once");
  const python = await findPython("PyTorch runs on it", { signal });
  await createEnvironment(python, environment, { signal });
  const args = ["-m", "pip", "install", "-q", ...pipOptions, "-r", requirements];
  const { success, stderr } = await execute(interpreter, args, { signal });
  if (!success) throw new SetupError(`Cannot install PyTorch by pip: ${lastLine(stderr)}`);
  await Deno.writeTextFile(stamp, wanted);
}

/** PyTorch, ready to be timed; dispose it to end its process. */
export class Torch implements AsyncDisposable {
  private constructor(
    private readonly child: Deno.ChildProcess,
    private readonly lines: AsyncIterator<string>,
    private readonly input: WritableStreamDefaultWriter<Uint8Array>,
    readonly version: string,
  ) {}

  /** Starts it, with as many threads as TensorFlow has. */
  static async start(
    { digits, threads, say, signal }: {
      /** Folder with the four IDX files. */
      digits: string;
      threads: number;
      say: (line: string) => void;
      signal: AbortSignal;
    },
  ): Promise<Torch> {
    await install(say, signal);
    const child = new Deno.Command(interpreter, {
      args: [join(peers, "torch_side.py"), digits, String(threads)],
      stdin: "piped",
      stdout: "piped",
      signal,
    }).spawn();
    const reader: Interface = createInterface({ input: Readable.fromWeb(child.stdout as never) });
    const lines = reader[Symbol.asyncIterator]();
    const { value } = await lines.next();
    if (!value?.startsWith("ready ")) throw new Error("Cannot start PyTorch's side: see above");
    return new Torch(child, lines, child.stdin.getWriter(), value.slice("ready ".length));
  }

  /** One work of `torch_side.py`, such as `step MLP`. */
  side(work: string): Side {
    return async (repeats) => {
      await this.input.write(new TextEncoder().encode(`${work} ${repeats}\n`));
      const { value, done } = await this.lines.next();
      if (done) throw new Error(`Cannot time ${work}: PyTorch's side ended, see above`);
      return Number(value);
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.input.close();
    await this.child.status;
  }
}
