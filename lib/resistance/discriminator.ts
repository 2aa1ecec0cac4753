/**
 * The report's discriminator: a small convolutional network that is to tell from the curve of a
 * second attack whether the network was wrong about the image.
 *
 * @module
 */
import { adamStep, type Moments, nextPowers, startMoments, startPowers } from "../adam.ts";
import { type Tensor, type Tensor1D, type Tensor2D, type Tensor4D, tf } from "../backend.ts";
import { compile } from "../compile.ts";
import { initialValues } from "../layers.ts";
import { crossEntropy } from "../loss.ts";
import { assertSeed, statelessUniform, uniform } from "../random.ts";
import { SAMPLES } from "./table.ts";

/** Shapes of the weights: two convolutions along the curve, two layers of 20 and 2. */
const shapes = {
  kernel0: [5, 1, 1, 5],
  bias0: [5],
  kernel1: [3, 1, 5, 10],
  bias1: [10],
  kernel2: [100, 20],
  bias2: [20],
  kernel3: [20, 2],
  bias3: [2],
} as const;

type Name = keyof typeof shapes;
type Weights = Record<Name, Tensor>;
const names = Object.keys(shapes) as Name[];

/** The report's. */
const [learningRate, rate] = [2e-4, 0.5];

/** A curve, and whether the network was wrong about its image. */
export interface Example {
  /** {@linkcode SAMPLES} values. */
  curve: ArrayLike<number>;
  wrong: boolean;
}

/** Settings of {@linkcode trainDiscriminator}. */
export interface DiscriminatorOptions {
  /** Steps of training. @default 3000 */
  steps?: number;
  /** Curves a step, half of them of mistakes. @default 64 */
  batchSize?: number;
  /** Any int32. @default 0 */
  seed?: number;
  signal?: AbortSignal | undefined;
  onProgress?: (done: number) => void;
}

/** A trained discriminator, in plain numbers. */
export interface Discriminator {
  /** Suspicions, positive where a mistake is more likely than not among as many of either kind. */
  suspicions(curves: readonly ArrayLike<number>[]): number[];
  dispose(): void;
}

/**
 * Trains a discriminator: convolutions of width 5 and 3 with 5 and 10 maps, a maximum over 2 after
 * each, dropout 0.5, layers of 20 and 2; Adam 2e-4.
 *
 * The report does not say how it made up for mistakes being rare. Here half of each batch are
 * mistakes, drawn with replacement; and each of the 50 values is scaled to mean 0 and variance 1
 * over the training curves.
 *
 * @throws {RangeError} If there are no examples of either kind, or an option is out of range.
 * @throws The signal's reason when aborted.
 */
export async function trainDiscriminator(
  examples: readonly Example[],
  { steps = 3000, batchSize = 64, seed = 0, signal, onProgress }: DiscriminatorOptions = {},
): Promise<Discriminator> {
  assertSeed(seed, "train a discriminator");
  if (!(Number.isInteger(steps) && steps >= 1)) {
    throw new RangeError(`Cannot train as steps must be at least 1: current value is ${steps}`);
  }
  const groups = [false, true].map((kind) => placesOf(examples, kind));
  const scale = scaleOf(examples.map(({ curve }) => curve));
  const curves = tensorOf(examples.map(({ curve }) => curve), scale);
  const labels = tf.tensor1d(examples.map(({ wrong }) => Number(wrong)), "int32");
  const step = compile(trainingStep, { name: "a step of the discriminator" });
  let state = startState(seed);
  try {
    for (let i = 0; i < steps; i++) {
      signal?.throwIfAborted();
      const before = state;
      state = tf.tidy(() =>
        step(before, curves, labels, drawn(groups, batchSize, seed, i), key(seed, i))
      );
      tf.dispose(before);
      if (i % 50 === 49) await new Promise((resolve) => setTimeout(resolve));
      onProgress?.((i + 1) / steps);
    }
  } catch (error) {
    tf.dispose(state);
    throw error;
  } finally {
    tf.dispose([curves, labels]);
  }
  const { weights, moments, power1, power2 } = state;
  tf.dispose([moments, power1, power2]);
  return {
    suspicions: (curves) =>
      tf.tidy(() => {
        const [right, wrong] = forward(tensorOf(curves, scale), weights).unstack(1);
        return Array.from(wrong!.sub(right!).dataSync());
      }),
    dispose: () => tf.dispose(weights),
  };
}

function placesOf(examples: readonly Example[], kind: boolean): number[] {
  const places = examples.flatMap(({ wrong }, i) => wrong === kind ? [i] : []);
  if (places.length > 0) return places;
  throw new RangeError(
    `Cannot train a discriminator as it needs both mistakes and others: current value is ` +
      `${examples.length} examples of one kind`,
  );
}

type State = { weights: Weights; moments: Record<Name, Moments>; power1: Tensor; power2: Tensor };

