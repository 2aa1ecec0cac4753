import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { architecture, architectures, CNN, summary, weightsOf } from "$lib/architectures.ts";
import { type Tensor, type Tensor4D, tf } from "$lib/backend.ts";
import { forward } from "$lib/forward.ts";
import {
  batchNorm,
  conv,
  dense,
  dropout,
  flatten,
  hasWeights,
  type Layer,
  maxPool,
  relu,
} from "$lib/layers.ts";
import { createNetwork } from "$lib/network.ts";

const parameters = (name: string) =>
  summary(architectures[name]!).reduce((sum, row) => sum + row.parameters, 0);

Deno.test("architectures have the report's parameter counts", () => {
  assertEquals(parameters("MLP"), 784 * 128 + 128 + 128 * 128 + 128 + 1280 + 10);
  assertEquals(parameters("CNN"), 500 + 20 + 7200 + 40 + 120_000 + 120 + 1200 + 10);
  assertEquals(parameters("AlexNet"), 800 + 32 + 18_432 + 64 + 192_000 + 120 + 1200 + 10);
  assertEquals(parameters("MLP_bn"), parameters("MLP") + 4 * 128);
});

Deno.test("summary() follows the shapes through the CNN", () => {
  const shapes = summary(CNN).map((row) => row.outputShape.join("×"));
  assertEquals(shapes.slice(0, 7), [
    ...["24×24×20", "24×24×20", "12×12×20", "10×10×40", "10×10×40", "5×5×40", "1000"],
  ]);
});

Deno.test("weightsOf() counts only layers that have weights", () => {
  assertEquals(Object.keys(weightsOf(architectures["CNN_bn"]!)).slice(0, 8), [
    ...["layers.0.kernel", "layers.0.bias", "layers.1.scale", "layers.1.offset"],
    ...["layers.1.mean", "layers.1.variance", "layers.2.kernel", "layers.2.bias"],
  ]);
});

Deno.test("architecture() has its own layers, also with another's hyperparameters", () => {
  const linear = architecture("linear", [flatten(), dense(10)], CNN);
  assertEquals([linear.name, linear.layers.length, linear.epochs], ["linear", 2, CNN.epochs]);
});

Deno.test("architecture() names the layer that does not fit", () => {
  const { epochs, batchSize, optimizer } = CNN;
  const define = (...layers: Parameters<typeof architecture>[1][number][]) => () =>
    architecture("X", layers, { epochs, batchSize, optimizer });
  assertThrows(define(dense(10)), RangeError, "dense 10");
  assertThrows(define(flatten(), conv(3, 3)), RangeError, "conv 3×3, 3");
  assertThrows(define(conv(3, 29)), RangeError, "conv 29×29, 3");
  assertThrows(define(conv(3, 3), relu()), RangeError, "must end in logits");
});

Deno.test("layers give together what they give one by one", () => {
  const heads: Layer[][] = [
    [conv(3, 5), relu(), maxPool(2)],
    [conv(3, 5), batchNorm(), relu(), maxPool(2)],
    [conv(3, 5), batchNorm(), relu(), maxPool(2), conv(4, 3), relu(), maxPool(2)],
    [conv(3, 5), maxPool(2)],
    [conv(3, 5), maxPool(2), relu()],
    [conv(3, 5), relu(), maxPool(3)],
    [conv(3, 5), batchNorm(), maxPool(2)],
    [conv(3, 5), relu(), conv(4, 3), relu(), maxPool(2)],
    [conv(3, 27), relu(), maxPool(2)],
    [flatten(), dense(7), relu()],
    [flatten(), dense(7), batchNorm(), relu()],
    [flatten(), dense(7), batchNorm(), relu(), dense(6), relu()],
  ];
  for (const head of heads) {
    const layers = [...head, flatten(), dense(10)];
    tf.tidy(() => {
      const specs = Object.entries(weightsOf({ layers, inputShape: [28, 28, 1] }));
      // Far from where they begin, and variances positive.
      const weights = Object.fromEntries(specs.map(([name, { shape }], i) => {
        const drawn = tf.randomNormal(shape, 0, 1, "float32", 10 + i);
        return [name, name.endsWith("variance") ? drawn.square().add(0.1) : drawn];
      }));
      const images = tf.randomUniform([5, 28, 28, 1], 0, 1, "float32", 3);
      let [x, weighted]: [Tensor, number] = [images, 0];
      for (const layer of layers) {
        const own = specs.filter(([name]) => name.startsWith(`layers.${weighted}.`));
        const renamed = own.map(([name]) => [name.replace(/\d+/, "0"), weights[name]!]);
        x = forward([layer], x, Object.fromEntries(renamed));
        if (hasWeights(layer)) weighted++;
      }
      const together = forward(layers, images, weights);
      const off = together.sub(x).abs().max().div(x.abs().max()).dataSync()[0]!;
      assertAlmostEquals(off, 0, 1e-5, head.map(({ kind }) => kind).join());
    });
  }
});

