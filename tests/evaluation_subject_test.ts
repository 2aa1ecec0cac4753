import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { join } from "node:path";
import { tf } from "$lib/backend.ts";
import { openRow, openSubject } from "$lib/evaluation/subject.ts";
import { test } from "$lib/loader.ts";
import { modelsFolder } from "$lib/models.ts";
import type { Classifier } from "$lib/network.ts";

const file = join(modelsFolder, "MLP.safetensors");

const logitsOf = async (classifier: Classifier) => {
  const { images, labels } = await test(3);
  const logits = tf.tidy(() => classifier.logits(images).arraySync());
  tf.dispose([images, labels]);
  return logits;
};

Deno.test("an unprotected network is its own plain one, so that nothing is transferred", async () => {
  const [plain, robust] = [await openSubject("MLP"), await openSubject("MLP+pgd:linf:0.1")];
  assertEquals([plain.plain, plain.through, robust.through], [undefined, undefined, undefined]);
  assertEquals(robust.plain!.weightsSha256, plain.weightsSha256);
  assertNotEquals(robust.weightsSha256, plain.weightsSha256);
  assertEquals(await logitsOf(robust.plain!.network), await logitsOf(plain.classifier));
  [plain, robust].forEach((one) => one.dispose());
});

Deno.test("a run-time protection has the weights of its network, and is rebuilt by its name", async () => {
  const before = tf.memory().numTensors;
  const subject = await openSubject("MLP+bits:1");
  const { classifier, weightsSha256, plain, through } = subject;
  assertEquals([through, plain!.weightsSha256], ["bits:1", weightsSha256]);
  const logits = await logitsOf(classifier);
  assertNotEquals(logits, await logitsOf(plain!.network));
  const row = await openRow({ network: "MLP+bits:1" }, file);
  assertEquals(await logitsOf(row!.classifier), logits);
  const bare = await openRow({ network: "MLP" }, file);
  assertEquals(await logitsOf(bare!.classifier), await logitsOf(plain!.network));
  [subject, row!, bare!].forEach((one) => one.dispose());
  assertEquals(tf.memory().numTensors, before);
});

Deno.test("rows of protections or networks that are not here have no classifier", async () => {
  for (const network of ["MLP+bits:99", "CNN", "nothing"]) {
    assertEquals(await openRow({ network }, file), undefined, network);
  }
  const found = await openRow({ network: "MLP+pgd:linf:0.1" }, file);
  assert(found, "names of training-time protections are the network's own; its weights decide");
  found!.dispose();
});
