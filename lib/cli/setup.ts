/**
 * `deno task setup`: makes ready what the other tasks need; they call it too, with `--for`.
 *
 * @module
 */
import { forget, readTaken } from "../setup/native.ts";
import { prepare, type Purpose, steps, unready } from "../setup/prepare.ts";
import { type Call, choice, type Command, flag, runCommand } from "./command.ts";
import { noMore } from "./options.ts";

const options = {
  for: choice<Purpose>("what", "what to make ready", ["commands", "notebooks"], "notebooks"),
  "if-needed": flag("say nothing if all is ready, and keep to what was settled the last time"),
  check: flag("only say what is not ready; exit code 1 if anything is"),
};

/** The command, as `--help` shows it. */
export const setup: Command<typeof options> = {
  name: "setup",
  summary: "Makes ready what the other tasks need: npm packages, TensorFlow and JupyterLab.",
  arguments: "",
  options,
  examples: [
    ["setup", "makes everything ready; tries again what could not be had the last time"],
    ["setup --for commands", "leaves out JupyterLab, and so needs no Python for it"],
  ],
  notes: [
    "All it makes lies in .lab/ and node_modules/ of this folder; delete both to start over.",
    "Every task does this by itself. It may be interrupted at any moment and run twice at once.",
  ],
  whenInterrupted: "the same command goes on with what is missing",
  run,
};

async function run({ values, positionals, json, signal }: Call<typeof options>) {
  noMore(positionals);
  const start = performance.now();
  const asked = !values["if-needed"];
  // A way round a missing tool or host is kept quietly by the other tasks, but not when asked.
  if (asked && !values.check && (await readTaken())?.way !== "wheel") forget();
  const open = await unready(steps[values.for]);
  if (values.check) {
    if (open.length > 0) throw new Error(`not ready: ${open.map(({ name }) => name).join(", ")}`);
  } else if (open.length > 0) {
    const failures = await prepare(open, { say: (line) => console.error(line), signal });
    if (failures.length > 0) throw new Error(failures.map(({ message }) => message).join("; "));
  }
  const tensorflow = (await readTaken())?.way ?? "none";
  const seconds = (performance.now() - start) / 1000;
  if (asked && !json) {
    const slow = tensorflow === "none" ? ", but without TensorFlow's native part: slow" : "";
    console.log(
      `Everything is ready${open.length > 0 ? ` in ${seconds.toFixed(0)} s` : ""}${slow}`,
    );
  }
  return { ready: true, made: open.map(({ name }) => name), tensorflow, seconds };
}

if (import.meta.main) Deno.exit(await runCommand(setup, Deno.args));
