/**
 * TRADES: cross-entropy on the clean images, and a price for answers that change nearby.
 *
 * @module
 */
import { differentiate } from "../attacks/differentiate.ts";
import { type Tensor, type Tensor2D, type Tensor4D, tf } from "../backend.ts";
import { crossEntropy, divergence } from "../loss.ts";
import { project, rescale } from "../norms.ts";
import { assertPositive } from "../numbers.ts";
import { statelessNormal } from "../random.ts";
import type { Lesson, TrainingProtection } from "./lesson.ts";
import { type Ball, nameOfBall, ramp } from "./ramp.ts";

/** Settings of {@linkcode trades}. */
export interface TradesOptions extends Ball {
  /** The price: the higher, the more robust and the less accurate. @default 6 */
  beta?: number;
}

/** Steps of the inner ascent. */
const steps = 10;

/**
 * Learns the cross-entropy of the clean images plus beta times the divergence from their answers to
 * those at the worst points nearby, which ten steps of ascent on that divergence find.
 *
 * Departures from the paper: the ball grows during the first third of the training; steps are 10 of a
 * quarter of epsilon, not 40 of a thirtieth.
 *
 * @throws {RangeError} If a setting is out of range.
 * @see Zhang et al., "Theoretically principled trade-off between robustness and accuracy" (2019),
 *   https://arxiv.org/abs/1901.08573
 */
export function trades({ p, epsilon, beta = 6 }: TradesOptions): TrainingProtection {
  const spec = `trades:${nameOfBall({ p, epsilon })}${beta === 6 ? "" : `:${beta}`}`;
  assertPositive(beta, "beta", "train with trades");
  return {
    spec,
    inBall: true,
    loss: (lesson) => {
      const { images, labels } = lesson;
      const worst = ascend(lesson, p, ramp(lesson, epsilon));
      const [count] = images.shape;
      return (answer) => {
        // One batch, so that batch normalisation sees the images and their neighbours together.
        const logits = answer(tf.concat([images, worst]));
        const clean: Tensor2D = logits.slice([0, 0], [count, -1]);
        const moved: Tensor2D = logits.slice([count, 0], [count, -1]);
        return crossEntropy(clean, labels).add(divergence(clean, moved).mul(beta)).mean();
      };
    },
  };
}

/** Points of the ball where the answers differ most from those at the images. */
function ascend({ images, network, stream }: Lesson, p: number, epsilon: Tensor): Tensor4D {
  const radius: Tensor4D = tf.fill([images.shape[0], 1, 1, 1], 1).mul(epsilon);
  const length = radius.mul(2.5 / steps);
  const clean = network.logits(images);
  const noise = statelessNormal(images.shape, stream()).mul(0.001);
  let point: Tensor4D = tf.clipByValue(images.add(noise), 0, 1);
  for (let step = 0; step < steps; step++) {
    const { gradient } = differentiate(network, point, (logits) => divergence(clean, logits));
    const along = p === 2 ? rescale(gradient, 2, length) : gradient.sign().mul(length);
    const r = project(point.add<Tensor4D>(along).sub(images), p, radius);
    point = tf.clipByValue(images.add(r), 0, 1);
  }
  return point;
}
