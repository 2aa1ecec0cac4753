/**
 * A network's weights: as tensors, and as the arrays of its file.
 *
 * @module
 */
import { type Architecture, weightsOf } from "./architectures.ts";
import { type Tensor, tf } from "./backend.ts";
import type { NamedArray } from "./safetensors.ts";

/** Weights by name, `layers.<i>.kernel` and so on. */
export type Weights = Record<string, Tensor>;

/** Copies tensors out of TensorFlow, for files. */
export function toArrays(tensors: Weights): Record<string, NamedArray> {
  return Object.fromEntries(
    Object.entries(tensors).map(([name, tensor]) => [name, {
      shape: tensor.shape,
      values: tensor.dataSync() as Float32Array,
    }]),
  );
}

/** Copies arrays of a file into TensorFlow; the caller disposes the tensors. */
export function toTensors(arrays: Record<string, NamedArray>): Weights {
  return Object.fromEntries(
    Object.entries(arrays).map(([name, { shape, values }]) => [name, tf.tensor(values, shape)]),
  );
}

/**
 * Checks that a file's tensors are the weights of an architecture.
 *
 * @throws {TypeError} If a weight is missing, has another shape, or does not belong there.
 */
export function assertWeights(
  arrays: Record<string, NamedArray>,
  architecture: Architecture,
  path: string,
): void {
  const fail = (why: string): never => {
    throw new TypeError(`Cannot load ${path} as ${architecture.name}: ${why}`);
  };
  const specs = weightsOf(architecture);
  for (const [name, { shape }] of Object.entries(specs)) {
    const found = arrays[name] ?? fail(`it has no ${name}`);
    if (String(found.shape) !== String(shape)) {
      fail(`${name} must have shape [${shape}]: current value is [${found.shape}]`);
    }
    if (!found.values.every(Number.isFinite)) fail(`${name} holds values that are not finite`);
  }
  const stranger = Object.keys(arrays).find((name) => !(name in specs));
  if (stranger) fail(`${stranger} is none of its weights`);
}
