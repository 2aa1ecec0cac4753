/**
 * Images of one's own become digits as MNIST's are, and digits survive in a file.
 *
 * @module
 */
import { assert, assertAlmostEquals, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { join } from "node:path";
import { Resvg } from "@resvg/resvg-js";
import { tf } from "$lib/backend.ts";
import { test } from "$lib/loader.ts";
import { loadNetwork } from "$lib/network.ts";
import { asDigit, decodePng, readDigit, readPixels, savePixels } from "$lib/own_image.ts";
import { encodePng } from "$lib/plots/png.ts";
import { pixelsOf } from "$lib/rows.ts";
import { draw, file } from "./fixtures/own_digit.ts";
import { inFolder } from "./in_folder.ts";

const grey = (width: number, height: number, at: (x: number, y: number) => number) => ({
  width,
  height,
  values: Float32Array.from(
    { length: width * height },
    (_, i) => at(i % width, Math.floor(i / width)),
  ),
});

const row = (digit: Float32Array, y: number) => [...digit.subarray(28 * y, 28 * (y + 1))];

Deno.test("the sample is what its script draws, and a 4 to every network", async () => {
  assertEquals(decodePng(await Deno.readFile(file)), decodePng(draw()));
  const digit = await readDigit(file);
  for (const name of ["MLP", "MLP_d", "CNN", "CNN_d"]) {
    const network = await loadNetwork(name);
    assertEquals(
      [...tf.tidy(() => network.predict(tf.tensor4d(digit, [1, 28, 28, 1])).dataSync())],
      [
        4,
      ],
      name,
    );
    network.dispose();
  }
});

Deno.test("a digit is scaled into 20 by 20, and its centre of mass is in the middle", () => {
  // 60 high and 30 wide, twice as dark on the left half: black on white, far off the middle.
  const picture = grey(
    200,
    100,
    (x, y) => x >= 150 && x < 180 && y >= 30 && y < 90 ? x < 165 ? 0 : 0.5 : 1,
  );
  const digit = asDigit(picture);
  const rows = Array.from({ length: 28 }, (_, y) => row(digit, y));
  const inked = rows.flatMap((line, y) => line.some((value) => value > 0) ? [y] : []);
  assertEquals([inked[0], inked.at(-1), inked.length], [4, 23, 20]);
  // Columns of ink: mass 2 x 5 at 2.5 and 1 x 5 at 7.5, so its centre 4.2 goes near 14.5.
  assertEquals(rows[14]!.map((value) => Math.round(4 * value)), [
    ...new Array(10).fill(0),
    ...new Array(5).fill(4),
    ...new Array(5).fill(2),
    ...new Array(8).fill(0),
  ]);
});

Deno.test("light on dark gives the same digit as dark on light", () => {
  const dark = grey(60, 60, (x, y) => Math.hypot(x - 20, y - 40) < 9 ? 0.1 : 0.9);
  const light = { ...dark, values: dark.values.map((value) => 1 - value) };
  asDigit(light).forEach((value, i) => assertAlmostEquals(value, asDigit(dark)[i]!, 1e-6));
});

Deno.test("MNIST's own digits, enlarged, come back nearly as they were", async () => {
  const { images, labels } = await test(100);
  const network = await loadNetwork("MLP");
  const classes = labels.dataSync();
  let [right, sum] = [0, 0];
  for (const [i, pixels] of pixelsOf(images).entries()) {
    const large = grey(280, 280, (x, y) => pixels[28 * Math.floor(y / 10) + Math.floor(x / 10)]!);
    const digit = asDigit(large);
    sum += digit.reduce((sum, value, i) => sum + Math.abs(value - pixels[i]!), 0) / 784;
    const [prediction] = tf.tidy(() =>
      network.predict(tf.tensor4d(digit, [1, 28, 28, 1])).dataSync()
    );
    if (prediction === classes[i]) right++;
  }
  assert(right >= 97 && sum / 100 < 0.03, `${right} right, mean difference ${sum / 100}`);
});

Deno.test("tiny, narrow and single strokes are digits too", () => {
  for (const [width, height] of [[3, 3], [1, 50], [50, 1], [5, 40]] as const) {
    const picture = grey(
      width + 4,
      height + 4,
      (x, y) => x >= 2 && x < width + 2 && y >= 2 && y < height + 2 ? 0 : 1,
    );
    const digit = asDigit(picture);
    assert(digit.every((value) => value >= 0 && value <= 1) && Math.max(...digit) === 1);
  }
});

Deno.test("decodePng() reads grey, colours and transparency", () => {
  const values = (bytes: Uint8Array) =>
    [...decodePng(bytes).values].map((v) => Math.round(255 * v));
  assertEquals(values(encodePng(Uint8Array.of(0, 7, 200, 255), 2, 2)), [0, 7, 200, 255]);
  assertEquals(values(encodePng(Uint8Array.of(255, 0, 0, 9, 9, 9), 2, 1)), [76, 9]);
  const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="2" height="1">' +
    '<rect width="1" height="1" opacity="0.5"/></svg>';
  const [half, none] = values(new Resvg(svg).render().asPng());
  assert(Math.abs(half! - 127) <= 1 && none === 255, `${half}, ${none}`);
});

Deno.test("pixels of 8 bits come back from a file to the last bit", () =>
  inFolder(async (folder) => {
    const file = join(folder, "new", "digit.png");
    const pixels = Float32Array.from({ length: 784 }, (_, i) => (i % 256) / 255);
    await savePixels(file, pixels);
    assertEquals(await readPixels(file), pixels);
    await savePixels(file, pixels.map((value) => value * 0.999));
    assert((await readPixels(file)).every((value, i) => Math.abs(value - pixels[i]!) <= 0.6 / 255));
    await assertRejects(() => savePixels(file, [1]), RangeError, "784 pixels in [0, 1]");
    await assertRejects(
      () => savePixels(file, new Array(784).fill(NaN)),
      RangeError,
      "some outside",
    );
    await Deno.writeFile(file, encodePng(new Uint8Array(4), 2, 2));
    await assertRejects(
      () => readPixels(file),
      RangeError,
      "must be 28 x 28: current value is 2 x 2",
    );
  }));

Deno.test("what is no digit is refused in a line", () => {
  const good = new Uint8Array(
    encodePng(Uint8Array.from({ length: 900 }, (_, i) => i % 256), 30, 30),
  );
  const zero = good.slice();
  zero.fill(0, 16, 24);
  const huge = good.slice();
  huge.set([0, 1, 0, 0, 0, 1, 0, 0], 16);
  const cut = good.slice(0, 60);
  for (
    const [bytes, kind, message] of [
      [new TextEncoder().encode("not a picture, but quite long enough"), SyntaxError, "be a PNG"],
      [new Uint8Array(), SyntaxError, "must be a PNG"],
      [cut, SyntaxError, "a damaged or transparent one"],
      [zero, SyntaxError, "must have pixels: current value is 0 x 0"],
      [huge, RangeError, "40 million pixels: current value is 65536 x 65536"],
    ] as const
  ) {
    assertThrows(() => decodePng(bytes), kind, message);
  }
  const blank = grey(30, 30, (x) => 0.9 + 0.01 * (x % 3));
  assertThrows(() => asDigit(blank), RangeError, "there must be ink on the paper");
});
