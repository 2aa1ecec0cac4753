/**
 * A Jupyter server of one's own on 127.0.0.1, which starts Deno kernels.
 *
 * @module
 */

import { Kernel } from "./kernel.ts";

/** How to run Jupyter. */
export interface Jupyter {
  /** Starts a server that ends when its standard input closes. */
  command: readonly [string, ...string[]];
  /** The environment, on top of this process's own. */
  env: Record<string, string>;
}

/** How long the server may take to answer first. */
const START_MS = 60_000;

/** How long the server may take to end its kernels; one that computes must be killed by it. */
const END_MS = 15_000;

/** A Jupyter server that runs until it is disposed. */
export class Server implements AsyncDisposable {
  private constructor(
    private readonly process: Deno.ChildProcess,
    readonly url: string,
    private readonly token: string,
  ) {}

  /**
   * Starts a server.
   *
   * @param jupyter Which command, and its environment.
   * @param root The folder that kernels' paths start from.
   * @throws {Error} If it does not answer in a minute.
   */
  static async start(jupyter: Jupyter, root: string, signal?: AbortSignal): Promise<Server> {
    const token = crypto.randomUUID();
    const port = freePort();
    const [program, ...first] = jupyter.command;
    const process = new Deno.Command(program, {
      args: [
        ...[...first, "--no-browser", "--allow-root", "--ServerApp.ip=127.0.0.1"],
        ...[`--ServerApp.port=${port}`, "--ServerApp.port_retries=0"],
        `--ServerApp.root_dir=${root}`,
        // A dead kernel is an error; started anew it would only hide that.
        "--AsyncIOLoopKernelRestarter.restart_limit=0",
        // A kernel that computes hears no request to end, and has nothing to save.
        "--KernelManager.shutdown_wait_time=1",
        // The limit on messages a second drops figures without a word.
        ...["--ZMQChannelsWebsocketConnection.limit_rate=False", "--log-level=ERROR"],
      ],
      // In the environment, as others could read the command line.
      env: { ...jupyter.env, JUPYTER_TOKEN: token },
      // Out of the terminal's reach: Ctrl-C is ours to handle.
      detached: true,
      // Open as long as this process lives: where it is killed, the server ends too.
      stdin: "piped",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    const server = new Server(process, `http://127.0.0.1:${port}`, token);
    const log = new Response(process.stderr).text();
    try {
      await server.#answer(log, signal);
      return server;
    } catch (error) {
      await server[Symbol.asyncDispose]();
      throw error;
    }
  }

  async #answer(log: Promise<string>, signal?: AbortSignal): Promise<void> {
    let exited = false;
    this.process.status.then(() => exited = true);
    for (const deadline = Date.now() + START_MS; Date.now() < deadline;) {
      signal?.throwIfAborted();
      if (exited) throw new Error(`Cannot start the Jupyter server: ${(await log).trim()}`);
      try {
        const response = await this.request("GET", "api/status");
        await response.body?.cancel();
        return;
      } catch { // not listening yet
        await delay(100);
      }
    }
    throw new Error("Cannot start the Jupyter server as it must answer within a minute");
  }

  /** Calls the server's API, e.g. `request("POST", "api/kernels", {...})`. */
  async request(method: string, path: string, body?: unknown): Promise<Response> {
    const response = await fetch(`${this.url}/${path}`, {
      method,
      headers: { authorization: `token ${this.token}` },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    if (response.ok) return response;
    throw new Error(`Cannot ${method} ${path}: ${response.status} ${await response.text()}`);
  }

  /**
   * Starts a Deno kernel.
   *
   * @param folder Its working folder, relative to the server's root.
   */
  async kernel(folder: string): Promise<Kernel> {
    const answer = await this.request("POST", "api/kernels", { name: "deno", path: folder });
    const { id } = await answer.json();
    const socket = new WebSocket(
      `${this.url.replace("http", "ws")}/api/kernels/${id}/channels?token=${this.token}`,
    );
    await new Promise((resolve, reject) => {
      socket.onopen = resolve;
      socket.onerror = () => reject(new Error("Cannot reach the kernel through its WebSocket"));
    });
    const kernel = new Kernel(this, id, socket);
    await kernel.ready();
    return kernel;
  }

  /** Ends the server, its kernels with it. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.process.kill("SIGTERM");
    } catch { // it has ended already
    }
    const kill = setTimeout(() => this.process.kill("SIGKILL"), END_MS);
    await this.process.status;
    clearTimeout(kill);
    await this.process.stdin.close().catch(() => {}); // it broke when the server ended
  }
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
