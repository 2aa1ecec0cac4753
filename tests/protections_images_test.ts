/**
 * The images that protections learn from: moved within balls, or noisy, as computed by hand.
 *
 * @module
 */
import { assert, assertAlmostEquals, assertEquals, assertLess } from "@std/assert";
import { type Tensor, type Tensor4D, tf } from "$lib/backend.ts";
import { createNetwork, type Network } from "$lib/network.ts";
import { protectionOf } from "$lib/protections/index.ts";
import { statelessNormal, statelessUniform } from "$lib/random.ts";
import { crossEntropyOf, digits, lessonOf, small } from "./lessons.ts";

/** Whether two pictures are the same but for pixels where rounding turned a sign. */
function assertSamePixels(found: Tensor4D, expected: Tensor4D): void {
  const other = tf.tidy(() => found.sub(expected).abs().greater(1e-4).mean().dataSync()[0]!);
  assertLess(other, 0.002);
}

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

/** Sum of the cross-entropies at images. */
const lossOf = (network: Network) => (x: Tensor): Tensor => {
  const mark = tf.oneHot(digits.labels, 10).cast("float32");
  return tf.logSoftmax(network.logits(x as Tensor4D)).mul(mark).sum<Tensor>().neg();
};

/** A step along the signs of a value's gradient, back into the ball of 0.2 and the box. */
function stepped(value: (x: Tensor) => Tensor, point: Tensor, length: number): Tensor {
  const { images } = digits;
  const r = point.add<Tensor>(tf.grad(value)(point).sign().mul(length)).sub<Tensor>(images);
  return images.add<Tensor>(r.clipByValue(-0.2, 0.2)).clipByValue(0, 1);
}

Deno.test("pgd makes ten steps of a quarter of epsilon, or as many as it is told, from a random point", () => {
  tf.tidy(() => {
    const network = createNetwork(small, { seed: 3 });
    const { images } = digits;
    for (const [spec, steps, length] of [["", 10, 0.05], [":3", 3, 0.5 / 3]] as const) {
      const uniform = statelessUniform(images.shape, tf.tensor1d([3, 0], "int32"));
      let point = images.add<Tensor>(uniform.mul(2).sub(1).mul(0.2)).clipByValue(0, 1);
      for (let step = 0; step < steps; step++) {
        point = stepped(lossOf(network), point, length);
      }
      const found = protectionOf(`pgd:linf:0.2${spec}`).images!(lessonOf(network, digits));
      assertSamePixels(found, point as Tensor4D);
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

Deno.test("TRADES moves images by ten steps of ascent on the divergence from the clean answers", () => {
  tf.tidy(() => {
    const network = createNetwork(small, { seed: 5 });
    const { images } = digits;
    // Near the images the two differ in their last digits only, so they are rounded in the same way.
    const log = tf.logSoftmax(network.logits(images));
    const divergence = (x: Tensor) =>
      log.exp().mul(log.sub(tf.logSoftmax(network.logits(x as Tensor4D)))).sum<Tensor>();
    const noise = statelessNormal(images.shape, tf.tensor1d([3, 0], "int32")).mul(0.001);
    let point: Tensor = images.add(noise).clipByValue(0, 1);
    for (let step = 0; step < 10; step++) point = stepped(divergence, point, 0.05);
    let seen: Tensor4D | undefined;
    protectionOf("trades:linf:0.2").loss!(lessonOf(network, digits))((batch) => {
      seen = batch;
      return network.logits(batch);
    }, {});
    assertSamePixels(seen!.slice([0, 0, 0, 0], [256, -1, -1, -1]), images);
    assertSamePixels(seen!.slice([256, 0, 0, 0], [256, -1, -1, -1]), point as Tensor4D);
  });
});

Deno.test("fgsm makes one step of 1.25 epsilon from a random point, back into ball and box", () => {
  tf.tidy(() => {
    const network = createNetwork(small, { seed: 3 });
    const { images } = digits;
    const uniform = statelessUniform(images.shape, tf.tensor1d([3, 0], "int32"));
    const start = images.add<Tensor>(uniform.mul(2).sub(1).mul(0.2)).clipByValue(0, 1);
    const expected = stepped(lossOf(network), start, 0.25);
    const found = protectionOf("fgsm:linf:0.2").images!(lessonOf(network, digits));
    assertSamePixels(found, expected as Tensor4D);
  });
});

Deno.test("noise is added as it is drawn, and not clipped", () => {
  tf.tidy(() => {
    const drawn = statelessNormal(digits.images.shape, tf.tensor1d([3, 0], "int32"));
    const expected = digits.images.add<Tensor4D>(drawn.mul(0.5));
    const noisy = protectionOf("noise:0.5").images!(lessonOf(createNetwork(small), digits));
    assertLess(noisy.sub(expected).abs().max().dataSync()[0]!, 1e-6);
    assertLess(noisy.min().dataSync()[0]!, -1);
    assertLess(2, noisy.max().dataSync()[0]!);
  });
});
