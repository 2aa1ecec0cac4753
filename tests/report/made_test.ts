import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { commitText, type Made, madeHtml } from "$lib/report/made.ts";
import type { Cell } from "$lib/report/notebook.ts";

const made: Made = {
  date: "2026-11-21T11:30:00.000Z",
  seconds: 41.6,
  networks: [{ network: "CNN_d", weightsSha256: "0123456789abcdef", seed: "0" }],
  tables: [{ file: "data/norms.parquet", sha256: "fedcba9876543210", rows: 28000, seeds: [0] }],
  versions: { Deno: "2.9.6", TensorFlow: "2.20.0" },
  cores: 2,
};
const clean = { commit: "3017615abcdef012", changed: [] };

function code(source: string, ...tags: string[]): Cell {
  return { id: source, kind: "code", source, tags, outputs: [] };
}

Deno.test("madeHtml() states commit, time, networks, tables and versions", () => {
  const html = madeHtml({ cells: [] }, clean, made);
  for (
    const fact of [
      ...["<code>3017615abc</code>", "2026-11-21", "42 s on 2 cores"],
      ...["CNN_d: weights <code>0123456789</code>, trained with seed 0", "Deno 2.9.6"],
      "data/norms.parquet <code>fedcba9876</code>, 28,000 rows, seed 0",
    ]
  ) assertStringIncludes(html, fact);
});

Deno.test("madeHtml() names networks in one order, however they were read", () => {
  const networks = ["MLP", "CNN_d", "CNN+decay:0.1", "CNN"].map((network) => (
    { network, weightsSha256: "0123456789abcdef", seed: "0" }
  ));
  const html = (read: Made["networks"]) =>
    madeHtml({ cells: [] }, clean, { ...made, networks: read });
  const named = [...html(networks).matchAll(/([\w+:.]+): weights/g)].map(([, name]) => name);
  assertEquals(named, ["CNN", "CNN+decay:0.1", "CNN_d", "MLP"]);
  assertEquals(html(networks.toReversed()), html(networks));
});

Deno.test("madeHtml() takes parameters as they were in the end, and all seeds", () => {
  const cells = [
    code("const norm = 1.5; // L2\nconst seed = 0;", "parameters"),
    code("const norm = 3;", "injected-parameters"),
    code("await minNorm(network, digits, { p: 2, seed: 7, splitSeed: 3 });"),
  ];
  const html = madeHtml({ cells }, clean, made);
  assertStringIncludes(html, "<dd><code>norm = 3</code>, <code>seed = 0</code></dd>");
  assertStringIncludes(html, "<dd><code>seed = 0</code>, <code>splitSeed = 3</code></dd>");
});

Deno.test("commitText() says what differs from the commit, and where there is none", () => {
  assertEquals(commitText(clean), "<code>3017615abc</code>");
  const text = commitText({ ...clean, changed: ["lib/a.ts", "lib/b.ts", "data/c"] });
  assertEquals(text, "<code>3017615abc</code>, with uncommitted changes in lib/a.ts and 2 more");
  assert(!commitText({ commit: undefined, changed: [] }).includes("<code>"));
});
