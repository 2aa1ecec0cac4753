import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { parseHTML } from "linkedom";
import { createHash } from "node:crypto";
import { chapterOf } from "$lib/report/chapter.ts";
import { externalLoads } from "$lib/report/checks.ts";
import { terms } from "$lib/report/glossary.ts";
import type { Cell } from "$lib/report/notebook.ts";
import { chapterPage, type Part, reportPage } from "$lib/report/page.ts";

/** What these tests use of a page; Deno has no declarations of the browser's. */
interface Page {
  querySelectorAll(selector: string): Iterable<PageElement>;
  getElementById(id: string): PageElement | null;
}

interface PageElement {
  textContent: string;
  getAttribute(name: string): string | null;
}

function part(name: string, ...sources: string[]): Part {
  const cells = sources.map((source, i): Cell => (
    { id: `${i}`, kind: "markdown", source, tags: [], outputs: [] }
  ));
  const names = ["01-data", "03-attacks"];
  return { chapter: chapterOf(name, { cells }, names), made: "<aside>by hand</aside>" };
}

const parts = [
  part("01-data", "# 1. The digits\n\nSee them.", "## The split\n\nIn three."),
  part("03-attacks", `# 3. Attacks & "norms"\n\nSee [it](01-data.ipynb).`, "## The attack\n\nNow."),
];
const html = await reportPage(parts, { picture: "<svg><g/></svg>", made: "today" });
const { document } = parseHTML(html) as unknown as { document: Page };

Deno.test("the report loads nothing: all it needs is in the page", () => {
  const scripts = [...html.matchAll(/<script>[^]*?<\/script>/g)].map(([script]) => script);
  assertEquals(scripts.length, 1);
  assertEquals(externalLoads(html.replace(scripts[0]!, "")), []);
  assertStringIncludes(html, "src: url(data:font/woff2;base64,d09GMg");
});

Deno.test("the report's policy lets the browser load nothing, and run its own script only", () => {
  const policy = html.match(/Content-Security-Policy" content="([^"]*)"/)?.[1] ?? "";
  assertStringIncludes(policy, "default-src 'none'");
  const script = html.match(/<script>([^]*?)<\/script>/)?.[1] ?? "";
  const hash = createHash("sha256").update(script).digest("base64");
  assertStringIncludes(policy, `script-src 'sha256-${hash}'`);
});

Deno.test("a page that would load something is refused", async () => {
  const bad = part("01-data", `# 1. X\n\nY.`, `<img src="https://example.org/a.png">`);
  for (const page of [() => reportPage([bad], { made: "" }), () => chapterPage(bad)]) {
    await assertRejects(page, Error, "it would load https://example.org/a.png");
  }
});

Deno.test("every link within the report leads somewhere", () => {
  const links = [...document.querySelectorAll("a")].map((link) => link.getAttribute("href") ?? "");
  assert(links.length > 8);
  for (const link of links) {
    assert(document.getElementById(decodeURIComponent(link.slice(1))), `${link} leads nowhere`);
  }
});

Deno.test("the contents name each chapter and section, in order", () => {
  const names = [...document.querySelectorAll("#contents li > a")]
    .map(({ textContent }) => textContent.replaceAll(/\s+/g, " ").trim());
  assertEquals(names, [
    ...["1 The digits", "1.1 The split", "3 Attacks & “norms”", "3.1 The attack", "Glossary"],
  ]);
});

Deno.test("no id comes twice", () => {
  const ids = [...document.querySelectorAll("[id]")].map((element) => element.getAttribute("id"));
  assertEquals(ids.length, new Set(ids).size);
});

Deno.test("each chapter says how it was made", () => {
  assertEquals([...document.querySelectorAll(".chapter > aside")].length, parts.length);
});

Deno.test("the glossary holds the report's terms", () => {
  const glossary = document.getElementById("glossary")?.textContent ?? "";
  for (const term of ["Confc", "PertN", "ResN", "Resmax", "Resmin", "correction adversaire"]) {
    assertStringIncludes(glossary, term);
  }
  for (const { ours, meaning } of terms) assert(ours.length > 2 && meaning.length > 20);
});
