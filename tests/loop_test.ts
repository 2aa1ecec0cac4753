import { assertAlmostEquals, assertEquals } from "@std/assert";
import { adamStep, nextPowers, startMoments, startPowers } from "$lib/adam.ts";
import { type Tensor, tf } from "$lib/backend.ts";
import { compileLoop } from "$lib/compile.ts";

const value = (tensor: Tensor) => tensor.dataSync()[0]!;

/** Runs a test and checks that no tensor survives it. */
function withoutLeaks(test: () => void): void {
  const before = tf.memory().numTensors;
  tf.tidy(test);
  assertEquals(tf.memory().numTensors, before);
}

Deno.test("compileLoop() gives all residents their new values at once", () =>
  withoutLeaks(() => {
    const start = { a: tf.scalar(0), b: tf.scalar(1), constant: tf.scalar(7) };
    const fibonacci = compileLoop(
      ({ a, b, constant }: { a: Tensor; b: Tensor; constant: Tensor }) =>
        [{ a: b, b: a.add(b), constant }, a.add(constant)] as const,
      start,
    );
    const seen = Array.from({ length: 6 }, () => value(fibonacci.step()));
    assertEquals(seen, [0, 1, 1, 2, 3, 5].map((number) => number + 7));
    const { a, b, constant } = fibonacci.state();
    assertEquals([a, b, constant].map(value), [8, 13, 7]);
    assertEquals(value(start.b), 1); // the caller's own is untouched
    fibonacci.dispose();
  }));

Deno.test("compileLoop() carries its state from one shape of arguments to another", () =>
  withoutLeaks(() => {
    const sum = compileLoop(
      (sum: Tensor, x: Tensor) => [sum.add(x.sum()), x.square()] as const,
      tf.scalar(0),
    );
    sum.step(tf.tensor1d([1, 2]));
    sum.step(tf.tensor1d([3]));
    sum.step(tf.tensor1d([4, 5]));
    assertEquals(value(sum.state()), 15);
    sum.dispose();
  }));

Deno.test("what state() gave stays as it was when the loop goes on", () =>
  withoutLeaks(() => {
    const x = tf.tensor1d([1, 2, 3]);
    const loop = compileLoop(
      (
        { x, moments }: { x: Tensor; moments: ReturnType<typeof startMoments> },
        gradient: Tensor,
      ) => {
        const powers = nextPowers(startPowers());
        const next = adamStep(x, moments, gradient, powers, { learningRate: 0.1 });
        return [next, x.sum()] as const; // the old value, updated in place meanwhile
      },
      { x, moments: startMoments(x) },
    );
    const gradient = tf.tensor1d([1, -1, 1]);
    assertEquals(value(loop.step(gradient)), 6); // also where others finish first
    const first = loop.state().x;
    const before = [...first.dataSync()];
    [0.9, 2.1, 2.9].forEach((expected, i) => assertAlmostEquals(before[i]!, expected, 1e-5));
    assertAlmostEquals(value(loop.step(gradient)), 5.9, 1e-5);
    assertEquals([...first.dataSync()], before);
    assertEquals([...x.dataSync()], [1, 2, 3]);
    loop.dispose();
  }));
