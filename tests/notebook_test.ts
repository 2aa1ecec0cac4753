/**
 * The notebook's helpers outside Jupyter, and what they would hand to it. That nothing gets lost in
 * a kernel is checked where notebooks are executed.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { fileURLToPath } from "node:url";
import { barText, bundleOf, progress, show, table } from "$lib/notebook.ts";
import { tableBundle } from "$lib/plots/table.ts";
import { examples } from "./plots_examples.ts";

Deno.test("bundleOf() hands over a figure as SVG, PNG and words", () => {
  const bundle = bundleOf(examples["digits"]!());
  assertEquals(Object.keys(bundle), ["image/svg+xml", "image/png", "text/plain"]);
  assert(atob(bundle["image/png"] ?? "").startsWith("\x89PNG"));
  assert(bundle["text/plain"]?.startsWith("The first 20 images"));
});

Deno.test("bundleOf() breaks a string's long lines only, and writes other values without colours", () => {
  assertEquals(bundleOf("a\nb"), { "text/plain": "a\nb" });
  const long = "nine char ".repeat(13).trimEnd();
  assertEquals(bundleOf(long)["text/plain"]?.split("\n").length, 2);
  assertEquals(bundleOf({ a: [1] }), { "text/plain": "{ a: [ 1 ] }" });
});

Deno.test("tableBundle() rounds, aligns and escapes", () => {
  const bundle = tableBundle([
    { name: "<CNN>", images: 50_000, loss: 0.0123456, norm: Infinity, share: ">99.9%" },
    { name: "MLP", images: 7, loss: -2, norm: null, share: "<0.1%" },
  ], { caption: "two & two" });
  assertEquals(
    bundle["text/plain"],
    [
      "two & two",
      "",
      "name   images     loss  norm   share",
      "─────  ──────  ───────  ────  ──────",
      "<CNN>  50,000  0.01235     ∞  >99.9%",
      "MLP         7       −2     –   <0.1%",
    ].join("\n"),
  );
  assert(bundle["text/html"]?.includes("<caption>two &amp; two</caption>"));
  assert(bundle["text/html"]?.includes(`<td style="text-align:left">&lt;CNN&gt;</td>`));
  assert(bundle["text/html"]?.includes(`<td style="text-align:right">50,000</td>`));
});

Deno.test("tableBundle() shows the columns asked for, by their headings, in order", () => {
  const rows = [{ a: 1, b: 2, c: 3 }];
  const bundle = tableBundle(rows, { columns: { c: "third", a: "first" } });
  assertEquals(bundle["text/plain"], "third  first\n─────  ─────\n    3      1");
});

Deno.test("tableBundle() takes no rows", () => {
  assertEquals(tableBundle([])["text/plain"], "\n");
});

Deno.test("show() and table() print outside Jupyter", async () => {
  const lines = await printed(async () => {
    await show("a", 1, examples["digits"]!());
    await table([{ a: 1 }]);
  });
  assertEquals(lines[0], "a");
  assertEquals(lines[1], "1");
  assert(lines[2]?.startsWith("The first 20 images"));
  assertEquals(lines[3], "a\n─\n1");
});

Deno.test("barText() tells share, time and time left", () => {
  const at = (done: number) => barText(done, 200, "work", 90);
  assertEquals(at(0), `work  ${"░".repeat(30)}  0%  1 min 30 s`);
  assertEquals(
    at(100),
    `work  ${"█".repeat(15)}${"░".repeat(15)}  50%  1 min 30 s, 1 min 30 s left`,
  );
  assertEquals(at(200), `work  ${"█".repeat(30)}  100%  1 min 30 s`);
  assert(at(300).includes("100%"), "never more than all");
  assert(barText(0, 0, "nothing", 0).includes("0%"));
});

Deno.test("progress() leaves no timer, and draws nothing while there is no terminal", async () => {
  const bar = progress(3, "work");
  for (let i = 0; i < 1000; i++) bar.update(i / 500);
  await bar.end("done"); // Deno's test sanitizers would find a timer left behind
});

// In a process of its own, as a SIGINT ends `deno test`.
Deno.test("onInterrupt() gives a fresh signal after each SIGINT; one unheard ends a script", async () => {
  const script = `
    import { onInterrupt } from "$lib/notebook.ts";
    const first = onInterrupt();
    first.addEventListener("abort", () => {
      console.log("first", first.reason.name, first === onInterrupt(), onInterrupt().aborted);
      onInterrupt().addEventListener("abort", () => console.log("second"));
    });
    console.log("ready", first === onInterrupt());
    await new Promise((resolve) => setTimeout(resolve, 20_000));`;
  const config = fileURLToPath(new URL("../deno.json", import.meta.url));
  const file = await Deno.makeTempFile({ suffix: ".ts" });
  await Deno.writeTextFile(file, script);
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-q", "-A", "--no-check", "--config", config, file],
    stdout: "piped",
  }).spawn();
  const said = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  try {
    for (const line of ["ready true\n", "first AbortError false false\n", "second\n"]) {
      assertEquals((await said.read()).value, line);
      child.kill("SIGINT");
    }
    assertEquals((await child.status).signal, "SIGINT");
  } finally {
    await said.cancel();
    await Deno.remove(file);
  }
});

/** What is printed meanwhile. */
async function printed(work: () => Promise<void>): Promise<string[]> {
  const lines: string[] = [];
  const log = console.log;
  console.log = (line: string) => lines.push(line);
  try {
    await work();
  } finally {
    console.log = log;
  }
  return lines;
}
