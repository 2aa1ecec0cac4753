/**
 * `deno task lab`: opens JupyterLab on the notebooks, for this machine only and behind a token.
 *
 * @module
 */
import { join } from "node:path";
import { jupyterEnvironment, serverCommand } from "../setup/jupyter.ts";
import { root } from "../setup/paths.ts";
import { type Call, type Command, exitCode, flag, number, runCommand } from "./command.ts";
import { noMore } from "./options.ts";

/** JupyterLab's usual port; where it is taken and none was asked for, the next free one serves. */
const PORT = 8888;

const options = {
  port: number("n", "the port to listen on (default: the first free one from 8888)", {
    min: 1,
    max: 65535,
    integer: true,
  }),
  "no-browser": flag("only print the address (also without a display, and for root)"),
};

const command: Command<typeof options> = {
  name: "lab",
  summary: "Opens JupyterLab on the notebooks, at 127.0.0.1 behind a token.",
  arguments: "[NOTEBOOK]",
  options,
  examples: [
    ["lab", "opens the folder of notebooks in the browser and prints its address"],
    ["lab 03-attacks.ipynb --port 9000", "opens one notebook, at a port of your choice"],
  ],
  notes: [
    "Ctrl-C ends it. Settings, history and connection files stay in .lab/jupyter.",
    "With --json the object holds `url` and comes once the address answers.",
  ],
  run,
};

/** The running server: the command's answer comes before its end. */
let server: Deno.ChildProcess | undefined;

async function run({ values, positionals, say, signal }: Call<typeof options>) {
  const [notebook = "", ...others] = positionals;
  noMore(others);
  // Not on the command line, where every user of the machine could read it.
  const token = crypto.randomUUID().replaceAll("-", "");
  const browser = !values["no-browser"] && hasDisplay();
  if (values.port !== undefined && !isFree(values.port)) {
    throw new Error(
      `Cannot open JupyterLab as --port must be free: current value is ${values.port}, which is taken`,
    );
  }
  let port = values.port ?? freePort();
  while (!await opens({ port, notebook, token, browser }, signal)) {
    // Somebody else may have taken the port meanwhile.
    const next = values.port ?? freePort();
    if (next === port) {
      throw new Error("Cannot open JupyterLab: its server ended with the lines above");
    }
    port = next;
  }
  const path = notebook === "" ? "lab" : `lab/tree/${encodeURIComponent(notebook)}`;
  const url = `http://127.0.0.1:${port}/${path}?token=${token}`;
  say(`JupyterLab is open at ${url}`);
  say("Ctrl-C ends it.");
  return { url };
}

interface Opening {
  port: number;
  notebook: string;
  token: string;
  browser: boolean;
}

/** Starts a server and waits for its first answer; false if it ended instead. */
async function opens(opening: Opening, signal: AbortSignal): Promise<boolean> {
  const { port, notebook, token, browser } = opening;
  const isRoot = Deno.uid() === 0;
  const [program, ...args] = serverCommand(
    "jupyterlab",
    ...(notebook === "" ? [] : [notebook]),
    ...(isRoot ? ["--allow-root"] : []),
    // Browsers refuse to run as root.
    ...(browser && !isRoot ? [] : ["--no-browser"]),
    ...[`--ServerApp.port=${port}`, "--ServerApp.port_retries=0"],
    ...serverOptions,
  );
  const child = server = new Deno.Command(program, {
    args,
    env: { ...await jupyterEnvironment(), JUPYTER_TOKEN: token },
    cwd: join(root, "notebooks"),
    // Open as long as this process lives: where it is killed, the server ends too.
    stdin: "piped",
    // Standard output is the command's own.
    stdout: "null",
  }).spawn();
  let ended = false;
  child.status.then(() => ended = true);
  for (;;) {
    const answer = await answers(port, token);
    if (answer === 200) return true;
    // An answer to others only (403): the port was taken while the server started.
    if (!ended && (signal.aborted || answer !== undefined)) {
      child.kill("SIGTERM");
      await child.status;
    }
    signal.throwIfAborted();
    if (ended) return false;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** What does not depend on the command line. */
const serverOptions = [
  "--ServerApp.ip=127.0.0.1",
  "--log-level=WARN",
  // Ctrl-C ends the server without a question, as it ends any other command.
  "--ServerApp.answer_yes=True",
  // The limit on messages a second drops figures without a word.
  "--ZMQChannelsWebsocketConnection.limit_rate=False",
  // No kernel but the lab's own.
  "--KernelSpecManager.ensure_native_kernel=False",
  "--KernelSpecManager.allowed_kernelspecs=deno",
  "--MultiKernelManager.default_kernel_name=deno",
  // Nothing goes to any other machine, and no question whether it may.
  "--LabApp.news_url=None",
  "--LabApp.extension_manager=readonly",
  "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
];

function hasDisplay(): boolean {
  return Deno.build.os === "darwin" ||
    ["DISPLAY", "WAYLAND_DISPLAY"].some((name) => (Deno.env.get(name) ?? "") !== "");
}

/** The status with which a server answers this run's token, if any answers. */
async function answers(port: number, token: string): Promise<number | undefined> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}/api/status`, {
      headers: { authorization: `token ${token}` },
    });
    await response.body?.cancel();
    return response.status;
  } catch {
    return undefined;
  }
}

/** Finds a port that nobody listens on. */
function freePort(): number {
  for (let port = PORT; port < PORT + 100; port++) {
    if (isFree(port)) return port;
  }
  throw new Error(
    `Cannot open JupyterLab as it needs a port: ${PORT} to ${PORT + 99} are taken; choose --port`,
  );
}

function isFree(port: number): boolean {
  try {
    Deno.listen({ hostname: "127.0.0.1", port }).close();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) return false;
    throw error;
  }
}

/** Waits for the server's end; Ctrl-C and SIGTERM are passed on as a request for a tidy one. */
async function untilEnded(running: Deno.ChildProcess): Promise<number> {
  let code: number = exitCode.failed;
  const stop = () => {
    code = exitCode.interrupted;
    try {
      running.kill("SIGTERM");
    } catch { // it has ended already, as a terminal sends Ctrl-C to it too
    }
  };
  for (const name of ["SIGINT", "SIGTERM"] as const) Deno.addSignalListener(name, stop);
  const { success } = await running.status;
  return success && code === exitCode.failed ? exitCode.done : code;
}

if (import.meta.main) {
  const code = await runCommand(command, Deno.args);
  Deno.exit(code === exitCode.done && server !== undefined ? await untilEnded(server) : code);
}
