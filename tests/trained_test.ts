/**
 * Networks trained as asked for: found, trained, stopped and gone on with.
 *
 * @module
 */
import { assert, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { join } from "node:path";
import { tf } from "$lib/backend.ts";
import { modelsFolder } from "$lib/models.ts";
import type { Network } from "$lib/network.ts";
import { encode, readSafetensors, weightsSha256 } from "$lib/safetensors.ts";
import { checkpointFile, prepared, trained, type TrainedOptions } from "$lib/trained.ts";
import { exists } from "$lib/setup/host.ts";
import { toArrays } from "$lib/weights.ts";
import { inFolder } from "./in_folder.ts";

const sha256 = (network: Network) => weightsSha256(toArrays(network.weights));
const small = { images: 200, epochs: 3 };

/** Its weights' hash, and where it comes from. */
async function result(name: string, options: TrainedOptions) {
  const { network, ...rest } = await trained(name, options);
  const hash = await sha256(network);
  network.dispose();
  return { hash, ...rest };
}

Deno.test("trained() takes the saved network where there is one, of any seed", async () => {
  const first = await result("MLP", {});
  assertEquals(first.file, join(modelsFolder, "MLP.safetensors"));
  assertEquals(first.fresh, false);
  const second = await result("MLP", { seed: 1, epochs: 30 });
  assertEquals(second.file, join(modelsFolder, "seeds", "1", "MLP.safetensors"));
  assertNotEquals(second.hash, first.hash);
});

Deno.test("trained() trains what is not saved, and finds it the next time", () =>
  inFolder(async (folder) => {
    const before = tf.memory().numTensors;
    const made = await result("MLP", { ...small, folder });
    assertEquals(made.fresh, true);
    assertEquals(await result("MLP", { ...small, folder }), { ...made, fresh: false });
    const other = await result("MLP", { ...small, epochs: 1, folder });
    assertEquals(other.fresh, true);
    assertNotEquals(other.hash, made.hash);
    assertEquals(tf.memory().numTensors, before);
  }));

Deno.test("trained(), stopped, goes on after the last complete epoch, to the same weights", () =>
  inFolder(async (folder) => {
    const whole = await result("MLP", { ...small, folder: join(folder, "whole") });
    const stop = new AbortController();
    const stopped = trained("MLP", {
      ...{ ...small, folder, signal: stop.signal },
      onProgress: (epochs) => epochs > 1 && stop.abort(new DOMException("enough", "AbortError")),
    });
    await assertRejects(() => stopped, DOMException, "enough");
    const training = { network: "MLP", dataset: "MNIST", ...small, seed: 0 } as const;
    assert(exists(checkpointFile(folder, training)));
    const seen: number[] = [];
    const onProgress = (epochs: number) => seen.push(epochs);
    const resumed = await result("MLP", { ...small, folder, onProgress });
    assertEquals(resumed.hash, whole.hash);
    assert(Math.min(...seen) > 1, `it began again at ${Math.min(...seen)}`);
    assert(!exists(checkpointFile(folder, training)));
  }));

Deno.test("trained() with fresh trains anew, and so does the teacher that it learns from", () =>
  inFolder(async (folder) => {
    const training = { ...small, epochs: 1, seed: 0, network: "MLP", dataset: "MNIST" } as const;
    const protections = ["distillation:5"];
    const teach = async (fresh: boolean) => {
      const own = { ...training, protections };
      const { protections: [one], teacher } = await prepared(own, { folder, fresh });
      assertEquals([one!.spec, teacher!.network.name], ["distillation:5", "MLP+heated:5"]);
      teacher!.network.dispose();
      return { fresh: teacher!.fresh, file: teacher!.file };
    };
    const first = await teach(false);
    assertEquals(first.fresh, true);
    assertEquals(await teach(false), { ...first, fresh: false });
    assertEquals(await teach(true), first);
    const student = { ...training, protections, folder };
    assertEquals((await result("MLP", student)).fresh, true);
    assertEquals((await result("MLP", student)).fresh, false);
    const before = (await Deno.stat(first.file)).mtime!.getTime();
    assertEquals((await result("MLP", { ...student, fresh: true })).fresh, true);
    assert((await Deno.stat(first.file)).mtime!.getTime() > before, "the teacher is the old one");
  }));

Deno.test("trained() does not take networks of another data set", () =>
  inFolder(async (folder) => {
    const settings = { ...small, epochs: 1, folder };
    const { file } = await result("MLP", settings);
    const other = file.replace("_MNIST_", "_FashionMNIST_");
    assert(other !== file);
    const { tensors, metadata } = await readSafetensors(file);
    await Deno.writeFile(other, encode(tensors, { ...metadata, dataset: "FashionMNIST" }));
    const found = await result("MLP", { ...settings, dataset: "FashionMNIST" });
    assertEquals([found.file, found.fresh], [other, false]);
    assertEquals((await result("MLP", settings)).file, file);
  }));

Deno.test("trained() refuses what it does not know", async () => {
  await assertRejects(() => trained("MLQ"), RangeError, "current value is MLQ");
  await inFolder((folder) =>
    assertRejects(() => trained("MLP", { ...small, epochs: 0, folder }), RangeError, "epochs")
  );
});
