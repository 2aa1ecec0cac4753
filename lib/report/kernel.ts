/**
 * A running Deno kernel: cells in, outputs out, over the WebSocket that JupyterLab uses too.
 *
 * Outputs are filed by the request they answer, not by when they come: this kernel's "idle" can
 * overtake a cell's results, which clients that stop listening at "idle" then lose.
 *
 * @module
 */

import { type Output, parseOutput } from "./notebook.ts";

/** What one execution came to. More outputs may still arrive when it is handed out. */
export interface Execution {
  outputs: Output[];
  error?: { name: string; message: string; traceback: string[] };
}

/** Late outputs came within 50 ms in all trials; twice that costs a notebook two seconds. */
const SETTLE_MS = 100;

/** How long a kernel may take to answer first. */
const START_MS = 60_000;

interface Pending extends Execution {
  replied: boolean;
  idle: boolean;
  resolve: () => void;
  reject: (reason: unknown) => void;
}

/** The part of a server that its kernels use. */
export interface Requests {
  request(method: string, path: string): Promise<Response>;
}

/** A running kernel. */
export class Kernel implements AsyncDisposable {
  readonly #session = crypto.randomUUID();
  readonly #executions = new Map<string, Pending>();
  /** Where an updatable display went, by its id. */
  readonly #displays = new Map<string, { outputs: Output[]; index: number }[]>();
  #closed = false;

  constructor(
    private readonly server: Requests,
    private readonly id: string,
    private readonly socket: WebSocket,
  ) {
    socket.onmessage = ({ data }) => this.#receive(JSON.parse(data));
    socket.onclose = () => this.#fail("the connection to the kernel broke off");
  }

  /** Resolves once the kernel runs code; a request sent too early can stay without an answer. */
  async ready(): Promise<void> {
    for (const deadline = Date.now() + START_MS; Date.now() < deadline;) {
      const first = this.execute("0", AbortSignal.timeout(5000));
      if (await first.then(() => true, () => false)) return;
    }
    throw new Error("Cannot start the Deno kernel as it must answer within a minute");
  }

  /**
   * Runs one cell.
   *
   * @throws The signal's reason, when aborted. The cell may go on until the kernel is disposed.
   * @throws {Error} If the kernel dies.
   */
  async execute(code: string, signal?: AbortSignal): Promise<Execution> {
    signal?.throwIfAborted();
    const id = crypto.randomUUID();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const execution: Pending = { outputs: [], replied: false, idle: false, resolve, reject };
    this.#executions.set(id, execution);
    const stop = () => reject(signal?.reason);
    signal?.addEventListener("abort", stop, { once: true });
    try {
      if (this.#closed) throw new Error("Cannot run a cell as the kernel has ended");
      this.#send(id, code);
      await promise;
    } finally {
      signal?.removeEventListener("abort", stop);
    }
    await delay(SETTLE_MS);
    return execution;
  }

  #send(id: string, code: string): void {
    this.socket.send(JSON.stringify({
      channel: "shell",
      header: {
        msg_id: id,
        msg_type: "execute_request",
        session: this.#session,
        username: "lab",
        date: new Date().toISOString(),
        version: "5.3",
      },
      parent_header: {},
      metadata: {},
      content: {
        code,
        silent: false,
        store_history: true,
        user_expressions: {},
        allow_stdin: false,
        stop_on_error: true,
      },
      buffers: [],
    }));
  }

  #receive(message: Message): void {
    const { content } = message;
    const type = message.header.msg_type;
    if (type === "status" && /dead|restarting/.test(String(content.execution_state))) {
      this.#fail("the kernel died");
      return;
    }
    const execution = this.#executions.get(message.parent_header.msg_id ?? "");
    if (!execution) return;
    if (type === "execute_reply") execution.replied = true;
    else if (type === "status") execution.idle ||= content.execution_state === "idle";
    else this.#file(execution, type, content);
    if (execution.replied && execution.idle) execution.resolve();
  }

  #file(execution: Execution, type: string, content: Message["content"]): void {
    const { outputs } = execution;
    const transient = content.transient as { display_id?: string } | undefined; // by the protocol
    const display = transient?.display_id;
    if (type === "clear_output") {
      outputs.length = 0;
    } else if (type === "update_display_data") {
      const update = parseOutput({ ...content, output_type: "display_data" });
      for (const place of this.#displays.get(display ?? "") ?? []) {
        place.outputs[place.index] = update;
      }
    } else if (/^(stream|display_data|execute_result|error)$/.test(type)) {
      const output = parseOutput({ ...content, output_type: type });
      if (output.output_type === "error") {
        const { ename, evalue, traceback } = output;
        execution.error = { name: ename, message: evalue, traceback };
      }
      const last = outputs.at(-1);
      if (
        output.output_type === "stream" && last?.output_type === "stream" &&
        last.name === output.name
      ) {
        last.text += output.text;
        return;
      }
      const index = outputs.push(output) - 1;
      if (!display) return;
      this.#displays.set(display, [...this.#displays.get(display) ?? [], { outputs, index }]);
    }
  }

  #fail(reason: string): void {
    this.#closed = true;
    for (const { reject } of this.#executions.values()) {
      reject(new Error(reason));
    }
  }

  /** Ends the kernel. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.onclose = null;
    this.#fail("the kernel was closed");
    this.socket.close();
    try {
      const response = await this.server.request("DELETE", `api/kernels/${this.id}`);
      await response.body?.cancel();
    } catch { // it has died already
    }
  }
}

interface Message {
  header: { msg_type: string };
  parent_header: { msg_id?: string };
  content: Record<string, unknown>;
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
