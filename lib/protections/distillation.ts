/**
 * Defensive distillation: a network learns the softened answers of another one of its kind.
 *
 * @module
 */
import { type Tensor, type Tensor1D, type Tensor2D, tf } from "../backend.ts";
import { crossEntropy } from "../loss.ts";
import type { Classifier } from "../network.ts";
import type { TrainingProtection } from "./lesson.ts";

function assertTemperature(temperature: number): void {
  if (temperature >= 1 && temperature < Infinity) return;
  throw new RangeError(
    `Cannot distil as the temperature must be finite and >= 1: current value is ${temperature}`,
  );
}

/**
 * Learns labels with logits divided by the temperature: how a teacher is trained.
 *
 * @throws {RangeError} If the temperature is below 1.
 */
export function heated(temperature: number): TrainingProtection {
  assertTemperature(temperature);
  return {
    spec: `heated:${temperature}`,
    loss: ({ images, labels }) => (answer) =>
      crossEntropy(answer(images).div<Tensor2D>(temperature), labels).mean(),
  };
}

/**
 * Learns the teacher's softmax at a temperature, at the same temperature. Used without it afterwards,
 * the network's logits are that many times too large: its softmax saturates, and gradients of
 * confidences vanish. It looks strong, and is not: attacks that descend on logits do not notice.
 *
 * `deno task protect` trains both with one seed, so teacher and student begin from the same weights and
 * see the images in the same order.
 *
 * @param teacher A network trained by {@linkcode heated} at the same temperature.
 * @throws {RangeError} If the temperature is below 1.
 * @see Papernot et al., "Distillation as a defense to adversarial perturbations against deep neural
 *   networks" (2016), https://arxiv.org/abs/1511.04508; broken by Carlini and Wagner, "Towards
 *   evaluating the robustness of neural networks" (2017), https://arxiv.org/abs/1608.04644
 */
export function distillation(teacher: Classifier, temperature: number): TrainingProtection {
  assertTemperature(temperature);
  return {
    spec: `distillation:${temperature}`,
    loss: ({ images }) => {
      const soft = teacher.logits(images).div(temperature).softmax();
      return (answer) => {
        const log: Tensor = tf.logSoftmax(answer(images).div<Tensor2D>(temperature));
        return soft.mul(log).sum<Tensor1D>(1).mean<Tensor>().neg();
      };
    },
  };
}
