/**
 * Weight decay: weights shrink a little in each step.
 *
 * @module
 */
import type { Architecture } from "../architectures.ts";
import { assertPositive } from "../numbers.ts";
import type { TrainingProtection } from "./lesson.ts";

/**
 * Shrinks all weights but biases by `rate` times the learning rate in each step, apart from Adam's own
 * step, whose scaling would undo it.
 *
 * @throws {RangeError} If rate is not finite and > 0, or (`check`) so large that weights would shrink
 *   to 0 and beyond in one step.
 * @see Loshchilov and Hutter, "Decoupled weight decay regularization" (2019),
 *   https://arxiv.org/abs/1711.05101
 */
export function weightDecay(rate: number): TrainingProtection {
  assertPositive(rate, "its rate", "train with decay");
  const check = ({ name, optimizer: { learningRate } }: Architecture) => {
    if (rate * learningRate < 1) return;
    throw new RangeError(
      `Cannot train ${name} with decay as its rate times the learning rate of ${learningRate} must ` +
        `be below 1: current value is ${rate}`,
    );
  };
  return { spec: `decay:${rate}`, decay: rate, check };
}
