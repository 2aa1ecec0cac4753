import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { chapterOf, declared } from "$lib/report/chapter.ts";
import type { Cell, Notebook, Output } from "$lib/report/notebook.ts";

const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="400" height="10" role="img" ` +
  `aria-label="A 4 becomes a 9"><text>4</text></svg>`;

function display(data: Record<string, string>): Output {
  return { output_type: "display_data", data, metadata: {} };
}

function code(source: string, outputs: Output[] = [], tags: string[] = []): Cell {
  return { id: source, kind: "code", source, tags, outputs };
}

function prose(source: string): Cell {
  return { id: source, kind: "markdown", source, tags: [], outputs: [] };
}

const figure = display({
  "image/svg+xml": svg,
  "image/png": "aGk=",
  "text/plain": "A 4 becomes a 9",
});
const table = (caption: string) =>
  display({ "text/html": `<table>${caption}<tbody><tr><td>1</td></tr></tbody></table>` });

/** Setup, parameters, and cells of the test's own. */
function notebook(...cells: Cell[]): Notebook {
  return {
    cells: [
      prose("# 3. Attacking networks\n\nChange a *digit*.\n\nMore."),
      code("import 1", [display({ "text/plain": "TensorFlow runs." })]),
      code("const p: number = 2; // the norm\nconst seed = 0;", [], ["parameters"]),
      ...cells,
    ],
  };
}

function body(...cells: Cell[]): string {
  return chapterOf("03-attacks", notebook(...cells), ["03-attacks"]).body;
}

Deno.test("chapterOf() takes number, title and promise apart", () => {
  const chapter = chapterOf("03-attacks", notebook(), []);
  assertEquals([chapter.number, chapter.title], [3, "Attacking networks"]);
  assertEquals(chapter.promise, "Change a <em>digit</em>.");
  assert(chapter.body.startsWith("<p>More.</p>"));
});

Deno.test("chapterOf() numbers figures and tables through the chapter", () => {
  const cells = [
    prose("## One"),
    code("a", [figure, table("<caption>Seed &lt; 1</caption>")]),
    prose("## Two"),
    code("b", [table(""), figure]),
  ];
  const chapter = chapterOf("03-attacks", notebook(...cells), []);
  assertEquals([chapter.figures, chapter.tables], [2, 2]);
  const captions = [...chapter.body.matchAll(/<figcaption>(.*?)<\/figcaption>/g)].map(([, c]) => c);
  assertEquals(captions, [
    `<a href="#figure-3.1">Figure 3.1.</a> A 4 becomes a 9.`,
    `<a href="#table-3.1">Table 3.1.</a> Seed &lt; 1`,
    `<a href="#table-3.2">Table 3.2.</a> Two`,
    `<a href="#figure-3.2">Figure 3.2.</a> A 4 becomes a 9.`,
  ]);
  for (const id of ["figure-3.1", "figure-3.2", "table-3.1", "table-3.2"]) {
    assertStringIncludes(chapter.body, `id="${id}"`);
  }
});

Deno.test("figures stand in the page as SVG with their label, as pictures where they could meddle", () => {
  assertStringIncludes(body(code("a", [figure])), `aria-label="A 4 becomes a 9"><text>`);
  const unnamed = display({ "image/svg+xml": "<svg><g/></svg>", "text/plain": `<"x">` });
  assertStringIncludes(
    body(code("a", [unnamed])),
    `<svg role="img" aria-label="&lt;&quot;x&quot;&gt;"><g/></svg>`,
  );
  for (const content of ["<style>p{}</style>", `<g id="a"/>`, "<script>1</script>"]) {
    const data = { "image/svg+xml": `<svg>${content}</svg>`, "text/plain": "x" };
    const html = body(code("a", [display(data)]));
    assert(!html.includes(content), content);
    assertStringIncludes(html, `" alt="x">`);
  }
  assertStringIncludes(
    body(code("a", [display({ "image/png": "aGk=\n", "text/plain": "x" })])),
    `<img src="data:image/png;base64,aGk=" alt="x">`,
  );
});

Deno.test("a figure keeps its width, whatever its label says, and most of it on a narrow screen", () => {
  for (const label of ["a 4", "a 4 (>99.9%)"]) {
    const wide = `<svg aria-label="${label}" font-size="10" width="400" height="9"><g/></svg>`;
    const html = body(code("a", [display({ "image/svg+xml": wide, "text/plain": label })]));
    assertStringIncludes(html, `style="width:400px;min-width:340px"`);
    assertEquals(html.match(/aria-label=/g)?.length, 1);
  }
});

Deno.test("a caption leaves a long list at a label's end to those who can't see the figure", () => {
  const caption = (label: string) =>
    body(prose("## A & b"), code("a", [display({ "image/svg+xml": svg, "text/plain": label })]))
      .match(/Figure 3.1.<\/a> (.*?)<\/figcaption>/)?.[1];
  assertEquals(caption("All labels: 1, 2, 3, 4, 5, 6, 7, 8"), "All labels.");
  assertEquals(caption("Labels: 1, 2, 3, 4, 5, 6, 7, 8"), "A &amp; b.");
  assertEquals(caption("Labels: 1, 2"), "Labels: 1, 2.");
  assertEquals(caption("MLP: a, b, c; d, e, f, g, h, i, j"), "MLP: a, b, c; d, e, f, g, h, i, j.");
});

Deno.test("code is folded, with what only says that work went on", () => {
  const bar = display({ "text/plain": `training  ${"█".repeat(30)}  100%` });
  const cell = code("const a = '<b>';", [bar, display({ "text/plain": "a < b" })]);
  const html = body(prose("## One"), cell);
  const [folded = "", ...rest] = html.slice(html.lastIndexOf("<details")).split("</details>");
  assertStringIncludes(folded, "<summary>Code</summary>");
  assertStringIncludes(folded, "&lt;b&gt;");
  assertStringIncludes(folded, "training");
  assertEquals(rest, [`\n<p class="said">a &lt; b</p>`]);
  assert(!/<details[^>]*open/.test(html));
});

Deno.test("sentences are set as text, what is aligned by spaces as it is", () => {
  const said = (text: string) =>
    body(prose("## One"), code("a", [display({ "text/plain": text })])).split("</details>\n").at(
      -1,
    );
  assertEquals(said(`It's "so".\nYes.`), `<p class="said">It’s “so”.<br>Yes.</p>`);
  assertEquals(said("One \nline.\nTwo."), `<p class="said">One line.<br>Two.</p>`);
  assertEquals(said("a   1\nb   2"), `<pre class="said">a   1\nb   2</pre>`);
  assertEquals(said("1\n2\n3\n4\n5\n6"), `<pre class="said">1\n2\n3\n4\n5\n6</pre>`);
});

Deno.test("what cells before the first section say is folded, the parameters' values are seen", () => {
  const html = body();
  const [setup = "", parameters = ""] = html.split("</details>");
  assertStringIncludes(setup, "TensorFlow runs.");
  assertStringIncludes(parameters, "<summary>Parameters: <code>p = 2, seed = 0</code></summary>");
});

Deno.test("declared() reads one-line constants as written", () => {
  assertEquals(declared(`const a: number = 1; // one;\nlet b = 2;\nconst c = ["x; y"];`), [
    ["a", "1"],
    ["c", `["x; y"]`],
  ]);
});
