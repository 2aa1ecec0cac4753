import { assertEquals, assertNotEquals } from "@std/assert";
import { tf } from "$lib/backend.ts";
import { permutation, statelessUniform, uniform } from "$lib/random.ts";

Deno.test("uniform() draws the numbers of TensorFlow's stateless operation", () => {
  for (const [seed, stream] of [[0, 0], [7, 1], [2 ** 31 - 1, 12345], [-1, -7]] as const) {
    const key = tf.tensor1d([seed, stream], "int32");
    const native = statelessUniform([7, 3], key);
    assertEquals(uniform(21, seed, stream), native.dataSync());
    tf.dispose([key, native]);
  }
});

Deno.test("uniform() repeats TensorFlow 2.20's numbers, also where TensorFlow is absent", () => {
  assertEquals([...uniform(3, 7, 1)], [
    0.040120720863342285,
    0.5423469543457031,
    0.4399822950363159,
  ]);
});

Deno.test("uniform() gives independent streams", () => {
  assertNotEquals(uniform(4, 1, 0), uniform(4, 1, 1));
  assertNotEquals(uniform(4, 1, 0), uniform(4, 2, 0));
});

Deno.test("permutation() holds each number once and follows its seed", () => {
  const order = permutation(1000, 3, 5);
  assertEquals([...order].sort((a, b) => a - b), Array.from({ length: 1000 }, (_, i) => i));
  assertEquals(order, permutation(1000, 3, 5));
  assertNotEquals(order, permutation(1000, 3, 6));
});

Deno.test("statelessUniform() leaves no tensor but its result", () => {
  const key = tf.tensor1d([1, 2], "int32");
  const before = tf.memory().numTensors;
  statelessUniform([4], key).dispose();
  assertEquals(tf.memory().numTensors, before);
  key.dispose();
});
