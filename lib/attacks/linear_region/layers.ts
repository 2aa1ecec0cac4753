/**
 * Affine layers in double precision, one image at a time: forward, and backward for a slope.
 *
 * @module
 */
import type { Architecture } from "../../architectures.ts";
import { hasWeights, label, type Layer, outputShape, type Shape } from "../../layers.ts";
import type { Weights } from "../../weights.ts";

/** Fully connected; kernel `[inputs, outputs]`. */
interface Dense {
  kind: "dense";
  kernel: Float64Array;
  bias: Float64Array;
  inputs: number;
  outputs: number;
}

/** Convolution without padding, stride 1; kernel `[size, size, channels, filters]`. */
interface Conv {
  kind: "conv";
  kernel: Float64Array;
  bias: Float64Array;
  height: number;
  width: number;
  channels: number;
  size: number;
  filters: number;
  outputs: number;
}

/** A factor and an offset for each channel, channels last. */
interface Scale {
  kind: "scale";
  factor: Float64Array;
  offset: Float64Array;
  outputs: number;
}

/** A layer that is affine. */
export type Affine = Dense | Conv | Scale;

/** A layer that chooses: ReLU with the shape that it sees, or max-pool. */
type Choosing =
  | { kind: "relu"; shape: [height: number, width: number, channels: number] }
  | { kind: "maxPool"; size: number };

/** An architecture's layers with their weights, without those that do nothing to one image. */
export function affineLayers(
  { layers, inputShape }: Architecture,
  weights: Weights,
): (Affine | Choosing)[] {
  const found: (Affine | Choosing)[] = [];
  let [shape, weighted]: [Shape, number] = [inputShape, 0];
  for (const layer of layers) {
    const prefix = `layers.${weighted}.`;
    const read = (name: string) => Float64Array.from(weights[prefix + name]!.dataSync());
    found.push(...affineLayer(layer, shape, read));
    shape = outputShape(layer, shape);
    if (hasWeights(layer)) weighted++;
  }
  return found;
}

function affineLayer(
  layer: Layer,
  shape: Shape,
  read: (name: string) => Float64Array,
): (Affine | Choosing)[] {
  const count = (shape: Shape) => shape.reduce((a, b) => a * b, 1);
  const outputs = count(outputShape(layer, shape));
  const [height, width, channels] = shape.length === 3 ? shape : [1, 1, count(shape)];
  switch (layer.kind) {
    case "dense": {
      const [kernel, bias] = [read("kernel"), read("bias")];
      return [{ kind: "dense", kernel, bias, inputs: count(shape), outputs }];
    }
    case "conv": {
      const { size, filters } = layer;
      const [kernel, bias] = [read("kernel"), read("bias")];
      const sizes = { height: height!, width: width!, channels: channels!, size, filters, outputs };
      return [{ kind: "conv", kernel, bias, ...sizes }];
    }
    case "batchNorm": {
      const [scale, variance, mean] = [read("scale"), read("variance"), read("mean")];
      const factor = scale.map((one, i) => one / Math.sqrt(variance[i]! + layer.epsilon));
      const offset = read("offset").map((one, i) => one - mean[i]! * factor[i]!);
      return [{ kind: "scale", factor, offset, outputs }];
    }
    case "relu":
      return [{ kind: "relu", shape: [height!, width!, channels!] }];
    case "maxPool":
      return [{ kind: "maxPool", size: layer.size }];
    case "dropout":
    case "flatten":
      return [];
    default:
      throw new TypeError(
        `Cannot walk a network as its layers must be piecewise affine: current value is ${
          label(layer)
        }`,
      );
  }
}

/** A layer's output. */
export function forward(layer: Affine, x: Float64Array): Float64Array<ArrayBuffer> {
  const out = new Float64Array(layer.outputs);
  if (layer.kind === "scale") {
    const { factor, offset } = layer;
    const channels = factor.length;
    for (let i = 0; i < out.length; i++) {
      out[i] = x[i]! * factor[i % channels]! + offset[i % channels]!;
    }
  } else if (layer.kind === "dense") {
    const { kernel, bias, inputs, outputs } = layer;
    out.set(bias);
    for (let i = 0; i < inputs; i++) {
      const value = x[i]!;
      if (value === 0) continue;
      for (let o = 0, at = i * outputs; o < outputs; o++, at++) out[o]! += value * kernel[at]!;
    }
  } else {
    const { bias, filters } = layer;
    for (let i = 0; i < out.length; i += filters) out.set(bias, i);
    eachTap(layer, (input, output, tap) => {
      const value = x[input]!;
      if (value === 0) return;
      const { kernel } = layer;
      for (let f = 0; f < filters; f++) out[output + f]! += value * kernel[tap + f]!;
    });
  }
  return out;
}

/** The slope with respect to a layer's input, from that with respect to its output. */
export function backward(layer: Affine, slope: Float64Array): Float64Array<ArrayBuffer> {
  if (layer.kind === "scale") {
    const { factor } = layer;
    return Float64Array.from(slope, (one, i) => one * factor[i % factor.length]!);
  }
  if (layer.kind === "dense") {
    const { kernel, inputs, outputs } = layer;
    const out = new Float64Array(inputs);
    const used: number[] = [];
    for (let o = 0; o < outputs; o++) if (slope[o] !== 0) used.push(o);
    for (let i = 0; i < inputs; i++) {
      let sum = 0;
      const row = i * outputs;
      for (let k = 0; k < used.length; k++) sum += kernel[row + used[k]!]! * slope[used[k]!]!;
      out[i] = sum;
    }
    return out;
  }
  return backwardConv(layer, slope);
}

function backwardConv(layer: Conv, slope: Float64Array): Float64Array<ArrayBuffer> {
  const { kernel, height, width, channels, size, filters } = layer;
  const out = new Float64Array(height * width * channels);
  const across = width - size + 1;
  for (let at = 0; at < slope.length; at++) {
    const value = slope[at]!;
    if (value === 0) continue;
    const filter = at % filters;
    const place = (at - filter) / filters;
    const [y, x] = [Math.floor(place / across), place % across];
    for (let ky = 0; ky < size; ky++) {
      for (let kx = 0; kx < size; kx++) {
        const input = ((y + ky) * width + x + kx) * channels;
        const tap = (ky * size + kx) * channels * filters + filter;
        for (let c = 0; c < channels; c++) out[input + c]! += value * kernel[tap + c * filters]!;
      }
    }
  }
  return out;
}

/** Calls back for each input value and each output place that it is part of. */
function eachTap(
  { height, width, channels, size, filters }: Conv,
  visit: (input: number, output: number, tap: number) => void,
): void {
  const [down, across] = [height - size + 1, width - size + 1];
  for (let y = 0; y < down; y++) {
    for (let x = 0; x < across; x++) {
      const output = (y * across + x) * filters;
      for (let ky = 0; ky < size; ky++) {
        for (let kx = 0; kx < size; kx++) {
          const input = ((y + ky) * width + x + kx) * channels;
          const tap = (ky * size + kx) * channels * filters;
          for (let c = 0; c < channels; c++) visit(input + c, output, tap + c * filters);
        }
      }
    }
  }
}
