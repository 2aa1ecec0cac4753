/**
 * JupyterLab as its user starts it.
 *
 * @module
 */

import { root } from "$lib/setup/paths.ts";

/** A running `deno task lab`. */
export class Lab implements AsyncDisposable {
  private constructor(private readonly process: Deno.ChildProcess, readonly url: URL) {}

  /** Starts it, and waits for the address with its token. */
  static async start(): Promise<Lab> {
    const process = new Deno.Command(Deno.execPath(), {
      args: ["task", "lab", "--no-browser"],
      cwd: root,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const found = Promise.withResolvers<URL>();
    let log = "";
    const read = async (stream: ReadableStream<Uint8Array>) => {
      const decoder = new TextDecoder();
      for await (const bytes of stream) {
        log += decoder.decode(bytes, { stream: true });
        const url = log.match(/http:\/\/(?:127\.0\.0\.1|localhost):\d+\/\S*token=\w+/)?.[0];
        if (url) found.resolve(new URL(url));
      }
      found.reject(new Error(`deno task lab ended without an address: ${log}`));
    };
    read(process.stdout).catch(found.reject);
    read(process.stderr).catch(found.reject);
    const late = setTimeout(() => found.reject(new Error(`No address in 120 s: ${log}`)), 120_000);
    try {
      return new Lab(process, await found.promise);
    } catch (error) {
      process.kill("SIGTERM");
      throw error;
    } finally {
      clearTimeout(late);
    }
  }

  /** Calls the server's API. */
  // deno-lint-ignore no-explicit-any -- the answers' shapes are Jupyter's
  async api(path: string, method = "GET"): Promise<any> {
    const response = await fetch(new URL(`/api/${path}`, this.url), {
      method,
      headers: { authorization: `token ${this.url.searchParams.get("token")}` },
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return text ? JSON.parse(text) : undefined;
  }

  /** The address of a notebook in `notebooks/`, in a workspace without memories. */
  async address(name: string): Promise<string> {
    const top: { content: { name: string }[] } = await this.api("contents");
    const folder = top.content.some((entry) => entry.name === "notebooks") ? "notebooks/" : "";
    const path = `/lab/tree/${folder}${name}?token=${this.url.searchParams.get("token")}&reset`;
    return new URL(path, this.url).href;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.api("shutdown", "POST").catch(() => {}); // it may have ended by itself
    const kill = setTimeout(() => this.process.kill("SIGTERM"), 10_000);
    await this.process.status;
    clearTimeout(kill);
  }
}
