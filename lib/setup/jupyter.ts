/**
 * What `deno task lab` and `deno task report` share: how Jupyter is started and where it keeps things.
 *
 * @module
 */
import { delimiter, join } from "node:path";
import { lab, python, root } from "./paths.ts";

/**
 * Gives the environment variables that Jupyter's commands need on top of the user's own.
 *
 * - `PATH` starts with a folder that holds the running Deno as `deno`, so that the committed
 *   kernelspec finds it also for those who came by `npx` and have no `deno` of their own; this
 *   function makes the folder (`.lab/bin`).
 * - `JUPYTER_PATH` points at the committed kernelspec, `JUPYTER_CONFIG_PATH` at committed settings.
 * - The other folders move Jupyter's settings, connection files and history into `.lab/jupyter`,
 *   so that nothing outside the checkout changes and the user's own Jupyter stays out of it.
 *
 * Start Jupyter by {@linkcode jupyterCommand} or {@linkcode serverCommand}, with the notebook's folder as working folder.
 *
 * ```ts ignore
 * const [command, ...args] = jupyterCommand("nbconvert", "--to", "html", "01-data.ipynb");
 * const env = await jupyterEnvironment();
 * await new Deno.Command(command, { args, env, cwd: "notebooks" }).spawn().status;
 * ```
 */
export async function jupyterEnvironment(): Promise<Record<string, string>> {
  const own = join(lab, "jupyter");
  const bin = join(lab, "bin");
  await linkDeno(bin);
  return {
    PATH: [bin, Deno.env.get("PATH") ?? ""].join(delimiter),
    JUPYTER_PATH: join(root, "notebooks", ".jupyter"),
    // Settings that differ from JupyterLab's own: no question about news.
    JUPYTER_CONFIG_PATH: join(root, "notebooks", ".jupyter"),
    JUPYTER_CONFIG_DIR: join(own, "config"),
    JUPYTER_DATA_DIR: join(own, "data"),
    JUPYTER_RUNTIME_DIR: join(own, "runtime"),
    IPYTHONDIR: join(own, "ipython"),
    // The modules belong to the checkout's own environment: nothing of the user's may shadow them.
    PYTHONNOUSERSITE: "1",
  };
}

/**
 * Gives the command line that starts nbconvert.
 *
 * It goes through the interpreter and a module's name: the scripts beside the interpreter hold
 * absolute paths and so break when the checkout moves.
 */
export function jupyterCommand(program: "nbconvert", ...args: string[]): [string, ...string[]] {
  return [python, "-m", program, ...args];
}

/**
 * Gives the command line that starts JupyterLab or a bare server, to be spawned with
 * `stdin: "piped"`: the server ends, and its kernels with it, when that pipe closes, which it does
 * also where this process is killed. Keep a reference to the child, or the pipe goes with it.
 */
export function serverCommand(
  program: "jupyterlab" | "jupyter_server",
  ...args: string[]
): [string, ...string[]] {
  return [python, join(root, "python", "while_open.py"), program, ...args];
}

/**
 * Makes `<bin>/deno` start the running Deno; several processes may do so at once.
 *
 * A script, as making a link takes the permission to write everywhere.
 */
async function linkDeno(bin: string): Promise<void> {
  const file = join(bin, "deno");
  const script = `#!/bin/sh\nexec '${Deno.execPath().replaceAll("'", `'\\''`)}' "$@"\n`;
  if (await Deno.readTextFile(file).catch(() => undefined) === script) return;
  await Deno.mkdir(bin, { recursive: true });
  const temporary = `${file}.${crypto.randomUUID()}.tmp`;
  await Deno.writeTextFile(temporary, script, { mode: 0o755 });
  await Deno.rename(temporary, file);
}
