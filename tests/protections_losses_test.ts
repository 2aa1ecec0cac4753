/**
 * The mathematics of protections: images moved, losses and penalties, held against formulas.
 *
 * @module
 */
import { assert, assertAlmostEquals, assertEquals, assertLess } from "@std/assert";
import { CNN } from "$lib/architectures.ts";
import { type Tensor, type Tensor2D, type Tensor4D, tf } from "$lib/backend.ts";
import { createNetwork } from "$lib/network.ts";
import { protectionOf } from "$lib/protections/index.ts";
import { statelessNormal } from "$lib/random.ts";
import { crossEntropyOf, digits, lessonOf, lossOf, small } from "./lessons.ts";

Deno.test("pgd moves images within ball and box, and raises the loss", () => {
  tf.tidy(() => {
    const network = createNetwork(small, { seed: 3 });
    for (const [spec, p] of [["pgd:linf:0.1", "inf"], ["pgd:l2:1.5", "2"]] as const) {
      const moved = protectionOf(spec).images!(lessonOf(network, digits));
      const r = moved.sub(digits.images);
      const size = p === "inf" ? r.abs().max([1, 2, 3]) : r.square().sum([1, 2, 3]).sqrt();
      const largest = size.max().dataSync()[0]!;
      const epsilon = p === "inf" ? 0.1 : 1.5;
      assert(largest <= epsilon && largest > 0.9 * epsilon, `${spec}: ${largest}`);
      assert(moved.min().dataSync()[0]! >= 0 && moved.max().dataSync()[0]! <= 1);
      const loss = (images: Tensor4D) => crossEntropyOf(network, images);
      assertLess(loss(digits.images) + 0.05, loss(moved));
    }
  });
});

Deno.test("the ball grows from 0 to its full size during a third of the training", () => {
  tf.tidy(() => {
    const network = createNetwork(small, { seed: 3 });
    const size = (progress: number) =>
      protectionOf("pgd:linf:0.2").images!(lessonOf(network, digits, progress))
        .sub(digits.images).abs().max().dataSync()[0]!;
    assertEquals(size(0), 0);
    assertAlmostEquals(size(1 / 6), 0.1, 1e-5);
    assertAlmostEquals(size(0.9), 0.2, 1e-5);
  });
});

Deno.test("the input gradient's penalty is its weight times the mean squared gradient", () => {
  const network = createNetwork(CNN, { seed: 4 });
  tf.tidy(() => {
    const mark = tf.oneHot(digits.labels, 10).cast("float32");
    const loss = (x: Tensor) =>
      tf.logSoftmax(network.logits(x as Tensor4D)).mul(mark).sum<Tensor>().neg() as Tensor;
    const slope = tf.grad(loss)(digits.images);
    const mean = slope.square().sum([1, 2, 3]).mean().dataSync()[0]!;
    assertAlmostEquals(lossOf(network, "penalty", "gradient:3") / (3 * mean), 1, 1e-4);
  });
  network.dispose();
});

Deno.test("the input gradient's penalty has the gradient of finite differences", () => {
  tf.tidy(() => {
    const network = createNetwork(small, { seed: 4 });
    const learn = protectionOf("gradient:1").penalty!(lessonOf(network, digits));
    const never = () => tf.zeros([1, 10]) as Tensor2D;
    // Not the first biases: their gradient is small beside the jumps where a ReLU opens or closes.
    for (const name of ["layers.0.kernel", "layers.1.kernel", "layers.2.kernel", "layers.2.bias"]) {
      const at = (values: Tensor) => learn(never, { ...network.weights, [name]: values });
      const weight = network.weights[name]!;
      const slope = tf.grad(at)(weight);
      const way = slope.div(slope.norm().add(1e-20));
      const h = 3e-3 * weight.norm().dataSync()[0]! / Math.sqrt(weight.size);
      const value = (t: number) => at(weight.add(way.mul(t))).dataSync()[0]!;
      const difference = (value(h) - value(-h)) / (2 * h);
      const expected = slope.norm().dataSync()[0]!;
      assertAlmostEquals(difference / expected, 1, 0.03, name);
    }
  });
});

Deno.test("interval bounds hold for images of the box, and are exact at radius 0", () => {
  tf.tidy(() => {
    const network = createNetwork(small, { seed: 5 });
    // At the beginning of the training all weight is on the clean images.
    assertAlmostEquals(
      lossOf(network, "loss", "interval:linf:0.3", 0),
      crossEntropyOf(network, digits.images),
      1e-5,
    );
    const clean = crossEntropyOf(network, digits.images);
    const worst = 2 * lossOf(network, "loss", "interval:linf:0.1") - clean;
    for (let i = 0; i < 20; i++) {
      const noise = tf.randomUniform(digits.images.shape, -0.1, 0.1, "float32", i).sign().mul(0.1);
      const near = tf.clipByValue<Tensor4D>(digits.images.add(noise), 0, 1);
      assertLess(crossEntropyOf(network, near), worst);
    }
    assertLess(clean, worst);
  });
});

Deno.test("TRADES is the cross-entropy where the ball has not begun to grow", () => {
  tf.tidy(() => {
    const network = createNetwork(small, { seed: 5 });
    const plain = crossEntropyOf(network, digits.images);
    assertAlmostEquals(lossOf(network, "loss", "trades:linf:0.2", 0), plain, 1e-5);
    assertLess(plain, lossOf(network, "loss", "trades:linf:0.2", 1));
  });
});

Deno.test("consistency is cross-entropy and entropy where copies agree, and dearer where not", () => {
  tf.tidy(() => {
    const network = createNetwork(small, { seed: 5 });
    const log = tf.logSoftmax(network.logits(digits.images));
    const entropy = -log.exp().mul(log).sum(1).mean().dataSync()[0]!;
    const same = crossEntropyOf(network, digits.images) + 0.5 * entropy;
    assertAlmostEquals(lossOf(network, "loss", "consistency:1e-6"), same, 1e-4);
    const [light, heavy] = [1, 11].map((weight) =>
      lossOf(network, "loss", `consistency:0.5:${weight}`)
    );
    // By hand: the copies of the stream's first two draws.
    const answers = [0, 1].map((draw) => {
      const noise = statelessNormal(digits.images.shape, tf.tensor1d([3, draw], "int32")).mul(0.5);
      return network.logits(digits.images.add<Tensor4D>(noise)).softmax();
    });
    const mean = answers[0]!.add<Tensor>(answers[1]!).div<Tensor>(2);
    const apart = answers.map((one) =>
      mean.mul(mean.log().sub(one.log())).sum(1).mean().dataSync()[0]! / 2
    );
    assertAlmostEquals((heavy! - light!) / 10, apart[0]! + apart[1]!, 1e-4);
  });
});
