import { assertEquals } from "@std/assert";
import { join } from "node:path";
import {
  cachedExecution,
  checkoutOf,
  checkoutState,
  keepExecution,
  notebookNames,
} from "$lib/report/files.ts";
import { formatNotebook } from "$lib/report/notebook.ts";

Deno.test("notebookNames() takes numbered notebooks, in order, and nobody's scratch paper", async () => {
  const folder = await Deno.makeTempDir();
  try {
    for (
      const name of [
        ...["02-training.ipynb", "01-data.ipynb", "01-data-Copy1.ipynb", "Untitled.ipynb"],
        ...["in-the-browser.ipynb", "03-attacks.md"],
      ]
    ) await Deno.writeTextFile(join(folder, name), "");
    await Deno.mkdir(join(folder, "04-folder.ipynb"));
    assertEquals(await notebookNames(folder), ["01-data", "02-training"]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("an execution is found again under its key, with how it was made, and under no other", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const path = join(folder, "01-data.ipynb");
    const made = {
      date: "2026-11-21",
      seconds: 1,
      networks: [],
      tables: [],
      versions: {},
      cores: 2,
    };
    await keepExecution(path, "key", { notebook: { cells: [] }, made });
    assertEquals(await cachedExecution(path, "key"), { notebook: { cells: [] }, made });
    assertEquals(await cachedExecution(path, "other"), undefined);
    await Deno.writeTextFile(path, (await Deno.readTextFile(path)).slice(0, 50));
    assertEquals(await cachedExecution(path, "key"), undefined);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("the checkout's state names files that results rest on, and notebooks whose cells differ", async () => {
  const folder = await Deno.makeTempDir();
  const git = async (...args: string[]) => {
    const identity = ["-c", "user.name=a", "-c", "user.email=a@b.c"];
    await new Deno.Command("git", { args: [...identity, ...args], cwd: folder }).output();
  };
  const notebook = (source: string, text: string) =>
    Deno.writeTextFile(
      join(folder, "notebooks", "01-data.ipynb"),
      formatNotebook({
        cells: [{
          id: "a",
          kind: "code",
          source,
          tags: [],
          outputs: [{ output_type: "stream", name: "stdout", text }],
        }],
      }),
    );
  const state = async () => {
    const { commit, changed } = await checkoutOf(await checkoutState(folder), folder, "01-data");
    return { commit: commit !== undefined, changed };
  };
  try {
    for (const name of ["notebooks", "lib/cli"]) {
      await Deno.mkdir(join(folder, name), { recursive: true });
    }
    await Deno.writeTextFile(join(folder, "lib", "norms.ts"), "1");
    await notebook("1", "out");
    assertEquals(await state(), { commit: false, changed: [] });
    await git("init", "-q");
    await git("add", ".");
    await git("commit", "-q", "-m", "one");
    assertEquals(await state(), { commit: true, changed: [] });
    await notebook("1", "other");
    await Deno.writeTextFile(join(folder, "lib", "cli", "report.ts"), "2");
    assertEquals(await state(), { commit: true, changed: [] });
    await notebook("2", "out");
    await Deno.writeTextFile(join(folder, "lib", "norms.ts"), "2");
    await Deno.writeTextFile(join(folder, "lib", "new file.ts"), "2");
    assertEquals(await state(), {
      commit: true,
      changed: ["notebooks/01-data.ipynb", "lib/norms.ts", "lib/new file.ts"],
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
