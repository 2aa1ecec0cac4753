/**
 * The vocabulary of layers: plain data, and for each kind its shapes, initial weights and forward pass.
 * `forward.ts` runs a list of them.
 *
 * @module
 */
import { type Tensor, type Tensor1D, type Tensor2D, type Tensor4D, tf } from "./backend.ts";
import { denseLayer } from "./dense.ts";
import { biasAdd } from "./ops.ts";
import { statelessUniform, uniform } from "./random.ts";

/** Shape of one example, without the batch axis. */
export type Shape = readonly number[];

/** Convolution without padding, stride 1. */
export type Conv = { kind: "conv"; filters: number; size: number };
/** Fully connected layer; takes flat input. */
export type Dense = { kind: "dense"; units: number };
/** Batch normalisation over all axes but the last. */
export type BatchNorm = { kind: "batchNorm"; momentum: number; epsilon: number };
/** Rectified linear unit. */
export type Relu = { kind: "relu" };
/** Maximum over squares of `size` pixels, moved by `size`. */
export type MaxPool = { kind: "maxPool"; size: number };
/** While training, zeroes each value with probability `rate` and scales the others up. */
export type Dropout = { kind: "dropout"; rate: number };
/** All axes of an example into one, in height, width, channel order. */
export type Flatten = { kind: "flatten" };
/** Exponentials that add up to 1. Networks here end in logits; this shows what comes of ending in it. */
export type Softmax = { kind: "softmax" };
/** A layer is data: everything that walks a network (forward pass, picture, bounds) reads the same list. */
export type Layer = Conv | Dense | BatchNorm | Relu | MaxPool | Dropout | Flatten | Softmax;

export const conv = (filters: number, size: number): Conv => ({ kind: "conv", filters, size });
export const dense = (units: number): Dense => ({ kind: "dense", units });
/** @see Ioffe and Szegedy, "Batch normalization" (2015). */
export const batchNorm = ({ momentum = 0.9, epsilon = 1e-5 } = {}): BatchNorm => ({
  kind: "batchNorm",
  momentum,
  epsilon,
});
export const relu = (): Relu => ({ kind: "relu" });
export const maxPool = (size: number): MaxPool => ({ kind: "maxPool", size });
/** @see Srivastava et al., "Dropout" (2014). */
export const dropout = (rate: number): Dropout => ({ kind: "dropout", rate });
export const flatten = (): Flatten => ({ kind: "flatten" });
export const softmax = (): Softmax => ({ kind: "softmax" });

/** Initial values of a weight: uniform in [-bound, bound), or all the same. */
type Initial = { bound: number } | { constant: number };

/** A weight that a layer needs. */
export interface WeightSpec {
  shape: number[];
  initial: Initial;
  /** Whether the optimizer updates it; the others are running statistics. */
  trainable: boolean;
}

/** What a forward pass in training needs and gives besides its output. */
export interface Training {
  /** `[seed, step]`, int32, shape `[2]`: what the dropout masks are drawn from. */
  seed: Tensor1D;
  /** Gets the new running statistics by weight name; the caller disposes them. */
  updates: Record<string, Tensor>;
}

/** What a layer's forward pass sees. */
export interface Context {
  weights: Record<string, Tensor>;
  /** Prefix of this layer's weights, such as `layers.0.`. */
  prefix: string;
  /** Place in the list, to give each dropout a stream of its own. */
  index: number;
  training: Training | undefined;
}

interface Kind<L extends Layer> {
  label(layer: L): string;
  outputShape(layer: L, input: Shape): number[];
  weights(layer: L, input: Shape): Record<string, WeightSpec>;
  forward(layer: L, x: Tensor, context: Context): Tensor;
}

const none = () => ({});
const same = (_: Layer, input: Shape) => [...input];
const product = (shape: Shape) => shape.reduce((a, b) => a * b, 1);

