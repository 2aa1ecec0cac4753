import { assertEquals } from "@std/assert";
import { join } from "node:path";
import { notebookNames } from "$lib/report/files.ts";

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
