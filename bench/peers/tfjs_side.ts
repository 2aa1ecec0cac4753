/**
 * Plain tfjs-node's side of `deno task bench`: eager, with variables and an optimizer that minimizes,
 * and none of the lab's kernels or gradients. Speaks the lines of `torch_side.py`.
 *
 * @module
 */
import { createInterface } from "node:readline";
import { createRequire } from "node:module";
import process from "node:process";
import type * as tfjs from "@tensorflow/tfjs";

// tfjs-node 4.22 calls two helpers that newer runtimes dropped from node:util.
const util = createRequire(import.meta.url)("util");
util.isNullOrUndefined ??= (value: unknown) => value === null || value === undefined;
util.isArray ??= Array.isArray;
const tf = await import("@tensorflow/tfjs-node") as unknown as typeof tfjs;

const images = tf.randomUniform([50_000, 28, 28, 1]);
const labels = tf.randomUniform([50_000], 0, 10, "int32");
const variable = (...shape: number[]) => tf.variable(tf.randomUniform(shape, -0.05, 0.05));

type Network = (x: tfjs.Tensor) => tfjs.Tensor;

function mlp(): Network {
  const sizes = [784, 128, 128, 10];
  const weights = sizes.slice(1).map((size, i) => [variable(sizes[i]!, size), variable(size)]);
  return (x) =>
    weights.reduce((x, [kernel, bias], i) => {
      const sums = tf.matMul(x, kernel!).add(bias!);
      return i < weights.length - 1 ? sums.relu() : sums;
    }, x.reshape([-1, 784]));
}

function cnn(): Network {
  const [k1, b1] = [variable(5, 5, 1, 20), variable(20)];
  const [k2, b2] = [variable(3, 3, 20, 40), variable(40)];
  const [w1, c1, w2, c2] = [variable(1000, 120), variable(120), variable(120, 10), variable(10)];
  const block = (x: tfjs.Tensor, kernel: tfjs.Variable, bias: tfjs.Variable) =>
    tf.maxPool(
      tf.conv2d(x as tfjs.Tensor4D, kernel as unknown as tfjs.Tensor4D, 1, "valid")
        .add(bias).relu<tfjs.Tensor4D>(),
      2,
      2,
      "valid",
    );
  return (x) => {
    const features = block(block(x, k1, b1), k2, b2).reshape([-1, 1000]);
    return tf.matMul(tf.matMul(features, w1).add(c1).relu(), w2).add(c2);
  };
}

function step(name: string): () => void {
  const network = name.startsWith("MLP") ? mlp() : cnn();
  const optimizer = tf.train.adam(3e-4);
  let from = 0;
  return () =>
    tf.tidy(() => {
      const rows = tf.range(from, from + 32, 1, "int32");
      from = (from + 32) % (50_000 - 32);
      const [x, y] = [images.gather(rows), labels.gather(rows)];
      optimizer.minimize(() => tf.losses.softmaxCrossEntropy(tf.oneHot(y, 10), network(x)));
    });
}

const runs = new Map<string, () => void>();
console.log(`ready ${tf.version["tfjs-core"]}`);
for await (const line of createInterface({ input: process.stdin })) {
  const [, name = "", repeats] = line.split(" ");
  const run = runs.get(name) ?? step(name);
  if (!runs.has(name)) run();
  runs.set(name, run);
  const start = performance.now();
  for (let i = 0; i < Number(repeats); i++) run();
  console.log((performance.now() - start) / Number(repeats));
}