function weight({ weights, prefix }: Context, name: string): Tensor {
  const tensor = weights[prefix + name];
  if (!tensor) {
    throw new TypeError(`Cannot run the network as a weight is missing: ${prefix}${name}`);
  }
  return tensor;
}

// Kernel and bias uniform in ±1 / sqrt(inputs of a unit): PyTorch's default, which the report used.
function kernelAndBiasSpecs(shape: number[]): Record<string, WeightSpec> {
  const initial = { bound: 1 / Math.sqrt(product(shape.slice(0, -1))) };
  return {
    kernel: { shape, initial, trainable: true },
    bias: { shape: shape.slice(-1), initial, trainable: true },
  };
}

function image(input: Shape, layer: Layer): [height: number, width: number, channels: number] {
  const [height, width, channels] = input;
  if (input.length !== 3 || !height || !width || !channels) {
    throw new RangeError(
      `Cannot place ${label(layer)} as its input must be an image: current value is [${input}]`,
    );
  }
  return [height, width, channels];
}

function vector(input: Shape, layer: Layer): number {
  if (input.length !== 1 || !input[0]) {
    throw new RangeError(
      `Cannot place ${label(layer)} as its input must be flat: current value is [${input}]`,
    );
  }
  return input[0];
}

function normalize(layer: BatchNorm, x: Tensor, context: Context): Tensor {
  let [mean, variance] = [weight(context, "mean"), weight(context, "variance")];
  if (context.training) {
    const axes = x.shape.slice(0, -1).map((_, axis) => axis);
    const count = product(x.shape.slice(0, -1));
    const [before, now] = [{ mean, variance }, tf.moments(x, axes)];
    const { momentum } = layer;
    const blend = (old: Tensor, fresh: Tensor) =>
      tf.keep(old.mul(momentum).add(fresh.mul(1 - momentum)));
    // Kept as they must leave the gradient's scope; unbiased, as running statistics are.
    const { updates } = context.training;
    updates[context.prefix + "mean"] = blend(before.mean, now.mean);
    updates[context.prefix + "variance"] = blend(
      before.variance,
      now.variance.mul(count / Math.max(count - 1, 1)),
    );
    ({ mean, variance } = now);
  }
  return x.sub(mean).mul(scaling(layer, variance, context)).add(weight(context, "offset"));
}

const scaling = ({ epsilon }: BatchNorm, variance: Tensor, context: Context) =>
  weight(context, "scale").mul(variance.add(epsilon).rsqrt());

function drop(layer: Dropout, x: Tensor, { training, index }: Context): Tensor {
  if (!training || layer.rate === 0) return x;
  const stream = tf.add(training.seed, tf.tensor1d([index * 1_000_003, 0], "int32")) as Tensor1D;
  const kept = statelessUniform(x.shape, stream).greaterEqual(layer.rate);
  return x.mul(kept.cast("float32").mul(1 / (1 - layer.rate)));
}

