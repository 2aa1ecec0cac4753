/**
 * The command `figure`, with the figure that needs neither images nor a trained network.
 *
 * @module
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { join } from "node:path";
import { figureOptions } from "$lib/cli/figures/entry.ts";
import { figures } from "$lib/cli/figures/index.ts";
import { type ResultRow, writeRows } from "$lib/results.ts";
import { run } from "./commands.ts";

const figure = (...args: string[]) => run("figure", ...args);

Deno.test("figure writes SVG, PNG or PDF by the file's ending, and tells of it in JSON", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const [svg, png, pdf] = ["new/a.svg", "a.PNG", "a.pdf"].map((file) => join(folder, file));
    const first = await figure("architecture", "--network", "MLP", "--out", svg!, "--json");
    assertEquals(first.code, 0, first.stderr);
    const { figure: name, out, label } = JSON.parse(first.stdout);
    assertEquals([name, out], ["architecture", svg]);
    assert(label.includes("118,282 trained parameters"));
    assert((await Deno.readTextFile(svg!)).startsWith("<svg"));
    assertEquals((await figure("architecture", "--out", png!)).code, 0);
    assertEquals((await Deno.readFile(png!)).slice(1, 4), new TextEncoder().encode("PNG"));
    assertEquals((await figure("architecture", "--out", pdf!)).code, 0);
    assertEquals((await Deno.readFile(pdf!)).slice(0, 5), new TextEncoder().encode("%PDF-"));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

/** A row of a table; the second weights go by the same name as the first. */
function tableRow(image: number, weights: string): ResultRow {
  return {
    ...{ network: "CNN", weightsSha256: weights.repeat(64), dataset: "MNIST", subset: "test" },
    ...{ image, label: 3, prediction: 3, reference: "label", p: 2, attack: "fmn", options: "{}" },
    ...{ found: image > 0, minNorm: image || Infinity, adversarialClass: image ? 8 : null },
    ...{ forwards: 1, backwards: 1, seconds: 0, seed: 0, survives8bit: null, minNorm8bit: null },
    ...{ certifiedNorm: null, certificate: null, adversarial: null, foundBy: null, optimal: null },
  };
}

Deno.test("figure draws a table, networks of one name apart, and says which rows there are", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const [rows, out] = [join(folder, "norms.parquet"), join(folder, "a.svg")];
    const table = [0, 1, 2].flatMap((image) => ["a", "b"].map((sha) => tableRow(image, sha)));
    await writeRows(rows, table);
    const { code, stderr } = await figure("min-norms", "--rows", rows, "--out", out);
    assertEquals(code, 0, stderr);
    const svg = await Deno.readTextFile(out);
    for (const words of ["MNIST's test images", "CNN aaaaaaaa", "CNN bbbbbbbb"]) {
      assert(svg.includes(words), words);
    }
    assert(svg.includes("median 2.00 · 3 images · 0 misclassified · 1 not found"));
    const both = [rows, join(folder, "more.parquet")];
    await writeRows(both[1]!, [{ ...tableRow(3, "c"), network: "MLP" }]);
    const matrix = ["class-matrix", "--network", "MLP", "--rows", both.join(","), "--out", out];
    const { code: made, stdout } = await figure(...matrix);
    assertEquals(made, 0);
    assert(stdout.includes("MLP, MNIST's test images"), stdout);
    const other = await figure("resistance", "--network", "MLP", "--rows", rows, "--out", out);
    assertEquals(other.code, 1);
    assert(other.stderr.includes("no rows of MLP in L2: current value is CNN in L2"), other.stderr);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("figure draws evaluations: norms before and after, and worst cases", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const [rows, out] = [join(folder, "norms.parquet"), join(folder, "a.svg")];
    const portfolio = [1, 2, 3, 4].map((image) => (
      { ...tableRow(image, "a"), attack: "portfolio" }
    ));
    const robust = portfolio.map((row) => (
      { ...row, network: "CNN+noise:1", minNorm: 2 * row.minNorm }
    ));
    const wins = { ...portfolio[3]!, attack: "square", minNorm: 0.5 };
    await writeRows(rows, [...portfolio, wins, ...robust]);
    const { code, stderr } = await figure("before-after", "--rows", rows, "--out", out);
    assertEquals(code, 0, stderr);
    const words = await Deno.readTextFile(out);
    assert(words.includes("4 images: 100.0% need more after, 0.0% less"), words);
    assert(words.includes("medians 1.50 and 5.00"), "the worst case counts: 0.5, 1, 2 and 3");
    assertEquals((await figure("worst-cases", "--rows", rows, "--out", out)).code, 0);
    const { signal } = new AbortController();
    const ofImages = (given: string) => {
      const images = figureOptions.images.read(given, "images");
      return figures.get("before-after")!.draw({ rows, images }, signal);
    };
    assert((await ofImages("1:3")).svg.includes("2 images: 100.0% need more after"));
    await assertRejects(() => ofImages("9:12"), RangeError, "--images: current value is 9:12");
    await writeRows(rows, portfolio);
    const one = await figure("before-after", "--rows", rows, "--out", out);
    assert(one.stderr.includes("rows must be of two networks: current value is CNN"), one.stderr);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

for (
  const [what, args, message] of [
    ["no name", ["--out", "a.svg"], "name is missing"],
    ["no file", ["digits"], "--out FILE is missing"],
    ["another format", ["digits", "--out", "a.gif"], ".svg, .png or .pdf: current value is a.gif"],
    ["an unknown figure", ["digit", "--out", "a.svg"], "Did you mean digits?"],
    ["an unknown network", ["architecture", "--network", "M", "--out", "a.svg"], "MLP"],
    ["a bad norm", ["attack", "--p", "0.5", "--out", "a.svg"], "current value is 0.5"],
    ["a norm that attacks can't take", ["attack", "--p", "0", "--out", "a.svg"], "value is 0"],
    ["an image beyond", ["attack", "--image", "10000", "--out", "a.svg"], "images 0 to 9999"],
    ["another's option", ["digits", "--norm", "1", "--out", "a.svg"], "are --dataset, --subset"],
    ["no image's number", ["side-by-side", "--shown", "a", "--out", "a.svg"], "value is a"],
    ["two figures", ["digits", "classes", "--out", "a.svg"], "value is digits,classes"],
    ["a seed beyond int32", ["attack", "--seed", "1e10", "--out", "a.svg"], "value is 1e10"],
  ] as const
) {
  Deno.test(`figure with ${what} is a wrong use, said in one line`, async () => {
    const { code, stdout, stderr } = await figure(...args);
    assertEquals([code, stdout], [2, ""]);
    assert(stderr.includes(message), stderr);
    assertEquals(stderr.trimEnd().split("\n").length, 1);
  });
}
