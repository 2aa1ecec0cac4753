import { assertEquals, assertStringIncludes } from "@std/assert";
import { curly, inlineHtml, type Place, proseToHtml } from "$lib/report/prose.ts";

function place(): Place {
  return { chapter: 3, names: ["01-data", "03-attacks"], sections: [] };
}

Deno.test("proseToHtml() numbers sections and keeps them for the contents", () => {
  const here = place();
  const html = proseToHtml("## The *attack*\n\nText.\n\n### Detail\n\n## What we saw", here);
  assertEquals(here.sections, [
    { id: "chapter-3-The-attack", number: "3.1", title: "The <em>attack</em>" },
    { id: "chapter-3-What-we-saw", number: "3.2", title: "What we saw" },
  ]);
  assertStringIncludes(html, `<h3 id="chapter-3-What-we-saw"><span class="number">3.2</span>`);
  assertStringIncludes(html, "<h4>Detail</h4>");
});

Deno.test("proseToHtml() gives a heading that comes twice two ids", () => {
  const here = place();
  proseToHtml("## Once more", here);
  proseToHtml("## Once more", here);
  assertEquals(here.sections.map(({ id }) => id), [
    "chapter-3-Once-more",
    "chapter-3-Once-more-3.2",
  ]);
});

Deno.test("proseToHtml() leads from notebook to notebook within the page, and to other sites", () => {
  const to = (href: string) => proseToHtml(`[x](${href})`, place()).trim();
  assertEquals(to("01-data.ipynb"), `<p><a href="#chapter-1">x</a></p>`);
  assertEquals(to("01-data.ipynb#The-split"), `<p><a href="#chapter-1-The-split">x</a></p>`);
  assertEquals(to("https://a.org/?b&c"), `<p><a href="https://a.org/?b&amp;c">x</a></p>`);
});

Deno.test("proseToHtml() keeps only the words of a link that would lead nowhere", () => {
  for (const href of ["04-mine.ipynb", "../lib/norms.ts", "javascript:alert(1)"]) {
    assertEquals(proseToHtml(`[x](${href})`, place()).trim(), "<p>x</p>", href);
  }
});

Deno.test("proseToHtml() leaves out the title and what only readers of a notebook must know", () => {
  const source = `# 3. Attacks

Run the cells with Shift+Enter.

**Parameters.** This is the only cell to edit.

Stays.`;
  assertEquals(proseToHtml(source, place()).trim(), "<p>Stays.</p>");
});

Deno.test("curly() sets quotation marks, but none in code and none that belong to tags", () => {
  assertEquals(
    curly(`<a href="x&quot;y">it&#39;s &quot;so&quot;</a> <code>"a"</code>`),
    `<a href="x&quot;y">it’s “so”</a> <code>"a"</code>`,
  );
});

Deno.test("curly() lowers what Unicode has lowered, but not in code", () => {
  assertEquals(
    curly("‖r‖₂, ‖r‖∞ &lt; ∞, rᵢ, <code>‖r‖₂</code>"),
    "‖r‖<sub>2</sub>, ‖r‖<sub>∞</sub> &lt; ∞, r<sub>i</sub>, <code>‖r‖₂</code>",
  );
  assertEquals(curly("Res_max of CNN_d"), "<i>Res</i><sub>max</sub> of CNN_d");
});

Deno.test("inlineHtml() keeps a link's words only", () => {
  assertEquals(inlineHtml("See *[this](https://a.org)*."), "See <em>this</em>.");
});
