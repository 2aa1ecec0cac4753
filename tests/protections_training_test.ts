/**
 * Trainings with protections: compiled as eager, what they learn, and that they go on as they stopped.
 *
 * @module
 */
import { assert, assertAlmostEquals, assertEquals, assertLess } from "@std/assert";
import { backend, type Tensor, type Tensor1D, tf } from "$lib/backend.ts";
import { compileLoop } from "$lib/compile.ts";
import { createNetwork } from "$lib/network.ts";
import { protectionOf } from "$lib/protections/index.ts";
import type { TrainingProtection } from "$lib/protections/lesson.ts";
import { fit } from "$lib/trainer.ts";
import { startOf, trainingStep } from "$lib/training_step.ts";
import { digits, small } from "./lessons.ts";

const specs = [
  ...["pgd:linf:0.1:3", "pgd:l2:1:3", "fgsm:linf:0.2", "trades:linf:0.1", "interval:linf:0.1"],
  ...["noise:0.25", "consistency:0.25:1", "decay:0.1", "heated:10"],
  // It takes the gradient of a max-pool's gradient.
  ...(backend.native ? ["gradient:0.1"] : []),
];

Deno.test("a step with any protection is the same compiled and eager", async (context) => {
  for (const spec of specs) {
    await context.step(spec, () =>
      tf.tidy(() => {
        const network = createNetwork(small, { seed: 2 });
        const step = trainingStep(small, [protectionOf(spec)]);
        const state = startOf(network);
        const loop = compileLoop(step, state);
        const rows = tf.range(0, 64, 1, "int32");
        const seed = tf.tensor1d([0, 1], "int32");
        const given = [digits.images, digits.labels, rows, seed, tf.scalar(0.7)] as [
          ...[Tensor, Tensor, Tensor, Tensor, Tensor],
        ];
        const [compiled, [, eager]] = [loop.step(...given), step(state, ...given)];
        assertAlmostEquals(compiled.dataSync()[0]!, eager.dataSync()[0]!, 1e-4);
        loop.dispose();
      }));
  }
});

Deno.test("every protection learns", async (context) => {
  for (const spec of specs) {
    await context.step(spec, async () => {
      const network = createNetwork(small, { seed: 1 });
      const options = { epochs: 15, protections: [protectionOf(spec)] };
      const epochs = await Array.fromAsync(fit(network, digits, options));
      assertLess(0.5, epochs.at(-1)!.accuracy, spec);
      network.dispose();
    });
  }
});

Deno.test("weight decay takes its rate times the learning rate from kernels, and nothing from biases", () => {
  tf.tidy(() => {
    const network = createNetwork(small, { seed: 1 });
    const state = startOf(network);
    const rows = tf.range(0, 64, 1, "int32");
    const after = (protections: TrainingProtection[]) => {
      const given = [rows, tf.tensor1d([0, 1], "int32"), tf.scalar(0.5)] as [
        Tensor,
        Tensor,
        Tensor,
      ];
      const { images, labels } = digits;
      const [next] = trainingStep(small, protections)(
        ...[state, images as Tensor, labels as Tensor, ...given] as const,
      );
      return next.weights;
    };
    const [plain, decayed] = [after([]), after([protectionOf("decay:20")])];
    for (const [name, before] of Object.entries(state.weights)) {
      // The learning rate is 0.01, and half of it half-way.
      const share = name.endsWith(".kernel") ? 0.005 * 20 : 0;
      const taken = plain[name]!.sub(decayed[name]!).sub(before.mul(share)).abs().max();
      assertLess(taken.dataSync()[0]!, 1e-6, name);
      assertLess(0.01, before.abs().max().dataSync()[0]!, name);
    }
  });
});

Deno.test("distillation learns the teacher's answers, not the labels", async () => {
  const teacher = createNetwork(small, { seed: 1 });
  await Array.fromAsync(fit(teacher, digits, { epochs: 12 }));
  const student = createNetwork(small, { seed: 2 });
  const wrong = { ...digits, labels: tf.zerosLike(digits.labels) as Tensor1D };
  const protections = [protectionOf("distillation:5", teacher)];
  await Array.fromAsync(fit(student, wrong, { epochs: 25, protections }));
  const same = tf.tidy(() =>
    student.predict(digits.images).equal(teacher.predict(digits.images)).mean().dataSync()[0]!
  );
  assertLess(0.8, same);
  student.dispose();
  teacher.dispose();
});

Deno.test("a protected training goes on from its checkpoint bit by bit", async () => {
  const checkpoint = `${await Deno.makeTempDir()}/run.safetensors`;
  const list = ["pgd:linf:0.1:2", "noise:0.1", "decay:0.01"].map((spec) => protectionOf(spec));
  const run = async (stopAfter?: number, file?: string) => {
    const network = createNetwork(small, { seed: 5 });
    const settings = { epochs: 3, protections: list, ...(file && { checkpoint: file }) };
    for await (const { epoch } of fit(network, digits, settings)) if (epoch === stopAfter) break;
    const weights = [...network.weights["layers.1.kernel"]!.dataSync()];
    network.dispose();
    return weights;
  };
  const straight = await run();
  await run(1, checkpoint);
  assertEquals(await run(undefined, checkpoint), straight);
});

Deno.test("the same checkpoint serves no other protection", async () => {
  const checkpoint = `${await Deno.makeTempDir()}/run.safetensors`;
  const run = async (spec: string) => {
    const network = createNetwork(small);
    const protections = [protectionOf(spec)];
    await Array.fromAsync(fit(network, digits, { epochs: 1, protections, checkpoint }));
    network.dispose();
  };
  await run("noise:0.1");
  await run("noise:0.2").then(() => assert(false), (error) => assert(error instanceof TypeError));
});

Deno.test("a protected step leaves nothing behind", { ignore: !backend.native }, () => {
  const network = createNetwork(small);
  const before = tf.memory().numTensors;
  const state = startOf(network);
  const loop = compileLoop(trainingStep(small, [protectionOf("trades:linf:0.1")]), state);
  const rows = tf.range(0, 64, 1, "int32");
  const [seed, progress] = [tf.tensor1d([0, 1], "int32"), tf.scalar(0.5)];
  const { images, labels } = digits;
  loop.step(...[images, labels, rows, seed, progress] as [Tensor, Tensor, Tensor, Tensor, Tensor])
    .dispose();
  loop.dispose();
  tf.dispose([rows, seed, progress, ...Object.values(state.weights), state.powers.power1]);
  tf.dispose([state.powers.power2, ...Object.values(state.moments).flatMap(Object.values)]);
  assertEquals(tf.memory().numTensors, before);
  network.dispose();
});
