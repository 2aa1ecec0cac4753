/**
 * Stateless random numbers: the same (seed, stream) gives the same bits in a graph, eagerly, and in
 * pure JavaScript, whatever was drawn before.
 *
 * @see Salmon et al., "Parallel random numbers: as easy as 1, 2, 3" (2011), Philox4x32-10.
 * @module
 */
import {
  backend,
  nativeBackend,
  type Tensor,
  type Tensor1D,
  tf,
  typeAttribute,
} from "./backend.ts";

/**
 * Checks a seed.
 *
 * @param work What can't be done with a bad one: "attack", "train".
 * @throws {RangeError} If it is no int32.
 */
export function assertSeed(seed: number, work: string): void {
  if ((seed | 0) === seed) return;
  throw new RangeError(`Cannot ${work} as seed must be an int32: current value is ${seed}`);
}

type Four = [number, number, number, number];

// High and low 32 bits of a product of two unsigned 32-bit numbers, by halves: doubles hold 53 bits.
function multiply(a: number, b: number): [high: number, low: number] {
  const [aHigh, aLow, bHigh, bLow] = [a >>> 16, a & 0xffff, b >>> 16, b & 0xffff];
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16);
  const carry = aLow * bHigh + (middle % 0x10000);
  const high = aHigh * bHigh + Math.floor(middle / 0x10000) + Math.floor(carry / 0x10000);
  return [high >>> 0, Math.imul(a, b) >>> 0];
}

function philox(counter: Four, key: [number, number]): Four {
  let [c0, c1, c2, c3] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < 10; round++) {
    const [high0, low0] = multiply(c0, 0xd2511f53);
    const [high1, low1] = multiply(c2, 0xcd9e8d57);
    [c0, c1, c2, c3] = [(high1 ^ c1 ^ k0) >>> 0, low1, (high0 ^ c3 ^ k1) >>> 0, low0];
    k0 = (k0 + 0x9e3779b9) >>> 0;
    k1 = (k1 + 0xbb67ae85) >>> 0;
  }
  return [c0, c1, c2, c3];
}

/**
 * Draws unsigned 32-bit numbers; the i-th depends on nothing but `seed`, `stream` and i.
 *
 * The two are scrambled as TensorFlow's stateless operations do it, so that the numbers are theirs.
 */
function* words(seed: number, stream: number): Generator<number> {
  const high = (value: number) => value < 0 ? 0xffffffff : 0; // sign extension to 64 bits
  const [k0, k1, c2, c3] = philox(
    [seed >>> 0, high(seed), stream >>> 0, high(stream)],
    [0x3ec8f720, 0x02461e29],
  );
  for (let block = 0;; block++) {
    yield* philox([block >>> 0, Math.floor(block / 2 ** 32), c2, c3], [k0, k1]);
  }
}

/**
 * Draws `count` numbers uniform in [0, 1).
 *
 * @param seed Any int32.
 * @param stream Any int32, for instance an image's number or a step: streams are independent.
 */
export function uniform(count: number, seed: number, stream: number): Float32Array {
  const values = new Float32Array(count);
  const source = words(seed, stream);
  for (let i = 0; i < count; i++) {
    values[i] = (source.next().value & 0x7fffff) / 0x800000; // 23 bits: a float's mantissa
  }
  return values;
}

/**
 * Draws a permutation of 0, 1, …, n - 1 (Fisher and Yates).
 *
 * @example
 * ```ts
 * import { permutation } from "$lib/random.ts";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(permutation(5, 0, 1), permutation(5, 0, 1));
 * assertEquals([...permutation(5, 0, 1)].sort(), [0, 1, 2, 3, 4]);
 * ```
 */
export function permutation(n: number, seed: number, stream: number): Int32Array {
  const order = Int32Array.from({ length: n }, (_, i) => i);
  const source = words(seed, stream);
  for (let i = n - 1; i > 0; i--) {
    const j = Math.floor(source.next().value / 2 ** 32 * (i + 1));
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order;
}

const kernelName = "StatelessRandomUniform";

tf.registerKernel({
  kernelName,
  backendName: backend.name,
  kernelFunc: ({ inputs, attrs }) => {
    // tfjs types what kernels get as loosely as this.
    const { shape } = attrs as unknown as { shape: number[] };
    const seed = inputs["seed"] as Tensor1D;
    if (!backend.native) {
      const [key, stream] = seed.dataSync();
      return tf.tensor(uniform(shape.reduce((a, b) => a * b, 1), key!, stream!), shape);
    }
    const { binding, executeSingleOutput } = nativeBackend();
    const type = (name: string, dtype: number) => typeAttribute(binding, name, dtype);
    const shapeTensor = tf.tensor1d(shape, "int32");
    const result = executeSingleOutput.call(nativeBackend(), kernelName, [
      type("dtype", binding.TF_FLOAT),
      type("T", binding.TF_INT32),
      type("Tseed", binding.TF_INT32),
    ], [shapeTensor, seed]);
    shapeTensor.dispose();
    return result;
  },
});

/**
 * Draws a tensor uniform in [0, 1) inside a graph or eagerly: the numbers of {@linkcode uniform}.
 *
 * @param seed `[seed, stream]`, int32, shape `[2]`; an input of the graph, never frozen into it.
 * @returns Shape `shape`, float32. The caller disposes it.
 */
export function statelessUniform(shape: number[], seed: Tensor1D): Tensor {
  // runKernel types its inputs and attributes for tfjs's own kernels alone.
  return tf.engine().runKernel(kernelName, { seed }, { shape }) as Tensor;
}

/**
 * Draws a tensor of standard normal numbers inside a graph or eagerly, by Box and Muller.
 *
 * @param seed As for {@linkcode statelessUniform}. None is farther out than 5.7, as uniform numbers
 *   have 23 bits.
 * @returns Shape `shape`, float32. Call it inside `tf.tidy`.
 */
export function statelessNormal(shape: number[], seed: Tensor1D): Tensor {
  const [first, second] = statelessUniform([2, ...shape], seed).unstack() as [Tensor, Tensor];
  return tf.sub(1, first).log().mul(-2).sqrt().mul(second.mul(2 * Math.PI).cos());
}
