import {
  assertEquals,
  assertLess,
  assertNotEquals,
  assertRejects,
  assertThrows,
} from "@std/assert";
import { architecture, MLP } from "$lib/architectures.ts";
import { backend, tf } from "$lib/backend.ts";
import { batchNorm, dense, dropout, flatten, relu } from "$lib/layers.ts";
import { type Digits, test, train } from "$lib/loader.ts";
import { createNetwork, type Network } from "$lib/network.ts";
import { encode, readSafetensors, weightsSha256 } from "$lib/safetensors.ts";
import { type Epoch, fit, type FitOptions } from "$lib/trainer.ts";
import { toArrays } from "$lib/weights.ts";

// All that training must carry over an interruption: dropout's masks and running statistics.
const small = architecture("small", [
  ...[flatten(), dense(16), batchNorm(), relu(), dropout(0.3), dense(10)],
], { ...MLP, batchSize: 32 });

const digits = await train(300);
const sha256 = (network: Network) => weightsSha256(toArrays(network.weights));

async function fitted(network: Network, options: FitOptions): Promise<Epoch[]> {
  return await Array.fromAsync(fit(network, digits, options));
}

Deno.test("fit() learns: the loss falls and test digits are recognised", async () => {
  const network = createNetwork(MLP, { seed: 1 });
  const [some, testDigits] = [await train(2000), await test(500)];
  const epochs = await Array.fromAsync(fit(network, some, { epochs: 3, testDigits }));
  assertEquals(epochs.map(({ epoch }) => epoch), [1, 2, 3]);
  assertLess(epochs[2]!.loss, epochs[0]!.loss / 2);
  assertLess(0.75, epochs[2]!.testAccuracy!);
  network.dispose();
  tf.dispose([some, testDigits] as never);
});

Deno.test("fit() gives the same weights for the same seed, others for another", async () => {
  const run = async (seed: number) => {
    const network = createNetwork(small, { seed: 5 });
    await fitted(network, { seed, epochs: 2 });
    const hash = await sha256(network);
    network.dispose();
    return hash;
  };
  const first = await run(1);
  assertEquals(await run(1), first);
  assertNotEquals(await run(2), first);
});

Deno.test("each epoch draws dropout masks of its own", async () => {
  // Copies of one image and no progress: nothing but the masks can change the loss.
  const optimizer = { ...MLP.optimizer, learningRate: 1e-30 };
  const still = architecture("still", [flatten(), dropout(0.5), dense(10)], { ...MLP, optimizer });
  const copies = {
    images: digits.images.slice([0], [1]).tile([8, 1, 1, 1]),
    labels: tf.fill([8], 3),
  };
  const same = { ...copies, labels: copies.labels.cast("int32") } as typeof digits;
  const network = createNetwork(still);
  const [first, second] = await Array.fromAsync(fit(network, same, { epochs: 2 }));
  assertNotEquals(first!.loss, second!.loss);
  network.dispose();
});

Deno.test("fit() goes on from its checkpoint to the weights of an uninterrupted run", async () => {
  const checkpoint = `${await Deno.makeTempDir()}/run.safetensors`;
  const [whole, broken, resumed] = [1, 2, 3].map(() => createNetwork(small, { seed: 5 }));
  const straight = await fitted(whole!, { epochs: 4 });
  const stop = new AbortController();
  await assertRejects(
    async () => {
      for await (
        const { epoch } of fit(broken!, digits, { epochs: 4, checkpoint, signal: stop.signal })
      ) {
        if (epoch === 2) stop.abort(new Error("stopped"));
      }
    },
    Error,
    "stopped",
  );
  const epochs = await fitted(resumed!, { epochs: 4, checkpoint });
  assertEquals(epochs.map(({ restored }) => restored), [true, true, false, false]);
  assertEquals(epochs.map(({ loss }) => loss), straight.map(({ loss }) => loss));
  assertEquals(await sha256(resumed!), await sha256(whole!));
  for (const network of [whole, broken, resumed]) network!.dispose();
});

