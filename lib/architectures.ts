/**
 * The networks of the lab: layers and hyperparameters together, one constant for each.
 *
 * @module
 */
import {
  batchNorm,
  conv,
  dense,
  dropout,
  flatten,
  hasWeights,
  label,
  type Layer,
  maxPool,
  outputShape,
  relu,
  type Shape,
  type WeightSpec,
  weightSpecs,
} from "./layers.ts";

/** @see Kingma and Ba, "Adam: a method for stochastic optimization" (2015). */
export interface Adam {
  kind: "adam";
  learningRate: number;
  beta1: number;
  beta2: number;
  epsilon: number;
  /** How the learning rate falls during the training: in a line to 0. @default not at all */
  schedule?: "linear";
}

export const adam = (
  { learningRate, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, schedule }:
    & Pick<Adam, "learningRate">
    & Partial<Adam>,
): Adam => ({ kind: "adam", learningRate, beta1, beta2, epsilon, ...(schedule && { schedule }) });

/** How a network is trained. */
export interface Hyperparameters {
  epochs: number;
  batchSize: number;
  optimizer: Adam;
}

/** Layers, which end in logits, and hyperparameters. */
export interface Architecture extends Hyperparameters {
  name: string;
  layers: readonly Layer[];
  inputShape: Shape;
  /** Number of logits. */
  classes: number;
}

/**
 * Defines an architecture of digits (28 by 28 pixels, one channel), and checks that its layers fit.
 *
 * @throws {RangeError} If a layer can't take its predecessor's output, or the last gives no logits.
 *
 * @example
 * ```ts
 * import { adam, architecture, summary } from "$lib/architectures.ts";
 * import { dense, flatten } from "$lib/layers.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const linear = architecture("linear", [flatten(), dense(10)], {
 *   epochs: 5,
 *   batchSize: 32,
 *   optimizer: adam({ learningRate: 1e-3 }),
 * });
 * assertEquals(summary(linear).map(({ parameters }) => parameters), [0, 7850]);
 * ```
 */
export function architecture(
  name: string,
  layers: readonly Layer[],
  hyperparameters: Hyperparameters,
): Architecture {
  const inputShape = [28, 28, 1];
  const output = layers.reduce<Shape>((shape, layer) => outputShape(layer, shape), inputShape);
  if (output.length !== 1) {
    throw new RangeError(`Cannot define ${name} as it must end in logits: it ends in [${output}]`);
  }
  // Last, as hyperparameters may come from another architecture, which has these too.
  return { ...hyperparameters, name, layers, inputShape, classes: output[0]! };
}

const report: Hyperparameters = {
  epochs: 30,
  batchSize: 32,
  optimizer: adam({ learningRate: 3e-4 }),
};

// deno-fmt-ignore
export const MLP = architecture("MLP", [
  flatten(), dense(128), relu(), dense(128), relu(), dense(10),
], report);

// deno-fmt-ignore
export const MLP_d = architecture("MLP_d", [
  flatten(), dense(128), relu(), dropout(0.4), dense(128), relu(), dropout(0.4), dense(10),
], report);

// deno-fmt-ignore
export const CNN = architecture("CNN", [
  conv(20, 5), relu(), maxPool(2), conv(40, 3), relu(), maxPool(2),
  flatten(), dense(120), relu(), dense(10),
], report);

// deno-fmt-ignore
export const CNN_d = architecture("CNN_d", [
  conv(20, 5), relu(), maxPool(2), conv(40, 3), relu(), maxPool(2), dropout(0.4),
  flatten(), dense(120), relu(), dropout(0.4), dense(10),
], report);

// deno-fmt-ignore
export const MLP_bn = architecture("MLP_bn", [
  flatten(), dense(128), batchNorm(), relu(), dense(128), batchNorm(), relu(), dense(10),
], report);

// deno-fmt-ignore
export const CNN_bn = architecture("CNN_bn", [
  conv(20, 5), batchNorm(), relu(), maxPool(2), conv(40, 3), batchNorm(), relu(), maxPool(2),
  flatten(), dense(120), batchNorm(), relu(), dense(10),
], report);

/** The report's small version. @see Krizhevsky et al. (2012) for the name's origin. */
// deno-fmt-ignore
export const AlexNet = architecture("AlexNet", [
  conv(32, 5), relu(), maxPool(2), conv(64, 3), relu(), maxPool(2), dropout(0.5),
  flatten(), dense(120), relu(), dropout(0.5), dense(10),
], { epochs: 30, batchSize: 64, optimizer: adam({ learningRate: 5e-4 }) });

/** All architectures by name: what commands offer. */
export const architectures: Readonly<Record<string, Architecture>> = Object.fromEntries(
  [MLP, MLP_d, CNN, CNN_d, MLP_bn, CNN_bn, AlexNet].map((one) => [one.name, one]),
);

/** Lists the weights of an architecture by name: `layers.<i>.kernel`, in network order. */
export function weightsOf(
  { layers, inputShape }: Pick<Architecture, "layers" | "inputShape">,
): Record<string, WeightSpec> {
  const specs: Record<string, WeightSpec> = {};
  let [shape, weighted]: [Shape, number] = [inputShape, 0];
  for (const layer of layers) {
    for (const [name, spec] of Object.entries(weightSpecs(layer, shape))) {
      specs[`layers.${weighted}.${name}`] = spec;
    }
    shape = outputShape(layer, shape);
    if (hasWeights(layer)) weighted++;
  }
  return specs;
}

/** One line of a network's summary. */
export interface SummaryRow {
  layer: Layer;
  /** For people: `conv 5×5, 20`. */
  label: string;
  /** Shape of one example after the layer. */
  outputShape: number[];
  /** Number of trained parameters. */
  parameters: number;
}

/** Walks an architecture: label, output shape and parameter count of each layer. */
export function summary(
  { layers, inputShape }: Pick<Architecture, "layers" | "inputShape">,
): SummaryRow[] {
  let shape: Shape = inputShape;
  return layers.map((layer) => {
    const specs = Object.values(weightSpecs(layer, shape)).filter((spec) => spec.trainable);
    const parameters = specs.reduce((sum, spec) => sum + spec.shape.reduce((a, b) => a * b, 1), 0);
    const output = outputShape(layer, shape);
    shape = output;
    return { layer, label: label(layer), outputShape: output, parameters };
  });
}
