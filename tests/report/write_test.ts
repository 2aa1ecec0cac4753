import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import type { Notebook } from "$lib/report/notebook.ts";
import { type Executed, writeChapters, writeReport } from "$lib/report/write.ts";

const notebook: Notebook = {
  cells: [{ id: "a", kind: "markdown", source: "# 1. X\n\nSee.", tags: [], outputs: [] }],
};

function executed(name: string, ...changed: string[]): Executed {
  const made = { networks: [], tables: [], versions: {}, cores: 2, date: "2026-11-21", seconds: 1 };
  return { name, notebook, checkout: { commit: "3017615abcdef", changed }, made };
}

async function inFolder(part: (out: string) => Promise<void>): Promise<void> {
  const out = await Deno.makeTempDir();
  try {
    await part(out);
  } finally {
    await Deno.remove(out, { recursive: true });
  }
}

async function namesIn(folder: string): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(folder), ({ name }) => name)).toSorted();
}

Deno.test("writeReport() leaves one page, and says of the whole what differs in any chapter", () =>
  inFolder(async (out) => {
    const picture = join(out, "picture.svg");
    await Deno.writeTextFile(picture, "<svg><g/></svg>\n");
    await Deno.writeTextFile(join(out, "01-old.html"), "");
    await Deno.writeTextFile(join(out, "report.pdf"), "");
    const all = [executed("01-data", "lib/a.ts"), executed("02-training", "lib/a.ts", "lib/b.ts")];
    const path = await writeReport(all, { out, picture, note: " · small" });
    assertEquals(await namesIn(out), ["index.html", "picture.svg"]);
    const html = await Deno.readTextFile(path);
    assertStringIncludes(html, "<svg><g/></svg>");
    assertStringIncludes(html, "with uncommitted changes in lib/a.ts and 1 more · small");
    assertEquals(html.match(/<aside class="made">/g)?.length, 2);
  }));

Deno.test("writeChapters() writes pages beside the report", () =>
  inFolder(async (out) => {
    await Deno.writeTextFile(join(out, "index.html"), "the report");
    const [path] = await writeChapters([executed("01-data")], out);
    assertEquals(await namesIn(out), ["01-data.html", "index.html"]);
    const html = await Deno.readTextFile(path!);
    assert(!html.includes('id="contents"') && html.includes('id="chapter-1"'));
    assertEquals(await Deno.readTextFile(join(out, "index.html")), "the report");
  }));
