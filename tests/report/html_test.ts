import { assertEquals, assertStringIncludes } from "@std/assert";
import {
  externalLoads,
  indexPage,
  mendFragment,
  notebookPage,
  texInProse,
} from "$lib/report/html.ts";

const page = { name: "03-attacks", title: "Attacks & norms", promise: "Change a <em>norm</em>." };

Deno.test("externalLoads() finds what a page would fetch", () => {
  const offences: [string, string[]][] = [
    [`<script src="https://cdn.example/require.js"></script>`, [
      `<script src="https://cdn.example/require.js">`,
    ]],
    [`<script type="module">import "https://x"</script>`, [`<script type="module">`]],
    [`<link rel="stylesheet" href="style.css">`, ["style.css"]],
    [`<p><img alt="" src=//example.org/a.png></p>`, ["//example.org/a.png"]],
    [`<style>@import "a.css"; p { background: url(b.png) }</style>`, ["a.css", "b.png"]],
    [`<svg><image href="c.png"/></svg>`, ["c.png"]],
  ];
  for (const [html, found] of offences) assertEquals(externalLoads(html), found, html);
});

Deno.test("externalLoads() lets links and embedded data be", () => {
  const html = `<a href="https://example.org">paper</a><img src="data:image/png;base64,aGk=">
<svg xmlns="http://www.w3.org/2000/svg"><use href="#a"/><rect fill="url(#b)"/></svg>`;
  assertEquals(externalLoads(html), []);
});

Deno.test("the report's own pages load nothing", () => {
  assertEquals(externalLoads(notebookPage(page, "<p>Hello</p>", page)), []);
  assertEquals(
    externalLoads(indexPage([{ ...page, thumbnail: "data:image/png;base64,aGk=" }], "")),
    [],
  );
});

Deno.test("indexPage() leads to each notebook", () => {
  const html = indexPage([page], "Made today.");
  assertStringIncludes(html, `href="03-attacks.html"`);
  assertStringIncludes(html, "Attacks &amp; norms");
  assertStringIncludes(html, page.promise);
});

Deno.test("mendFragment() gives pictures the labels of their outputs", () => {
  const output = (data: Record<string, string>) => (
    { output_type: "display_data" as const, data, metadata: {} }
  );
  const outputs = [
    output({ "text/plain": `A 3 < "5" > 2`, "image/svg+xml": "<svg>ℓ</svg>", "image/png": "aGk=" }),
    output({ "text/plain": "Another", "image/png": "aG8=\n" }),
  ];
  const notebook = { cells: [{ id: "a", kind: "code" as const, source: "", tags: [], outputs }] };
  const none = `alt="No description has been provided for this image"`;
  const html = `<p><img ${none} src="data:image/svg+xml;base64,PHN2Zz7ihJM8L3N2Zz4="/>
<img ${none} src="data:image/png;base64,aG8=" width="3"/><img ${none} src="data:,x"/></p>`;
  assertEquals(
    mendFragment(html, notebook, []),
    `<p><img alt="A 3 &lt; &quot;5&quot; &gt; 2" src="data:image/svg+xml;base64,PHN2Zz7ihJM8L3N2Zz4="/>
<img alt="Another" src="data:image/png;base64,aG8=" width="3"/><img ${none} src="data:,x"/></p>`,
  );
});

Deno.test("mendFragment() leads from notebook to notebook, and nowhere else", () => {
  const html = `<a href="01-data.ipynb">1</a> <a class="x" href="01-data.ipynb#The-split">2</a>
<a href="04-mine.ipynb">3</a> <a href="https://example.org/01-data.ipynb">4</a> 01-data.ipynb`;
  assertEquals(
    mendFragment(html, { cells: [] }, ["01-data", "02-training"]),
    `<a href="01-data.html">1</a> <a class="x" href="01-data.html#The-split">2</a>
<a href="04-mine.ipynb">3</a> <a href="https://example.org/01-data.ipynb">4</a> 01-data.ipynb`,
  );
});

Deno.test("texInProse() finds formulas, not prices or code", () => {
  const prose = (source: string) =>
    texInProse({ cells: [{ id: "a", kind: "markdown", source, tags: [], outputs: [] }] });
  assertEquals(prose("the norm $\\|r\\|_2$ of it"), "$\\|r\\|_2$");
  assertEquals(prose("$$x$$"), "$$x$$");
  assertEquals(prose("from $5 to $10, $5-$10, `$x$` and\n```\n$y$\n```\n‖r‖₂ ≤ ε"), undefined);
});
