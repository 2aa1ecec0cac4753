/**
 * A small network, a batch of digits, and a step of training as protections see it, for tests.
 *
 * @module
 */
import { adam, architecture } from "$lib/architectures.ts";
import { type Tensor4D, tf } from "$lib/backend.ts";
import { forward } from "$lib/forward.ts";
import { conv, dense, flatten, maxPool, relu } from "$lib/layers.ts";
import { type Digits, train } from "$lib/loader.ts";
import type { Network } from "$lib/network.ts";
import { protectionOf } from "$lib/protections/index.ts";
import type { Lesson } from "$lib/protections/lesson.ts";

export const digits: Digits = await train(256);

export const small = architecture("small", [
  ...[conv(4, 5), relu(), maxPool(2), flatten(), dense(16), relu(), dense(10)],
], { epochs: 2, batchSize: 32, optimizer: adam({ learningRate: 1e-2, schedule: "linear" }) });

/** A step as protections see it, of a network that is not trained; draws are [3, 0], [3, 1], ... */
export function lessonOf(network: Network, { images, labels }: Digits, progress = 1): Lesson {
  let drawn = 0;
  return {
    ...{ architecture: network.architecture, images, labels, network },
    progress: tf.scalar(progress),
    stream: () => tf.tensor1d([3, drawn++], "int32"),
  };
}

/** The loss that a protection's part makes, for a network's own weights. */
export function lossOf(
  network: Network,
  part: "loss" | "penalty",
  spec: string,
  progress = 1,
): number {
  return tf.tidy(() => {
    const loss = protectionOf(spec)[part]!(lessonOf(network, digits, progress));
    const answer = (images: Tensor4D) => network.logits(images);
    return loss(answer, { ...network.weights }).dataSync()[0]!;
  });
}

/** The mean cross-entropy of the digits' labels, for other images of them. */
export function crossEntropyOf(network: Network, images: Tensor4D): number {
  return tf.tidy(() => {
    const { layers } = network.architecture;
    const log = tf.logSoftmax(forward(layers, images, { ...network.weights }));
    const mark = tf.oneHot(digits.labels, 10).cast("float32");
    return -log.mul(mark).sum(1).mean().dataSync()[0]!;
  });
}
