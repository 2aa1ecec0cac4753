/**
 * What the first call of a compiled function costs on top of the work itself.
 *
 * @module
 */
import { architectures } from "$lib/architectures.ts";
import { type Tensor, type Tensor1D, type Tensor4D, tf } from "$lib/backend.ts";
import { compile } from "$lib/compile.ts";
import { crossEntropy } from "$lib/loss.ts";
import { createNetwork } from "$lib/network.ts";

/** Milliseconds of one function's first and second call. */
export interface TracingRow {
  work: string;
  /** One eager run. */
  eager: number;
  /** The first compiled call: an eager run, tracing, building, loading, optimizing, running. */
  first: number;
  /** The second one. */
  second: number;
  /** first - eager - second: TensorFlow's own optimization in the first run is part of it. */
  extra: number;
}

function milliseconds(run: () => Tensor): number {
  const start = performance.now();
  const result = run();
  result.dataSync();
  result.dispose();
  return performance.now() - start;
}

/** The input gradient of each architecture on 200 images. */
export function* tracingRows(): Generator<TracingRow> {
  const images = tf.randomUniform([200, 28, 28, 1]);
  const labels: Tensor1D = tf.zeros([200], "int32");
  for (const architecture of Object.values(architectures)) {
    const network = createNetwork(architecture);
    const gradient = (x: Tensor) =>
      tf.grad((x: Tensor) => crossEntropy(network.logits(x as Tensor4D), labels).sum())(x);
    tf.tidy(() => void gradient(images)); // what eager kernels make ready once
    const eager = milliseconds(() => tf.tidy(() => gradient(images)));
    const compiled = compile(gradient);
    const [first, second] = [0, 1].map(() => milliseconds(() => compiled(images)));
    const work = `input gradient, batch 200: ${architecture.name}`;
    yield { work, eager, first: first!, second: second!, extra: first! - eager - second! };
    network.dispose();
  }
}
