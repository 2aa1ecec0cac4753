/**
 * A network and images whose resistances are measured at once.
 *
 * @module
 */
import { architecture, MLP } from "$lib/architectures.ts";
import { tf } from "$lib/backend.ts";
import { dense, flatten } from "$lib/layers.ts";
import { createNetwork } from "$lib/network.ts";
import { uniform } from "$lib/random.ts";
import { settingOf } from "$lib/resistance/measure.ts";

/** A linear network: quick; and sure of itself, as the second attack leaves alone what is in doubt. */
export const linear = architecture("linear", [flatten(), dense(10)], MLP);
export const network = createNetwork(linear, { seed: 1 });
network.setWeights(
  Object.fromEntries(
    Object.entries(network.weights).map(([name, weight]) => [name, weight.mul(20)]),
  ),
);
export const images = tf.tensor4d(uniform(12 * 784, 3, 0), [12, 28, 28, 1]);
export const predictions = network.predict(images).dataSync();
/** Images 7 and 9 count as misclassified. */
export const truth = Array.from(predictions, (one, i) => [7, 9].includes(i) ? (one + 1) % 10 : one);
export const digits = { images, labels: tf.tensor1d(truth, "int32") };
export const group = { digits, first: 100 };
export const setting = await settingOf(network, { steps: 120 });
