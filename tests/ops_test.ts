import { assertAlmostEquals, assertEquals } from "@std/assert";
import { type Tensor, type Tensor1D, tf } from "$lib/backend.ts";
import { crossEntropy } from "$lib/loss.ts";
import { biasAdd } from "$lib/ops.ts";

/** Compares a function's gradient with central differences. */
function assertGradient(f: (x: Tensor) => Tensor, point: number[], shape: number[]): void {
  tf.tidy(() => {
    const gradient = tf.grad((x: Tensor) => f(x).sum())(tf.tensor(point, shape)).dataSync();
    const at = (i: number, step: number) =>
      f(tf.tensor(point.map((value, j) => value + (i === j ? step : 0)), shape)).sum()
        .dataSync()[0]!;
    point.forEach((_, i) =>
      assertAlmostEquals(gradient[i]!, (at(i, 1e-2) - at(i, -1e-2)) / 2e-2, 2e-2)
    );
  });
}

const points = [0.5, -1, 2, 0.3, -0.7, 1.5];

Deno.test("biasAdd() adds along the last axis, and has its gradients", () => {
  tf.tidy(() => {
    const sum = biasAdd(tf.tensor2d([[1, 2], [3, 4]]), tf.tensor1d([10, 20]));
    assertEquals([...sum.dataSync()], [11, 22, 13, 24]);
  });
  assertGradient((x) => biasAdd(x, tf.tensor1d([1, 2, 3])).square(), points, [2, 3]);
  assertGradient(
    (bias) => biasAdd(tf.ones([4, 6]), bias as Tensor1D).square().mul(0.25),
    points,
    [6],
  );
});

Deno.test("the gradient of relu is right, and differentiable once more", () => {
  assertGradient((x) => tf.relu(x).square(), points, [2, 3]);
  assertGradient((x) => tf.relu(x).mul(3), points, [2, 3]); // a slope where relu is flat would show
  // The sum of the squared gradient of relu(x)², that is 4 relu(x)²: a gradient of a gradient.
  assertGradient(
    (x) => tf.grad((x: Tensor) => tf.relu(x).square().sum())(x).square().mul(0.1),
    points,
    [2, 3],
  );
  assertGradient(
    (x) =>
      tf.grad((bias: Tensor) => biasAdd(tf.ones([2, 6]), bias as Tensor1D).square().sum())(x)
        .square().mul(0.1),
    points,
    [6],
  );
});

Deno.test("crossEntropy() is -log softmax of the label, with its gradient", () => {
  const labels = tf.tensor1d([2, 0], "int32");
  tf.tidy(() => {
    const logits = tf.tensor2d(points, [2, 3]);
    const losses = crossEntropy(logits, labels).dataSync();
    const reference = tf.logSoftmax(logits).neg().arraySync() as number[][];
    assertAlmostEquals(losses[0]!, reference[0]![2]!, 1e-5);
    assertAlmostEquals(losses[1]!, reference[1]![0]!, 1e-5);
  });
  assertGradient((logits) => crossEntropy(logits as never, labels), points, [2, 3]);
  labels.dispose();
});

Deno.test("gather() gives rows on every backend, and its gradient", () => {
  const rows = tf.tensor1d([1, 1, 0], "int32");
  assertGradient((x) => tf.gather(x, rows).square(), points, [2, 3]);
  rows.dispose();
});
