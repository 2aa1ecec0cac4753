/**
 * Each figure against the picture that people have looked at: `UPDATE=1` rewrites `tests/plots/`.
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { Resvg } from "@resvg/resvg-js";
import { Buffer } from "node:buffer";
import { inflateSync } from "node:zlib";
import { bundleOf } from "$lib/notebook.ts";
import { digitGrid } from "$lib/plots/digits.ts";
import { figure, heading, normSymbol, overflow, percent, text, toPng } from "$lib/plots/figure.ts";
import { shortened, textWidth, wrapped } from "$lib/plots/measure.ts";
import { encodeDrawing, encodePng } from "$lib/plots/png.ts";
import { examples } from "./plots_examples.ts";

const folder = new URL("plots/", import.meta.url);
/** The figures' SVG by name, each drawn once. */
const svgs = new Map<string, string>();
function drawn(name: string): string {
  const svg = svgs.get(name) ?? examples[name]!().svg;
  svgs.set(name, svg);
  return svg;
}

const idsOf = (svg: string) => [...svg.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id!);

/** Which figure has which id. */
const owners = new Map<string, string>();

const update = Deno.env.get("UPDATE") === "1";

for (const [name, make] of Object.entries(examples)) {
  Deno.test(`the figure ${name} is as in tests/plots/${name}.svg`, async () => {
    const { svg } = make();
    const file = new URL(`${name}.svg`, folder);
    const snapshot = withStoredImages(svg).replaceAll("><", ">\n<") + "\n";
    if (update) await Deno.writeTextFile(file, snapshot);
    assertEquals(snapshot, await Deno.readTextFile(file));
  });

  Deno.test(`the figure ${name} is drawn within its edges, alike each time`, () => {
    const { warn } = console;
    console.warn = (words) => { // Plot's warnings are written into the figure, too
      throw new Error(String(words));
    };
    const drawn = (() => {
      try {
        return make();
      } finally {
        console.warn = warn;
      }
    })();
    assertEquals(overflow(drawn), 0);
    assertEquals(make().svg, drawn.svg);
  });

  Deno.test(`the figure ${name} can stand beside others in a page`, () => {
    const svg = drawn(name);
    const ids = idsOf(svg);
    assertEquals(new Set(ids).size, ids.length);
    for (const id of ids) {
      assertEquals(owners.get(id) ?? name, name, "the id is in another figure, too");
      owners.set(id, name);
    }
    const used = [...svg.matchAll(/ href="#([^"]*)"/g)].map(([, id]) => id!);
    assertEquals(new Set(used), new Set(ids), "every letter has its outline");
    assert(!svg.includes("<style"), "rules would reach other figures");
    assert(!/https?:\/\/(?!www\.w3\.org)/.test(svg), "no address to fetch from");
    assert(!/NaN|undefined|Infinity|⚠/.test(svg.replace(/base64,[^"]*/g, "")));
  });
}

Deno.test("every picture in tests/plots is one of the figures", async () => {
  const files = (await Array.fromAsync(Deno.readDir(folder))).map((entry) => entry.name);
  assertEquals(files.sort(), Object.keys(examples).map((name) => `${name}.svg`).sort());
});

Deno.test("twenty figures in a notebook take less than 3 MB, with their PNGs", () => {
  const outputs = Object.values(examples).slice(0, 20).map((make) =>
    JSON.stringify(bundleOf(make()))
  );
  assert(outputs.join().length < 3e6, `${outputs.join().length}`);
});

Deno.test("overflow() finds a label beyond the edge", () => {
  const clipped = figure({ label: "", width: 50, height: 50 }, [
    { node: text(40, 20, "a long label", { anchor: "start" }) },
  ]);
  assert(overflow(clipped) > 30);
});

Deno.test("a title longer than its figure is set smaller, then cut", () => {
  const headed = (title: string) =>
    figure({ label: title, width: 300, height: 50 }, [{ node: heading(10, title, "", 280) }]);
  const drawn = ["A title", "A title that is somewhat too wide for it", "A title ".repeat(40)].map(
    headed,
  );
  for (const one of drawn) assertEquals(overflow(one), 0);
  const sizes = drawn.map(({ svg }) => Number(/scale\((0\.\d+)\)/.exec(svg)![1]));
  assert(sizes[0]! > sizes[1]! && sizes[1]! > sizes[2]!, `${sizes}`);
  assertEquals(drawn.map(({ svg }) => svg.includes("…")), [false, false, true]);
});

for (const [name, make] of Object.entries(examples)) {
  Deno.test(`the figure ${name} has no letters below 10 CSS pixels`, () => {
    const scales = [...make().svg.matchAll(/\)scale\((0\.\d+)\)/g)].map(([, scale]) =>
      Number(scale)
    );
    assert(scales.every((scale) => scale >= 0.01), `${Math.min(...scales)}`);
  });
}

Deno.test("textWidth() measures what is drawn", () => {
  for (const [content, weight] of [["CNN_bn & <MLP>", 700], ["norms, i.e. WAVE", 400]] as const) {
    const width = textWidth(content, { size: 20, weight });
    const node = text(0, 20, content, { size: 20, weight, anchor: "start" });
    const beyond = (width: number) =>
      overflow(figure({ label: "", width, height: 30 }, [{ node }]));
    assert(beyond(width) < 0.01, content);
    assert(beyond(width - 6) > 0, content);
  }
  assertEquals(textWidth(""), 0);
});

Deno.test("wrapped() keeps all words, on lines within the width", () => {
  const content = "Norms are the smallest found: upper bounds of the minimal perturbations";
  const lines = wrapped(content, 120);
  assertEquals(lines.join(" "), content);
  assert(lines.length > 2 && lines.every((line) => textWidth(line) <= 120));
  assertEquals(wrapped(content, 1000), [content]);
});

Deno.test("shortened() cuts the middle of what is too wide, and nothing else", () => {
  assertEquals(shortened("CNN", 100), "CNN");
  const cut = shortened("a_very_long_name_of_a_network", 130);
  assert(/^a_very.*….*network$/.test(cut), cut);
  assert(textWidth(cut) <= 130 && textWidth(cut) > 115);
});

Deno.test("toPng() writes text with the lab's own font", () => {
  const size = { label: "", width: 200, height: 40 };
  const empty = toPng(figure(size, []));
  const written = toPng(figure(size, [{ node: text(100, 20, "‖r‖∞ ↑ −1 ×") }]));
  assert(written.length > empty.length + 500, "the text left no mark");
});

Deno.test("toPng() draws the pixels of a digit as squares", () => {
  const pixels = Array.from({ length: 784 }, (_, i) => i % 2);
  const drawn = digitGrid([{ pixels }], { size: 28 * 4 });
  const red = redOf(toPng(drawn, 1), drawn.width, drawn.height);
  const within = red.slice(40 * drawn.width + 40, 40 * drawn.width + 120);
  assertEquals([...new Set(within)].sort(), [0, 255], "no shades in between");
});

Deno.test("a figure escapes what has a meaning in SVG", () => {
  const drawn = digitGrid([], { title: `a < b & "c"` });
  assert(drawn.svg.includes('aria-label="a &lt; b &amp; &quot;c&quot;'), drawn.svg.slice(0, 300));
  assert(drawn.svg.includes('>a &lt; b &amp; "c"</text>'));
  toPng(drawn); // would throw as it parses
});

Deno.test("digitGrid() refuses an image of another size", () => {
  assertThrows(() => digitGrid([{ pixels: [0, 1] }]), TypeError, "784 pixels: current value is 2");
});

Deno.test("a PNG keeps a drawing's frequent colours, and hardly changes rare ones", () => {
  const side = 64;
  const pixels = (color: (i: number) => [number, number, number]) =>
    Uint8Array.from({ length: 4 * side * side }, (_, i) => [...color(i >> 2), 255][i % 4]!);
  const large = (i: number) => i < 2000; // of one colour that no rounding keeps
  const kinds = [
    { type: 3, worst: 0, rgba: pixels((i) => [i % 256, 7, 200]) },
    {
      type: 3,
      worst: 8,
      rgba: pixels((i) => large(i) ? [243, 5, 7] : [i % 256, 255 - i % 256, i >> 10]),
    },
    { type: 2, worst: 0, rgba: pixels((i) => [i % 256, 16 * (i >> 8), i >> 4]) },
  ];
  for (const { type, worst, rgba } of kinds) {
    const png = encodeDrawing(rgba, side, side);
    assertEquals(png[25], type);
    const off = redOf(png, side, side).map((red, i) => Math.abs(red - rgba[4 * i]!));
    assert(Math.max(...off) <= worst, `${Math.max(...off)}`);
    if (worst > 0) assertEquals(Math.max(...off.slice(0, 2000)), 0);
  }
});

Deno.test("encodePng() refuses bytes that fit no picture", () => {
  assertThrows(() => encodePng(new Uint8Array(5), 2, 2), RangeError, "1 or 3 bytes a pixel");
});

Deno.test("percent() calls only a certainty 100% or 0%", () => {
  const written = [1, 0.99999, 0.9994, 0.5, 0.0001, 0].map((share) => percent(share));
  assertEquals(written, ["100.0%", ">99.9%", "99.9%", "50.0%", "<0.1%", "0.0%"]);
});

Deno.test("normSymbol() writes the norm's order below", () => {
  assertEquals([2, 10, Infinity].map(normSymbol), ["‖r‖₂", "‖r‖₁₀", "‖r‖∞"]);
});

/** Pictures within a figure uncompressed: compressed bytes depend on the machine's zlib. */
function withStoredImages(svg: string): string {
  return svg.replace(/(?<=data:image\/png;base64,)[^"]+/g, (base64) => {
    const png = Buffer.from(base64, "base64");
    const [width, height] = [png.readUInt32BE(16), png.readUInt32BE(20)];
    const data = png.indexOf("IDAT");
    const raw = inflateSync(png.subarray(data + 4, data + 4 + png.readUInt32BE(data - 4)));
    const stride = raw.length / height;
    const rows = Array.from(
      { length: height },
      (_, y) => raw.subarray(y * stride + 1, (y + 1) * stride),
    ); // each begins with its filter, which is none
    return encodePng(Buffer.concat(rows), width, height, 0).toString("base64");
  });
}

/** The red of each pixel of a PNG, as the renderer reads it. */
function redOf(png: Uint8Array, width: number, height: number): number[] {
  const address = `data:image/png;base64,${Buffer.from(png).toString("base64")}`;
  const size = `width="${width}" height="${height}"`;
  const image = `<image ${size} href="${address}"/>`;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" ${size}>${image}</svg>`;
  return [...new Resvg(svg).render().pixels].filter((_, i) => i % 4 === 0);
}
