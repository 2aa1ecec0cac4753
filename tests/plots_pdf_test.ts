/**
 * Figures as PDF, read with no more than their text.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { inflateSync } from "node:zlib";
import { Buffer } from "node:buffer";
import { toPdf } from "$lib/plots/pdf.ts";
import { examples } from "./plots_examples.ts";

/** Names and numbers of the file, and what its compressed streams draw. */
async function read(name: string): Promise<{ objects: string; drawing: string; size: number[] }> {
  const figure = examples[name]!();
  const bytes = Buffer.from(await toPdf(figure));
  const objects = bytes.toString("latin1");
  const streams = [...objects.matchAll(/\/FlateDecode[^]*?stream\r?\n/g)].map(
    ({ index, 0: head }) => {
      try {
        return inflateSync(bytes.subarray(index + head.length)).toString("latin1");
      } catch {
        return "";
      }
    },
  );
  const drawing = streams.reduce((longest, one) => one.length > longest.length ? one : longest, "");
  return { objects, drawing, size: [figure.width, figure.height] };
}

Deno.test("a PDF has the figure's size, is made of curves, and names no font", async () => {
  const { objects, drawing, size } = await read("robust_accuracy");
  const box = /\/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]/.exec(objects)!.slice(1).map(Number);
  assertEquals(box, size.map((pixels) => 0.75 * pixels));
  assert([...drawing.matchAll(/ c$/gm)].length > 5000, "letters are curves");
  assert(!objects.includes("/Subtype /Image") && !/\/Font\b|\/BaseFont/.test(objects));
  assert(!/\bBT\b/.test(drawing));
});

Deno.test("a PDF's only pictures are digits and scales of colours", async () => {
  const { objects } = await read("attack_pictures");
  const widths = [...objects.matchAll(/\/Width (\d+)/g)].map(([, width]) => Number(width));
  assertEquals([...new Set(widths)].sort(), [201, 28]);
});

Deno.test("a PDF is the same for the same figure", async () => {
  const make = async () => await toPdf(examples["architecture_mlp"]!());
  assertEquals(await make(), await make());
});
