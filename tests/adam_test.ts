import { assertAlmostEquals, assertEquals } from "@std/assert";
import { adamStep, nextPowers, startMoments, startPowers } from "$lib/adam.ts";
import { type Tensor1D, tf } from "$lib/backend.ts";
import { compile } from "$lib/compile.ts";

/** Adam in plain numbers, word by word from the paper's algorithm 1. */
function paper(gradients: number[][], x: number[], learningRate: number): number[] {
  const [m, v] = [x.map(() => 0), x.map(() => 0)];
  return gradients.reduce((x, gradient, t) =>
    x.map((value, i) => {
      m[i] = 0.9 * m[i]! + 0.1 * gradient[i]!;
      v[i] = 0.999 * v[i]! + 0.001 * gradient[i]! ** 2;
      const mean = m[i]! / (1 - 0.9 ** (t + 1));
      const square = v[i]! / (1 - 0.999 ** (t + 1));
      return value - learningRate * mean / (Math.sqrt(square) + 1e-8);
    }), x);
}

const gradients = [[1, -2, 1e-8, 0], [0.5, 3, -1e-8, 0], [-2, 0.1, 2e-8, 0]];
const start = [1, 2, 3, 4];

for (
  const [name, rate, shape] of [
    ["fused, one learning rate", 0.1, []],
    ["each part with its own", "tensor", [4]],
    ["a single part with its own powers", 0.1, [1]],
  ] as const
) {
  Deno.test(`adamStep() is the paper's algorithm, its epsilon included (${name})`, () => {
    tf.tidy(() => {
      const learningRate = rate === "tensor" ? tf.fill([4], 0.1) : rate;
      let x = tf.tensor1d(start);
      let [moments, powers] = [startMoments(x), startPowers([...shape])];
      for (const gradient of gradients) {
        powers = nextPowers(powers);
        ({ x, moments } = adamStep(x, moments, tf.tensor1d(gradient), powers, { learningRate }));
      }
      const expected = paper(gradients, start, 0.1);
      x.dataSync().forEach((value, i) => assertAlmostEquals(value, expected[i]!, 2e-6));
    });
  });
}

Deno.test("adamStep() compiled gives the bits of adamStep() alone, and leaves its inputs alone", () => {
  tf.tidy(() => {
    const step = (x: Tensor1D, gradient: Tensor1D) =>
      adamStep(x, startMoments(x), gradient, nextPowers(startPowers()), { learningRate: 0.1 }).x;
    const [x, other] = [tf.tensor1d(start), tf.tensor1d(start)];
    const gradient = tf.tensor1d(gradients[0]!);
    const compiled = compile((x: Tensor1D, other: Tensor1D, gradient: Tensor1D) => ({
      one: step(x, gradient),
      two: step(other, gradient.mul(2) as Tensor1D),
    }));
    for (let repeat = 0; repeat < 2; repeat++) {
      const { one, two } = compiled(x, other, gradient);
      assertEquals(one.dataSync(), step(x, gradient).dataSync());
      assertEquals(two.dataSync(), step(other, gradient.mul(2) as Tensor1D).dataSync());
    }
    assertEquals([...x.dataSync()], start);
  });
});

Deno.test("adamStep() leaves no tensor but its results", () => {
  const [x, gradient] = [tf.tensor1d(start), tf.tensor1d(gradients[0]!)];
  const before = tf.memory().numTensors;
  tf.tidy(() => {
    const powers = nextPowers(startPowers());
    adamStep(x, startMoments(x), gradient, powers, { learningRate: 0.1 });
  });
  assertEquals(tf.memory().numTensors, before);
  tf.dispose([x, gradient]);
});
