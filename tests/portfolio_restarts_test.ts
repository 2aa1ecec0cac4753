/**
 * The portfolio at networks whose gradients are silent at the image.
 *
 * @module
 */
import { assert, assertEquals, assertLess } from "@std/assert";
import { type Tensor2D, type Tensor4D, tf } from "$lib/backend.ts";
import { test } from "$lib/loader.ts";
import { minNorm } from "$lib/minnorm.ts";
import { type Classifier, loadNetwork } from "$lib/network.ts";
import { areSilent } from "$lib/portfolio/restarts.ts";
import { mean } from "$lib/statistics.ts";

const digits = await test(40);
const labels = [...digits.labels.dataSync()];
const count = (silent: boolean[]) => silent.filter((one) => one).length;

Deno.test("plain networks have no silent image, networks trained in L-infinity mostly such", async () => {
  for (const [name, least, most] of [["MLP", 0, 0], ["CNN", 0, 0], ["CNN+pgd:linf:0.3", 36, 40]]) {
    const network = await loadNetwork(String(name));
    const silent = count(areSilent(network, digits.images, labels));
    assert(silent >= Number(least) && silent <= Number(most), `${name}: ${silent}`);
    network.dispose();
  }
});

Deno.test("where all gradients are zero there is nothing to be seen from elsewhere", () => {
  const flat: Classifier = {
    ...{ name: "flat", classes: 10, revision: {} },
    logits: (images: Tensor4D): Tensor2D =>
      tf.tidy(() => images.mean([1, 2, 3]).mul(0).reshape<Tensor2D>([-1, 1]).tile([1, 10])),
  };
  assertEquals(count(areSilent(flat, digits.images, labels)), 0);
});

Deno.test("silent images are attacked from elsewhere, within the budget, whatever is beside them", async () => {
  const network = await loadNetwork("CNN+pgd:linf:0.3");
  const some = await test(4);
  const before = tf.memory().numTensors;
  // Means from the image: 0.55, 2.5 and 9.
  for (const [p, largest] of [[Infinity, 0.4], [2, 2], [1, 6.5]] as const) {
    const found = await minNorm(network, some, { p, maxPasses: 500 });
    assertLess(mean(found.map(({ norm }) => norm)), largest, `p ${p}`);
    for (const { forwards, backwards } of found) assert(forwards + backwards <= 500);
    const last = tf.tidy(() => ({
      images: some.images.slice([3, 0, 0, 0], [1, -1, -1, -1]),
      labels: some.labels.slice([3], [1]),
    }));
    const [alone] = await minNorm(network, last, { p, maxPasses: 500, ids: [3] });
    assertEquals(alone!.norm, found[3]!.norm);
    tf.dispose([last.images, last.labels]);
  }
  assertEquals(tf.memory().numTensors, before);
  network.dispose();
});
