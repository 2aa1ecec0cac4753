import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { join } from "node:path";
import { CNN_bn, MLP } from "$lib/architectures.ts";
import { type Tensor4D, tf } from "$lib/backend.ts";
import { minNorm } from "$lib/minnorm.ts";
import { protectedNames } from "$lib/evaluation/names.ts";
import type { Dataset } from "$lib/loader.ts";
import { modelFile } from "$lib/models.ts";
import { createNetwork, loadNetwork, saveNetwork } from "$lib/network.ts";
import { encode } from "$lib/safetensors.ts";
import { toArrays } from "$lib/weights.ts";

const folder = await Deno.makeTempDir();
const images = tf.randomUniform([1003, 28, 28, 1], 0, 1, "float32", 1) as Tensor4D;

Deno.test("a saved network loads with the same logits, weights and metadata", async () => {
  const network = createNetwork(CNN_bn, { seed: 3 });
  const path = `${folder}/one.safetensors`;
  await saveNetwork(network, path, { accuracy: "0.5" });
  const loaded = await loadNetwork(path);
  assertEquals(loaded.name, "CNN_bn");
  assertEquals(toArrays(loaded.weights), toArrays(network.weights));
  assertEquals([loaded.metadata["seed"], loaded.metadata["accuracy"]], ["3", "0.5"]);
  network.dispose();
  loaded.dispose();
});

Deno.test("a file is loaded for the data set that it was trained on, or where it does not tell", async () => {
  const network = createNetwork(MLP);
  for (const metadata of [{}, { dataset: "FashionMNIST" }]) {
    await saveNetwork(network, `${folder}/two.safetensors`, metadata);
    (await loadNetwork(`${folder}/two.safetensors`, { dataset: "FashionMNIST" })).dispose();
  }
  network.dispose();
  assertEquals([modelFile("CNN"), modelFile("CNN", "FashionMNIST")], [
    "CNN.safetensors",
    "CNN-FashionMNIST.safetensors",
  ]);
});

Deno.test("protected networks of a data set are told from those of MNIST by their files", async () => {
  const files = (["MNIST", "FashionMNIST"] as const).map((dataset) =>
    modelFile("CNN+decay:1e-7", dataset)
  );
  assertEquals(files, [
    "protected/CNN+decay_1e-7.safetensors",
    "protected/CNN+decay_1e-7-FashionMNIST.safetensors",
  ]);
  await Deno.mkdir(join(folder, "protected"));
  for (const file of [...files, modelFile("MLP+noise:1", "FashionMNIST")]) {
    await Deno.writeTextFile(join(folder, file), "");
  }
  const named = (dataset?: Dataset) => protectedNames(join(folder, "protected"), dataset);
  assertEquals(await named(), ["CNN+decay:1e-7"]);
  assertEquals(await named("FashionMNIST"), ["CNN+decay:1e-7", "MLP+noise:1"]);
  const { message } = await assertRejects(
    () => loadNetwork("CNN+noise:0.5", { dataset: "FashionMNIST" }),
    Deno.errors.NotFound,
  );
  assert(message.includes("CNN+noise_0.5-FashionMNIST.safetensors; `deno task protect CNN"));
  assert(message.includes("--with noise:0.5 --dataset FashionMNIST --save` makes it"));
});

Deno.test("images of another shape are refused in a line, also where they are attacked", async () => {
  const network = createNetwork(MLP, { seed: 3 });
  const wide: Tensor4D = tf.zeros([2, 28, 29, 1]);
  const labels = tf.tensor1d([0, 1], "int32");
  const before = tf.memory().numTensors;
  const rule = "Cannot run MLP as images must have shape [n,28,28,1]: current value is [";
  assertThrows(() => network.logits(wide), TypeError, rule);
  assertThrows(() => network.predict(wide), TypeError, rule);
  await assertRejects(() => minNorm(network, { images: wide, labels }, { p: 2 }), TypeError, rule);
  assertEquals(tf.memory().numTensors, before);
  tf.dispose([wide, labels]);
  network.dispose();
});

Deno.test("infer() gives what logits() gives, whatever the number of images", () => {
  const network = createNetwork(MLP, { seed: 3 });
  tf.tidy(() => {
    const [whole, eager] = [network.infer(images), network.logits(images)];
    assertEquals(whole.shape, [1003, 10]);
    const difference = whole.sub(eager).abs().max().dataSync()[0]!;
    assertEquals(difference < 1e-5, true, `logits differ by ${difference}`);
    assertEquals(network.predict(images).dtype, "int32");
    const sums = network.confidences(images).sum(1).sub(1).abs().max().dataSync()[0]!;
    assertEquals(sums < 1e-5, true);
  });
  network.dispose();
});

Deno.test("createNetwork() draws PyTorch's default ranges, by seed", () => {
  const [one, same, other] = [1, 1, 2].map((seed) => createNetwork(MLP, { seed }));
  const kernel = (network = one) => network!.weights["layers.0.kernel"]!.dataSync();
  assertEquals(kernel(one), kernel(same));
  assertEquals(kernel(one)[0] === kernel(other)[0], false);
  const largest = [...kernel()].reduce((a, b) => Math.max(a, Math.abs(b)), 0);
  assertEquals(largest > 0.99 / 28 && largest <= 1 / 28, true); // 1 / sqrt(784)
  for (const network of [one, same, other]) network!.dispose();
});

Deno.test("loadNetwork() refuses files that are not the network asked for", async () => {
  const network = createNetwork(MLP);
  const good = toArrays(network.weights);
  network.dispose();
  const load = async (tensors: typeof good, metadata: Record<string, string>, path = "bad") => {
    await Deno.writeFile(`${folder}/${path}`, encode(tensors, metadata));
    await loadNetwork(`${folder}/${path}`);
  };
  const { "layers.2.bias": bias, ...incomplete } = good;
  const before = tf.memory().numTensors;
  const refused = async (run: Promise<void>, message: string) => {
    await assertRejects(() => run, TypeError, message);
  };
  await refused(load(good, { architecture: "MLX" }), "must be one of MLP, ");
  await refused(load(good, { architecture: "constructor" }), "must be one of MLP, ");
  await refused(load(good, {}), "current value is undefined");
  await refused(load(good, { architecture: "CNN" }), "as CNN");
  await refused(load(incomplete, { architecture: "MLP" }), "it has no layers.2.bias");
  await refused(
    load({ ...good, "layers.2.bias": { ...bias!, shape: [2, 5] } }, { architecture: "MLP" }),
    "layers.2.bias must have shape [10]: current value is [2,5]",
  );
  await refused(
    load({ ...good, "layers.9.bias": bias! }, { architecture: "MLP" }),
    "layers.9.bias is none of its weights",
  );
  await refused(
    load({ ...good, "layers.2.bias": { shape: [10], values: new Float32Array(10).fill(NaN) } }, {
      architecture: "MLP",
    }),
    "layers.2.bias holds values that are not finite",
  );
  await Deno.writeFile(`${folder}/fashion`, encode(good, { dataset: "FashionMNIST" }));
  await refused(
    loadNetwork(`${folder}/fashion`, { architecture: MLP, dataset: "MNIST" }).then(() => {}),
    "fashion for MNIST: it was trained on FashionMNIST",
  );
  await assertRejects(() => loadNetwork(`${folder}/none`), Deno.errors.NotFound, "no file");
  assertEquals(tf.memory().numTensors, before);
});
