/**
 * Adversarial training: each step learns from the worst images that an attack finds near the given
 * ones.
 *
 * @module
 */
import { type Attack, type Oracle, type Problem } from "../attacks/attack.ts";
import { differentiate } from "../attacks/differentiate.ts";
import { pgd } from "../attacks/pgd.ts";
import { type Tensor4D, tf } from "../backend.ts";
import { statelessUniform } from "../random.ts";
import type { Lesson, TrainingProtection } from "./lesson.ts";
import { type Ball, nameOfBall, ramp } from "./ramp.ts";

/** Settings of {@linkcode pgdTraining}. */
export interface PgdTrainingOptions extends Ball {
  /** Steps of the attack, 100 at most: each is a part of the graph of one step of training. @default 10 */
  steps?: number;
}

const mostSteps = 100;

/**
 * Trains on images moved by PGD, all of them, within a ball that grows during the first third of the
 * training. The attack sees the network with dropout off.
 *
 * Departures from the paper: 10 steps of epsilon / 4 (2.5 epsilon over their number), where the paper
 * has 40 of 0.01 at epsilon 0.3; the ball grows; and what `pgd` says of its own.
 *
 * @throws {RangeError} If a setting is out of range.
 * @see Madry et al., "Towards deep learning models resistant to adversarial attacks" (2018),
 *   https://arxiv.org/abs/1706.06083
 */
export function pgdTraining({ p, epsilon, steps = 10 }: PgdTrainingOptions): TrainingProtection {
  const spec = `pgd:${nameOfBall({ p, epsilon })}${steps === 10 ? "" : `:${steps}`}`;
  if (!(Number.isInteger(steps) && steps >= 1 && steps <= mostSteps)) {
    throw new RangeError(
      `Cannot train with pgd as steps must be a whole number from 1 to ${mostSteps}: ` +
        `current value is ${steps}`,
    );
  }
  const attack = pgd({ p, epsilon });
  return {
    spec,
    inBall: true,
    images: (lesson) => moved(lesson, attack, ramp(lesson, epsilon), steps),
  };
}

/**
 * Trains on images moved by one step of a quarter more than epsilon along the gradient's signs, from a
 * random point of the ball: nearly as good as PGD at a fifth of its cost, until it overfits
 * catastrophically, which only another attack reveals.
 *
 * Departures from the paper: the ball grows during the first third of the training, and the step with
 * it; the random point is clipped to the box before the step.
 *
 * @throws {RangeError} If epsilon is out of range, or p is not `Infinity`.
 * @see Wong, Rice and Kolter, "Fast is better than free: revisiting adversarial training" (2020),
 *   https://arxiv.org/abs/2001.03994
 */
export function fgsmTraining({ p, epsilon }: Ball): TrainingProtection {
  if (p !== Infinity) {
    throw new RangeError(`Cannot train with fgsm as it needs p = inf: current value is ${p}`);
  }
  const attack = pgd({ p, epsilon, stepSize: 1.25 });
  return {
    spec: `fgsm:${nameOfBall({ p, epsilon })}`,
    inBall: true,
    images: (lesson) => moved(lesson, attack, ramp(lesson, epsilon), 1),
  };
}

/** The images where an attack ends, shape `[batch, 28, 28, 1]`. @param epsilon A scalar. */
function moved(
  { images, labels, network, stream }: Lesson,
  attack: Attack,
  epsilon: ReturnType<typeof ramp>,
  steps: number,
): Tensor4D {
  const problem: Problem = { images, references: labels, targets: labels, mode: "leave" };
  const oracle: Oracle = {
    logits: (points) => network.logits(points),
    gradient: (points, loss) => differentiate(network, points, loss),
  };
  let state = attack.start(problem, {
    point: images,
    epsilon: tf.fill([images.shape[0], 1, 1, 1], 1).mul(epsilon),
    steps,
    uniform: () => statelessUniform(images.shape, stream()) as Tensor4D,
  });
  for (let step = 0; step < steps; step++) state = attack.step(state, problem, oracle);
  return state.point;
}
