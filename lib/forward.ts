/**
 * Runs a list of layers, those together that one operation does at once.
 *
 * @module
 */
import type { Tensor, Tensor1D, Tensor2D, Tensor4D } from "./backend.ts";
import { convReluPool } from "./conv_relu_pool.ts";
import { denseLayer } from "./dense.ts";
import {
  type Context,
  hasWeights,
  kernelAndBiasOf,
  type Layer,
  runLayer,
  type Training,
} from "./layers.ts";

/**
 * Runs a list of layers; differentiable.
 *
 * @param x Shape `[batch, ...]`.
 * @param weights By name: `layers.<i>.kernel`, i counting layers that have weights.
 * @param training Only while training: turns dropout and batch statistics on.
 * @returns The last layer's output, shape `[batch, ...]`. Call it inside `tf.tidy`.
 */
export function forward(
  layers: readonly Layer[],
  x: Tensor,
  weights: Record<string, Tensor>,
  training?: Training,
): Tensor {
  const order = poolFirst(layers);
  let weighted = 0;
  for (let i = 0; i < order.length;) {
    const group = groupOf(order.slice(i), training !== undefined);
    const contexts = group.map((layer, j): Context => {
      const prefix = `layers.${weighted}.`;
      if (hasWeights(layer)) weighted++;
      return { weights, prefix, index: i + j, training };
    });
    x = group.length > 1 ? runTogether(group, x, contexts) : runLayer(group[0]!, x, contexts[0]!);
    i += group.length;
  }
  return x;
}

/**
 * Puts each max-pool before the ReLU that it follows: the result and its gradient are the same, as
 * ReLU keeps the order of values, and ReLU has a quarter of the work.
 */
function poolFirst(layers: readonly Layer[]): Layer[] {
  const order = [...layers];
  order.forEach((layer, i) => {
    const next = order[i + 1];
    if (layer.kind === "relu" && next?.kind === "maxPool") [order[i], order[i + 1]] = [next, layer];
  });
  return order;
}

/**
 * The layers at the head of a list that run together: a convolution or a dense layer, batch
 * normalisation where its statistics stand, the max-pool of a convolution, and ReLU; or the first one
 * alone.
 */
function groupOf(layers: readonly Layer[], training: boolean): readonly Layer[] {
  const [first, second] = layers;
  const isFolded = second?.kind === "batchNorm" && !training;
  const kinds = [
    ...[first?.kind === "conv" ? "conv" : "dense", ...isFolded ? ["batchNorm"] : []],
    ...[...first?.kind === "conv" ? ["maxPool"] : [], "relu"],
  ];
  const group = layers.slice(0, kinds.length);
  const fits = kinds.every((kind, i) => group[i]?.kind === kind) &&
    group.every((layer) => layer.kind !== "maxPool" || layer.size === 2);
  return fits ? group : layers.slice(0, 1);
}

function runTogether(
  [first, norm]: readonly Layer[],
  x: Tensor,
  contexts: readonly Context[],
): Tensor {
  const [kernel, bias] = kernelAndBiasOf(
    contexts[0]!,
    norm?.kind === "batchNorm" ? { layer: norm, context: contexts[1]! } : undefined,
  );
  return first?.kind === "conv"
    ? convReluPool(x as Tensor4D, kernel as Tensor4D, bias as Tensor1D)
    : denseLayer(x as Tensor2D, kernel as Tensor2D, bias as Tensor1D, { relu: true });
}