Deno.test("fit() refuses the checkpoint of another run", async () => {
  const checkpoint = `${await Deno.makeTempDir()}/run.safetensors`;
  const network = createNetwork(small);
  await fitted(network, { epochs: 2, checkpoint });
  await assertRejects(
    () => fitted(network, { seed: 9, epochs: 2, checkpoint }),
    TypeError,
    "another run",
  );
  await assertRejects(
    () => fitted(network, { epochs: 1, checkpoint }),
    TypeError,
    "after epoch 2 of 1",
  );
  const others = [
    { ...digits, images: tf.sub(1, digits.images) },
    { ...digits, labels: tf.sub(9, digits.labels) },
  ] as Digits[];
  for (const other of others) {
    const run = Array.fromAsync(fit(network, other, { epochs: 3, checkpoint }));
    await assertRejects(() => run, TypeError, "another run");
  }
  await Deno.writeTextFile(checkpoint, "no tensors");
  await assertRejects(() => fitted(network, { checkpoint }), SyntaxError);
  network.dispose();
});

Deno.test("a checkpoint tells what its bits depend on, and no warning", async () => {
  const checkpoint = `${await Deno.makeTempDir()}/run.safetensors`;
  const network = createNetwork(small);
  await fitted(network, { epochs: 1, checkpoint });
  const run = JSON.parse((await readSafetensors(checkpoint)).metadata["run"]!);
  const { name: runsOn, version, threads, oneDNN, operations } = backend;
  assertEquals([run.backend, run.version, run.threads, run.oneDNN, run.operations], [
    ...[runsOn, version, threads, oneDNN, operations],
  ]);
  assertEquals([run.name, run.images, run.digits.length, run.warning], [
    "small",
    300,
    16,
    undefined,
  ]);
  network.dispose();
});

Deno.test("fit() refuses a checkpoint that is not whole, before it trains", async () => {
  const checkpoint = `${await Deno.makeTempDir()}/run.safetensors`;
  const network = createNetwork(small);
  await fitted(network, { epochs: 1, checkpoint });
  const { tensors, metadata } = await readSafetensors(checkpoint);
  const { "adam.power1": power, "adam.layers.0.bias.mean": mean, ...rest } = tensors;
  const before = tf.memory().numTensors;
  const refused = async (changed: typeof tensors, about: typeof metadata, why: string) => {
    await Deno.writeFile(checkpoint, encode(changed, about));
    await assertRejects(() => fitted(network, { epochs: 2, checkpoint }), Error, why);
    assertEquals(tf.memory().numTensors, before);
  };
  const [powers, moments] = [{ "adam.power1": power! }, { "adam.layers.0.bias.mean": mean! }];
  await refused({ ...rest, ...moments }, metadata, "adam.power1 must have shape []");
  await refused({ ...rest, ...powers }, metadata, "adam.layers.0.bias.mean must have shape [");
  await refused({ ...tensors, "adam.mean.x": mean! }, metadata, "adam.mean.x must have shape");
  await refused(tensors, { ...metadata, history: "[" }, "must tell of its epochs");
  network.dispose();
});

Deno.test("fit() stops at a loss that is not finite, names the step, and keeps the weights", async () => {
  const wild = { ...small, optimizer: { ...small.optimizer, learningRate: 1e38 } };
  const network = createNetwork(wild);
  const before = await sha256(network);
  await assertRejects(() => fitted(network, {}), RangeError, "in epoch 1, step ");
  assertEquals(await sha256(network), before);
  network.dispose();
});

Deno.test("fit() leaves no tensor behind, complete, aborted or refused", async () => {
  const network = createNetwork(small);
  const before = tf.memory().numTensors;
  await fitted(network, { epochs: 1 });
  assertEquals(tf.memory().numTensors, before);
  const signal = AbortSignal.abort(new Error("stopped"));
  await assertRejects(() => fitted(network, { signal }), Error, "stopped");
  await assertRejects(() => fitted(network, { epochs: 0 }), RangeError, "epochs");
  for (const seed of [0.5, NaN, 2 ** 31]) {
    const line = `seed must be an int32: current value is ${seed}`;
    await assertRejects(() => fitted(network, { seed }), RangeError, `Cannot train as ${line}`);
    assertThrows(() => createNetwork(small, { seed }), RangeError, `a network as ${line}`);
  }
  assertEquals(tf.memory().numTensors, before);
  network.dispose();
});