function startState(seed: number): State {
  const entries = names.map((name, i) => {
    const shape = [...shapes[name]];
    // A bias has the bound of its kernel, which stands before it.
    const kernel: readonly number[] = shapes[names[i - i % 2]!].slice(0, -1);
    const bound = 1 / Math.sqrt(kernel.reduce((a, b) => a * b));
    const spec = { shape, initial: { bound }, trainable: true };
    return [name, tf.tensor(initialValues(spec, seed, -1 - i), shape)] as const;
  });
  const weights = Object.fromEntries(entries) as Weights;
  const moments = Object.fromEntries(
    entries.map(([name, weight]) => [name, startMoments(weight)]),
  ) as Record<Name, Moments>;
  return { weights, moments, ...startPowers() };
}

/** Logits of "right" and "wrong", shape `[batch, 2]`. Call it inside `tf.tidy`. */
function forward(curves: Tensor4D, weights: Weights, dropout?: Tensor1D): Tensor2D {
  const block = (x: Tensor4D, kernel: Tensor, bias: Tensor): Tensor4D =>
    tf.maxPool(
      tf.conv2d(x, kernel as Tensor4D, 1, "valid").add<Tensor4D>(bias),
      [2, 1],
      [2, 1],
      "valid",
    ).relu();
  const { kernel0, bias0, kernel1, bias1, kernel2, bias2, kernel3, bias3 } = weights;
  const maps = block(block(curves, kernel0, bias0), kernel1, bias1);
  let flat: Tensor2D = maps.reshape([maps.shape[0], 100]);
  if (dropout) {
    const kept = statelessUniform(flat.shape, dropout).greaterEqual(rate);
    flat = flat.mul(kept.cast("float32").mul(1 / (1 - rate)));
  }
  const hidden: Tensor2D = flat.matMul<Tensor2D>(kernel2 as Tensor2D).add<Tensor2D>(bias2).relu();
  return hidden.matMul<Tensor2D>(kernel3 as Tensor2D).add(bias3);
}

function trainingStep(
  state: State,
  curves: Tensor,
  labels: Tensor,
  rows: Tensor,
  key: Tensor,
): State {
  const batch = tf.gather(curves, rows as Tensor1D) as Tensor4D;
  const truth = tf.gather(labels, rows as Tensor1D) as Tensor1D;
  const loss = (...values: Tensor[]) =>
    crossEntropy(forward(batch, byName(values) as Weights, key as Tensor1D), truth);
  const gradients = tf.grads(loss)(names.map((name) => state.weights[name]));
  const powers = nextPowers(state);
  const updates = names.map((name, i) =>
    adamStep(state.weights[name], state.moments[name], gradients[i]!, powers, { learningRate })
  );
  return {
    weights: byName(updates.map(({ x }) => x)) as Weights,
    moments: byName(updates.map(({ moments }) => moments)) as Record<Name, Moments>,
    ...powers,
  };
}

const byName = <T>(values: readonly T[]): Record<string, T> =>
  Object.fromEntries(names.map((name, i) => [name, values[i]!]));

const key = (seed: number, step: number): Tensor1D => tf.tensor1d([seed, step], "int32");

/** Places of a batch: half of either kind, drawn with replacement. */
function drawn(
  groups: readonly (readonly number[])[],
  batchSize: number,
  seed: number,
  step: number,
): Tensor1D {
  const draws = uniform(batchSize, seed, -1_000_000 - step);
  return tf.tensor1d(
    Array.from(draws, (draw, i) => {
      const group = groups[i % 2]!;
      return group[Math.floor(draw * group.length)]!;
    }),
    "int32",
  );
}

/** Mean and deviation of each sample over curves. */
interface Scale {
  mean: number[];
  deviation: number[];
}

function scaleOf(curves: readonly ArrayLike<number>[]): Scale {
  const over = (value: (curve: ArrayLike<number>, i: number) => number) =>
    Array.from(
      { length: SAMPLES },
      (_, i) => curves.reduce((sum, curve) => sum + value(curve, i), 0) / curves.length,
    );
  const mean = over((curve, i) => curve[i]!);
  const variance = over((curve, i) => (curve[i]! - mean[i]!) ** 2);
  // A sample that is the same in all curves tells nothing: it stays 0.
  return { mean, deviation: variance.map((one) => Math.sqrt(one) || 1) };
}

function tensorOf(curves: readonly ArrayLike<number>[], { mean, deviation }: Scale): Tensor4D {
  const values = new Float32Array(curves.length * SAMPLES);
  curves.forEach((curve, row) => {
    for (let i = 0; i < SAMPLES; i++) {
      values[row * SAMPLES + i] = (curve[i]! - mean[i]!) / deviation[i]!;
    }
  });
  return tf.tensor4d(values, [curves.length, SAMPLES, 1, 1]);
}
