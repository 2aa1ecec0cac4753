import { assert, assertEquals } from "@std/assert";
import { type Architecture, architectures } from "$lib/architectures.ts";
import { backend, type Tensor, type Tensor1D, type Tensor4D, tf } from "$lib/backend.ts";
import { compile, compileLoop, graphCache } from "$lib/compile.ts";
import { crossEntropy } from "$lib/loss.ts";
import { createNetwork, type Network } from "$lib/network.ts";
import { startOf, trainingStep } from "$lib/training_step.ts";

// Graphs fuse and reorder operations: what differs is the last place of a float32.
const tolerance = 2e-5;

function assertSame(compiled: Tensor, eager: Tensor, what: string): void {
  assertEquals(compiled.shape, eager.shape, what);
  tf.tidy(() => {
    const scale = Math.max(1e-3, eager.abs().max().dataSync()[0]!);
    const difference = compiled.sub(eager).abs().max().dataSync()[0]! / scale;
    assert(difference <= tolerance, `${what}: relative difference ${difference}`);
  });
}

const images = tf.randomUniform([40, 28, 28, 1], 0, 1, "float32", 5) as Tensor4D;
const labels = tf.range(0, 40, 1, "int32").mod<Tensor1D>(10).cast<Tensor1D>("int32");

const gradient = (network: Network) => (x: Tensor) =>
  tf.grad((x: Tensor) => crossEntropy(network.logits(x as Tensor4D), labels).sum())(x);

function eachArchitecture(what: string, test: (architecture: Architecture) => void): void {
  Deno.test(`compiled is eager on every architecture: ${what}`, async (context) => {
    for (const architecture of Object.values(architectures)) {
      await context.step(architecture.name, () => {
        const before = tf.memory().numTensors;
        tf.tidy(() => test(architecture));
        assertEquals(tf.memory().numTensors, before, "tensors");
      });
    }
  });
}

eachArchitecture("forward and input gradient", (architecture) => {
  const network = createNetwork(architecture, { seed: 2 });
  const logits = (x: Tensor) => network.logits(x as Tensor4D);
  assertSame(compile(logits)(images), logits(images), "logits");
  assertSame(compile(gradient(network))(images), gradient(network)(images), "gradient");
});

/** What a training step takes besides its state. */
type Given = [Tensor, Tensor, Tensor, Tensor, Tensor];

eachArchitecture("training steps", (architecture) => {
  const network = createNetwork(architecture, { seed: 2 });
  const step = trainingStep(architecture);
  let state = startOf(network);
  const loop = compileLoop(step, state);
  for (let number = 1; number <= 3; number++) {
    const rows = tf.range(number, number + 32, 1, "int32");
    const seed = tf.tensor1d([0, number], "int32");
    const given = [images, labels, rows, seed, tf.scalar(number / 3)] as Tensor[] as Given;
    const compiled = loop.step(...given);
    const [next, loss] = step(state, ...given);
    assertSame(compiled, loss, `loss ${number}`);
    tf.dispose(state as never);
    state = next as typeof state;
  }
  const { weights } = loop.state();
  // Adam divides by the gradient's size: where that is all rounding, a step may go either way.
  // A bias before a batch normalisation has no gradient but rounding; the running mean follows it.
  const rounding = architecture.name.endsWith("_bn") ? /\.(bias|mean)$/ : /^$/;
  for (const [name, weight] of Object.entries(weights).filter(([name]) => !rounding.test(name))) {
    const moved = weight.sub(state.weights[name]!).abs().mean().dataSync()[0]!;
    assert(moved < 3e-5, `${name} differs by ${moved} on average`);
  }
  loop.dispose();
  tf.dispose(state as never);
});

Deno.test("the cache of graphs is bounded: the least recently used goes first", {
  ignore: !backend.native,
}, () => {
  const { limit } = graphCache;
  let traces = 0;
  const [first, second] = [1, 2].map((factor) =>
    compile((x: Tensor) => {
      traces++;
      return x.mul(factor).add(1);
    })
  );
  try {
    tf.tidy(() => {
      const x = tf.zeros([100, 1000]); // two values of 400 kB in each graph
      graphCache.limit = 2e6;
      first!(x);
      second!(x);
      first!(x);
      assertEquals(traces, 4); // each is run twice when traced
      graphCache.limit = 1e6;
      compile((x: Tensor) => x.sub(1).mul(3))(x); // makes room by closing both
      first!(x);
      assertEquals(traces, 6);
    });
  } finally {
    graphCache.limit = limit;
  }
});
