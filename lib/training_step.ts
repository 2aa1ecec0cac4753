/**
 * One step of training: from weights and optimizer's memory to the next ones, protections included.
 *
 * @module
 */
import { adamStep, nextPowers, startMoments, startPowers } from "./adam.ts";
import { type Architecture, weightsOf } from "./architectures.ts";
import { type Tensor, type Tensor1D, type Tensor2D, type Tensor4D, tf } from "./backend.ts";
import type { TrainingState } from "./checkpoint.ts";
import { forward } from "./forward.ts";
import { copy } from "./graph/tree.ts";
import type { Training } from "./layers.ts";
import { crossEntropy } from "./loss.ts";
import type { Network } from "./network.ts";
import type { Lesson, Loss, TrainingProtection } from "./protections/lesson.ts";
import type { Weights } from "./weights.ts";

/** Names of the weights that the optimizer updates. */
const trainableOf = (architecture: Architecture): string[] =>
  Object.entries(weightsOf(architecture)).filter(([, spec]) => spec.trainable).map(([name]) =>
    name
  );

/** The state before the first step; the caller disposes it. */
export function startOf(network: Network): TrainingState {
  const weights = copy(network.weights);
  const moments = trainableOf(network.architecture).map((name) =>
    [name, startMoments(weights[name]!)] as const
  );
  return { weights, moments: Object.fromEntries(moments), powers: startPowers() };
}

/** One step of training as a pure function: what {@linkcode TrainingRun} compiles. */
export function trainingStep(
  architecture: Architecture,
  protections: readonly TrainingProtection[] = [],
) {
  const trainable = trainableOf(architecture);
  const decay = protections.reduce((sum, { decay = 0 }) => sum + decay, 0);
  return (
    state: TrainingState,
    images: Tensor,
    labels: Tensor,
    rows: Tensor,
    seed: Tensor,
    progress: Tensor,
  ) => {
    const batch = tf.gather(images, rows as Tensor1D) as Tensor4D;
    const truth = tf.gather(labels, rows as Tensor1D) as Tensor1D;
    const training: Training = { seed: seed as Tensor1D, updates: {} };
    const learn = lossOf(protections, {
      architecture,
      images: batch,
      labels: truth,
      network: asItStands(architecture, state.weights),
      progress,
      stream: streams(training.seed),
    });
    const loss = (...values: Tensor[]) => {
      const changed = Object.fromEntries(trainable.map((name, i) => [name, values[i]!]));
      const weights = { ...state.weights, ...changed };
      const answer = (x: Tensor4D) =>
        forward(architecture.layers, x, weights, training) as Tensor2D;
      return learn(answer, weights);
    };
    const { value, grads } = tf.valueAndGrads(loss)(trainable.map((name) => state.weights[name]!));
    const optimizer = { ...architecture.optimizer, learningRate: rateAt(architecture, progress) };
    const powers = nextPowers(state.powers, optimizer);
    const weights = { ...state.weights, ...training.updates };
    const moments = { ...state.moments };
    trainable.forEach((name, i) => {
      const [x, memory] = [weights[name]!, moments[name]!];
      const kept = decay > 0 && name.endsWith(".kernel")
        ? x.mul(tf.sub(1, tf.mul(optimizer.learningRate, decay)))
        : x;
      const step = adamStep(kept, memory, grads[i]!, powers, optimizer);
      [weights[name], moments[name]] = [step.x, step.moments];
    });
    return [{ weights, moments, powers }, value] as const;
  };
}

/** What a step descends on: the mean cross-entropy, as protections change it and add to it. */
function lossOf(protections: readonly TrainingProtection[], given: Lesson): Loss {
  const lesson = protections.reduce<Lesson>(
    (lesson, one) => one.images ? { ...lesson, images: one.images(lesson) } : lesson,
    given,
  );
  const plain: Loss = (answer) => crossEntropy(answer(lesson.images), lesson.labels).mean<Tensor>();
  const main = protections.find(({ loss }) => loss)?.loss?.(lesson) ?? plain;
  const penalties = protections.flatMap((one) => one.penalty ? [one.penalty(lesson)] : []);
  return (answer, weights) =>
    penalties.reduce<Tensor>(
      (sum, penalty) => sum.add(penalty(answer, weights)),
      main(answer, weights),
    );
}

/** The network before the step, as attacks see it. */
const asItStands = (
  { name, classes, layers }: Architecture,
  weights: Weights,
): Lesson["network"] => ({
  name,
  classes,
  revision: weights,
  logits: (images) => forward(layers, images, weights) as Tensor2D,
});

/** Streams of random numbers below those of dropout, which go up from the seed. */
function streams(seed: Tensor1D): () => Tensor1D {
  let drawn = 0;
  return () => tf.add(seed, tf.tensor1d([--drawn * 1_000_003, 0], "int32"));
}

/** The learning rate: a number if it is always the same. */
function rateAt({ optimizer: { learningRate, schedule } }: Architecture, progress: Tensor) {
  return schedule === "linear" ? tf.sub(1, progress).mul<Tensor>(learningRate) : learningRate;
}