Deno.test("each architecture gives logits that do not depend on the batch", () => {
  for (const one of Object.values(architectures)) {
    const network = createNetwork(one, { seed: 1 });
    tf.tidy(() => {
      const images = tf.randomUniform([16, 28, 28, 1], 0, 1, "float32", 3) as Tensor4D;
      const all = network.logits(images);
      assertEquals(all.shape, [16, 10]);
      const alone = network.logits(images.slice([5], [1])).dataSync();
      all.slice([5], [1]).dataSync().forEach((logit, i) =>
        assertAlmostEquals(logit, alone[i]!, 1e-4, one.name)
      );
    });
    network.dispose();
  }
});

Deno.test("dropout() zeroes its share while training, keeps the mean, and is off otherwise", () => {
  tf.tidy(() => {
    const x = tf.ones([100, 100]);
    const run = (step: number) =>
      forward([dropout(0.4)], x, {}, { seed: tf.tensor1d([1, step], "int32"), updates: {} })
        .dataSync();
    const [first, again, other] = [run(0), run(0), run(1)];
    assertAlmostEquals(first.filter((value) => value === 0).length / 10_000, 0.4, 0.02);
    assertAlmostEquals(Math.max(...first), 1 / 0.6, 1e-6);
    assertEquals(first, again);
    assertEquals(first.every((value, i) => value === other[i]), false);
    assertEquals(forward([dropout(0.4)], x, {}).dataSync(), x.dataSync());
  });
});

Deno.test("two dropouts of a network draw different masks", () => {
  tf.tidy(() => {
    const training = { seed: tf.tensor1d([1, 2], "int32"), updates: {} };
    const twice = forward([dropout(0.5), dropout(0.5)], tf.ones([100, 100]), {}, training);
    const kept = twice.notEqual(0).mean().dataSync()[0]!;
    assertAlmostEquals(kept, 0.25, 0.02); // the same mask twice would keep half
  });
});

Deno.test("batchNorm() normalises a batch and moves its running statistics by a tenth", () => {
  tf.tidy(() => {
    const x = tf.tensor2d([[1, 10], [3, 30]]);
    const weights = {
      "layers.0.scale": tf.tensor1d([1, 2]),
      "layers.0.offset": tf.tensor1d([0, 5]),
      "layers.0.mean": tf.tensor1d([0, 0]),
      "layers.0.variance": tf.tensor1d([1, 1]),
    };
    const training = { seed: tf.tensor1d([0, 0], "int32"), updates: {} as Record<string, never> };
    const output = forward([batchNorm()], x, weights, training).dataSync();
    [-1, 3, 1, 7].forEach((value, i) => assertAlmostEquals(output[i]!, value, 1e-4));
    const { "layers.0.mean": mean, "layers.0.variance": variance } = training
      .updates as unknown as typeof weights;
    [0.2, 2].forEach((value, i) => assertAlmostEquals(mean.dataSync()[i]!, value, 1e-5));
    // Variances of the two columns, unbiased: 2 and 200.
    [0.9 + 0.2, 0.9 + 20].forEach((value, i) =>
      assertAlmostEquals(variance.dataSync()[i]!, value, 1e-4)
    );
    tf.dispose([mean, variance]);
  });
});
