import { assertEquals } from "@std/assert";
import { externalLoads, texInProse } from "$lib/report/checks.ts";

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

Deno.test("texInProse() finds formulas, not prices or code", () => {
  const prose = (source: string) =>
    texInProse({ cells: [{ id: "a", kind: "markdown", source, tags: [], outputs: [] }] });
  assertEquals(prose("the norm $\\|r\\|_2$ of it"), "$\\|r\\|_2$");
  assertEquals(prose("$$x$$"), "$$x$$");
  assertEquals(prose("from $5 to $10, $5-$10, `$x$` and\n```\n$y$\n```\n‖r‖₂ ≤ ε"), undefined);
});
