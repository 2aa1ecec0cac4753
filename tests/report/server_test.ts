/**
 * A Jupyter server ends with the process that started it, however that one ends.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { join } from "node:path";
import { Server } from "$lib/report/server.ts";
import { root } from "$lib/setup/paths.ts";

const wrapper = join(root, "python", "while_open.py");

/** Answers every request, and when told to end says so in a file, as a server ends its kernels. */
const standIn = `
import http.server, os, signal, sys

def end(*_):
    open(os.environ["ENDED"], "w").close()
    os._exit(0)

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
    def log_message(self, *_):
        pass

signal.signal(signal.SIGTERM, end)
port = next(int(a.split("=")[1]) for a in sys.argv if a.startswith("--ServerApp.port="))
http.server.HTTPServer(("127.0.0.1", port), Handler).serve_forever()
`;

async function withStandIn(
  use: (
    jupyter: { command: [string, ...string[]]; env: Record<string, string> },
    ended: string,
  ) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(join(folder, "stand_in.py"), standIn);
    const ended = join(folder, "ended");
    const env = { PYTHONPATH: folder, ENDED: ended };
    await use({ command: ["python3", wrapper, "stand_in"], env }, ended);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("a Server ends tidily when it is disposed", async () => {
  await withStandIn(async (jupyter, ended) => {
    {
      await using server = await Server.start(jupyter, root);
      const response = await server.request("GET", "api/status");
      await response.body?.cancel();
      assertEquals(await exists(ended), false);
    }
    assert(await exists(ended));
  });
});

Deno.test("a Server ends tidily when the process that started it is killed", async () => {
  await withStandIn(async (jupyter, ended) => {
    const parent = new Deno.Command(Deno.execPath(), {
      args: [
        ...["run", "-q", "--no-prompt", "--allow-read", "--allow-env"],
        ...["--allow-net=127.0.0.1", "--allow-run=python3", "-"],
      ],
      cwd: root,
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    const writer = parent.stdin.getWriter();
    await writer.write(new TextEncoder().encode(`
      import { Server } from "$lib/report/server.ts";
      const server = await Server.start(${JSON.stringify(jupyter)}, ${JSON.stringify(root)});
      console.log(server.url);
      await new Promise((resolve) => setTimeout(resolve, 60_000));`));
    await writer.close();
    const reader = parent.stdout.pipeThrough(new TextDecoderStream()).getReader();
    const { value } = await reader.read();
    assert(value?.startsWith("http://127.0.0.1:"), value);
    assertEquals(await exists(ended), false);
    parent.kill("SIGKILL");
    await parent.status;
    await reader.cancel();
    for (let i = 0; i < 100 && !await exists(ended); i++) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    assert(await exists(ended), "the server goes on");
  });
});

function exists(path: string): Promise<boolean> {
  return Deno.stat(path).then(() => true, () => false);
}