const kinds: { [K in Layer["kind"]]: Kind<Extract<Layer, { kind: K }>> } = {
  conv: {
    label: ({ filters, size }) => `conv ${size}×${size}, ${filters}`,
    outputShape: (layer, input) => {
      const [height, width] = image(input, layer);
      return [height - layer.size + 1, width - layer.size + 1, layer.filters];
    },
    weights: (layer, input) =>
      kernelAndBiasSpecs([layer.size, layer.size, image(input, layer)[2], layer.filters]),
    forward: (_, x, context) => {
      const [kernel, bias] = kernelAndBiasOf(context);
      return biasAdd(tf.conv2d(x as Tensor4D, kernel as Tensor4D, 1, "valid"), bias as Tensor1D);
    },
  },
  dense: {
    label: ({ units }) => `dense ${units}`,
    outputShape: (layer, input) => {
      vector(input, layer);
      return [layer.units];
    },
    weights: (layer, input) => kernelAndBiasSpecs([vector(input, layer), layer.units]),
    forward: (_, x, context) => {
      const [kernel, bias] = kernelAndBiasOf(context);
      return denseLayer(x as Tensor2D, kernel as Tensor2D, bias as Tensor1D);
    },
  },
  batchNorm: {
    label: () => "batch norm",
    outputShape: same,
    weights: (_, input) => {
      const shape = input.slice(-1);
      const constant = (value: number, trainable: boolean): WeightSpec => ({
        shape,
        initial: { constant: value },
        trainable,
      });
      return {
        scale: constant(1, true),
        offset: constant(0, true),
        mean: constant(0, false),
        variance: constant(1, false),
      };
    },
    forward: normalize,
  },
  relu: { label: () => "ReLU", outputShape: same, weights: none, forward: (_, x) => tf.relu(x) },
  maxPool: {
    label: ({ size }) => `max-pool ${size}`,
    outputShape: (layer, input) => {
      const [height, width, channels] = image(input, layer);
      return [Math.floor(height / layer.size), Math.floor(width / layer.size), channels];
    },
    weights: none,
    forward: ({ size }, x) => tf.maxPool(x as Tensor4D, size, size, "valid"),
  },
  dropout: {
    label: ({ rate }) => `dropout ${rate}`,
    outputShape: same,
    weights: none,
    forward: drop,
  },
  flatten: {
    label: () => "flatten",
    outputShape: (_, input) => [product(input)],
    weights: none,
    forward: (_, x) => x.reshape([x.shape[0]!, product(x.shape.slice(1))]),
  },
  softmax: {
    label: () => "softmax",
    outputShape: (layer, input) => [vector(input, layer)],
    weights: none,
    forward: (_, x) => tf.softmax(x),
  },
};

// The table's row for a layer takes that layer: a fact that TypeScript can't follow through the union.
const kindOf = (layer: Layer) => kinds[layer.kind] as Kind<Layer>;

/** Names a layer for people: `conv 5×5, 20`. */
export const label = (layer: Layer): string => kindOf(layer).label(layer);

/**
 * Computes the shape of one example after a layer.
 *
 * @throws {RangeError} If the layer can't take `input`.
 */
export function outputShape(layer: Layer, input: Shape): number[] {
  const shape = kindOf(layer).outputShape(layer, input);
  if (shape.some((size) => size < 1)) {
    throw new RangeError(`Cannot place ${label(layer)} as its input is too small: [${input}]`);
  }
  return shape;
}

/** Lists the weights that a layer needs for inputs of a shape, in the order of their initial draws. */
export const weightSpecs = (layer: Layer, input: Shape): Record<string, WeightSpec> =>
  kindOf(layer).weights(layer, input);

/**
 * Draws a weight's initial values.
 *
 * @param stream The weight's place in its network.
 */
export function initialValues(spec: WeightSpec, seed: number, stream: number): Float32Array {
  const count = product(spec.shape);
  if ("constant" in spec.initial) return new Float32Array(count).fill(spec.initial.constant);
  const { bound } = spec.initial;
  return uniform(count, seed, stream).map((value) => (2 * value - 1) * bound);
}

/** Runs one layer. */
export const runLayer = (layer: Layer, x: Tensor, context: Context): Tensor =>
  kindOf(layer).forward(layer, x, context);

/**
 * Kernel and bias of a convolution or a dense layer.
 *
 * @param norm Batch normalisation behind it, by its running statistics, which they then do as well.
 */
export function kernelAndBiasOf(
  context: Context,
  norm?: { layer: BatchNorm; context: Context },
): [kernel: Tensor, bias: Tensor] {
  const [kernel, bias] = [weight(context, "kernel"), weight(context, "bias")];
  if (!norm) return [kernel, bias];
  const [mean, variance] = [weight(norm.context, "mean"), weight(norm.context, "variance")];
  const factor = scaling(norm.layer, variance, norm.context);
  return [
    kernel.mul(factor),
    bias.sub(mean).mul(factor).add(weight(norm.context, "offset")),
  ];
}

/** Whether a layer has weights, and so a number in their names. */
export const hasWeights = (layer: Layer): boolean => kindOf(layer).weights !== none;
