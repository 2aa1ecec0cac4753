import { assert, assertAlmostEquals, assertEquals, assertLess, assertThrows } from "@std/assert";
import { adam, architecture, architectures, CNN, MLP, MLP_bn } from "$lib/architectures.ts";
import {
  backend,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  type Tensor4D,
  tf,
} from "$lib/backend.ts";
import { compileLoop } from "$lib/compile.ts";
import { conv, dense, flatten, forward, maxPool, relu } from "$lib/layers.ts";
import { type Digits, train } from "$lib/loader.ts";
import { createNetwork, type Network } from "$lib/network.ts";
import { statelessNormal } from "$lib/random.ts";
import { protectionOf, protections } from "$lib/protections/index.ts";
import { assertProtections, type Lesson } from "$lib/protections/lesson.ts";
import { protectedArchitecture, readProtections, teacherOf } from "$lib/protections/plan.ts";
import { fit } from "$lib/trainer.ts";
import { startOf, trainingStep } from "$lib/training_step.ts";

const digits = await train(256);
const small = architecture("small", [
  ...[conv(4, 5), relu(), maxPool(2), flatten(), dense(16), relu(), dense(10)],
], { epochs: 2, batchSize: 32, optimizer: adam({ learningRate: 1e-2, schedule: "linear" }) });

/** A step as protections see it, of a network that is not trained. */
function lessonOf(network: Network, { images, labels }: Digits, progress = 1): Lesson {
  let drawn = 0;
  return {
    ...{ architecture: network.architecture, images, labels, network },
    progress: tf.scalar(progress),
    stream: () => tf.tensor1d([3, drawn++], "int32"),
  };
}

/** The loss that a protection's part makes, for a network's own weights. */
function lossOf(network: Network, part: "loss" | "penalty", spec: string, progress = 1): number {
  return tf.tidy(() => {
    const loss = protectionOf(spec)[part]!(lessonOf(network, digits, progress));
    const answer = (images: Tensor4D) => network.logits(images);
    return loss(answer, { ...network.weights }).dataSync()[0]!;
  });
}

const specs = [
  ...["pgd:linf:0.1:3", "pgd:l2:1:3", "fgsm:linf:0.2", "trades:linf:0.1", "interval:linf:0.1"],
  ...["noise:0.25", "consistency:0.25:1", "gradient:0.1", "decay:0.1", "heated:10"],
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

Deno.test("pgd moves images within ball and box, and raises the loss", () => {
  tf.tidy(() => {
    const network = createNetwork(small, { seed: 3 });
    for (const [spec, p] of [["pgd:linf:0.1", "inf"], ["pgd:l2:1.5", "2"]] as const) {
      const moved = protectionOf(spec).images!(lessonOf(network, digits));
      const r = moved.sub(digits.images);
      const size = p === "inf" ? r.abs().max([1, 2, 3]) : r.square().sum([1, 2, 3]).sqrt();
      const largest = size.max().dataSync()[0]!;
      const epsilon = p === "inf" ? 0.1 : 1.5;
      assert(largest <= epsilon && largest > 0.9 * epsilon, `${spec}: ${largest}`);
      assert(moved.min().dataSync()[0]! >= 0 && moved.max().dataSync()[0]! <= 1);
      const loss = (images: Tensor4D) => crossEntropyOf(network, images);
      assertLess(loss(digits.images) + 0.05, loss(moved));
    }
  });
});

Deno.test("the ball grows from 0 to its full size during a third of the training", () => {
  tf.tidy(() => {
    const network = createNetwork(small, { seed: 3 });
    const size = (progress: number) =>
      protectionOf("pgd:linf:0.2").images!(lessonOf(network, digits, progress))
        .sub(digits.images).abs().max().dataSync()[0]!;
    assertEquals(size(0), 0);
    assertAlmostEquals(size(1 / 6), 0.1, 1e-5);
    assertAlmostEquals(size(0.9), 0.2, 1e-5);
  });
});

Deno.test("the input gradient's penalty is its weight times the mean squared gradient", () => {
  const network = createNetwork(CNN, { seed: 4 });
  tf.tidy(() => {
    const mark = tf.oneHot(digits.labels, 10).cast("float32");
    const loss = (x: Tensor) =>
      tf.logSoftmax(network.logits(x as Tensor4D)).mul(mark).sum<Tensor>().neg() as Tensor;
    const slope = tf.grad(loss)(digits.images);
    const mean = slope.square().sum([1, 2, 3]).mean().dataSync()[0]!;
    assertAlmostEquals(lossOf(network, "penalty", "gradient:3") / (3 * mean), 1, 1e-4);
  });
  network.dispose();
});

Deno.test("the input gradient's penalty has the gradient of finite differences", () => {
  tf.tidy(() => {
    const network = createNetwork(small, { seed: 4 });
    const learn = protectionOf("gradient:1").penalty!(lessonOf(network, digits));
    const never = () => tf.zeros([1, 10]) as Tensor2D;
    // Not the first biases: their gradient is small beside the jumps where a ReLU opens or closes.
    for (const name of ["layers.0.kernel", "layers.1.kernel", "layers.2.kernel", "layers.2.bias"]) {
      const at = (values: Tensor) => learn(never, { ...network.weights, [name]: values });
      const weight = network.weights[name]!;
      const slope = tf.grad(at)(weight);
      const way = slope.div(slope.norm().add(1e-20));
      const h = 3e-3 * weight.norm().dataSync()[0]! / Math.sqrt(weight.size);
      const value = (t: number) => at(weight.add(way.mul(t))).dataSync()[0]!;
      const difference = (value(h) - value(-h)) / (2 * h);
      const expected = slope.norm().dataSync()[0]!;
      assertAlmostEquals(difference / expected, 1, 0.03, name);
    }
  });
});

Deno.test("interval bounds hold for images of the box, and are exact at radius 0", () => {
  tf.tidy(() => {
    const network = createNetwork(small, { seed: 5 });
    // At the beginning of the training all weight is on the clean images.
    assertAlmostEquals(
      lossOf(network, "loss", "interval:linf:0.3", 0),
      crossEntropyOf(network, digits.images),
      1e-5,
    );
    const clean = crossEntropyOf(network, digits.images);
    const worst = 2 * lossOf(network, "loss", "interval:linf:0.1") - clean;
    for (let i = 0; i < 20; i++) {
      const noise = tf.randomUniform(digits.images.shape, -0.1, 0.1, "float32", i).sign().mul(0.1);
      const near = tf.clipByValue<Tensor4D>(digits.images.add(noise), 0, 1);
      assertLess(crossEntropyOf(network, near), worst);
    }
    assertLess(clean, worst);
  });
});

Deno.test("TRADES is the cross-entropy where the ball has not begun to grow", () => {
  tf.tidy(() => {
    const network = createNetwork(small, { seed: 5 });
    const plain = crossEntropyOf(network, digits.images);
    assertAlmostEquals(lossOf(network, "loss", "trades:linf:0.2", 0), plain, 1e-5);
    assertLess(plain, lossOf(network, "loss", "trades:linf:0.2", 1));
  });
});

Deno.test("consistency is cross-entropy and entropy where copies agree, and dearer where not", () => {
  tf.tidy(() => {
    const network = createNetwork(small, { seed: 5 });
    const log = tf.logSoftmax(network.logits(digits.images));
    const entropy = -log.exp().mul(log).sum(1).mean().dataSync()[0]!;
    const same = crossEntropyOf(network, digits.images) + 0.5 * entropy;
    assertAlmostEquals(lossOf(network, "loss", "consistency:1e-6"), same, 1e-4);
    const [light, heavy] = [1, 11].map((weight) =>
      lossOf(network, "loss", `consistency:0.5:${weight}`)
    );
    // By hand: the copies of the stream's first two draws.
    const answers = [0, 1].map((draw) => {
      const noise = statelessNormal(digits.images.shape, tf.tensor1d([3, draw], "int32")).mul(0.5);
      return network.logits(digits.images.add<Tensor4D>(noise)).softmax();
    });
    const mean = answers[0]!.add<Tensor>(answers[1]!).div<Tensor>(2);
    const apart = answers.map((one) =>
      mean.mul(mean.log().sub(one.log())).sum(1).mean().dataSync()[0]! / 2
    );
    assertAlmostEquals((heavy! - light!) / 10, apart[0]! + apart[1]!, 1e-4);
  });
});

Deno.test("weight decay shrinks kernels and leaves biases", async () => {
  const norms = async (spec?: string) => {
    const network = createNetwork(small, { seed: 1 });
    const protections = spec ? [protectionOf(spec)] : [];
    await Array.fromAsync(fit(network, digits, { epochs: 3, protections }));
    const size = network.weights["layers.1.kernel"]!.norm().dataSync()[0]!;
    network.dispose();
    return size;
  };
  assertLess(await norms("decay:20"), 0.9 * await norms());
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
  const list = ["noise:0.1", "pgd:linf:0.1:2", "decay:0.01"].map((spec) => protectionOf(spec));
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

Deno.test("specs are read whatever their case, and written in one way", () => {
  assertEquals(protectionOf("PGD:Linf:.20").spec, "pgd:linf:0.2");
  assertEquals(protectionOf("pgd:l2:2:10").spec, "pgd:l2:2");
  assertEquals(protectionOf("trades:linf:0.3:1").spec, "trades:linf:0.3:1");
  assertEquals(readProtections("decay:1e-2+distillation:20", MLP), [
    ...["decay:0.01", "distillation:20"],
  ]);
  assertEquals(teacherOf(["decay:0.01", "distillation:20"]), ["decay:0.01", "heated:20"]);
  assertEquals(teacherOf(["decay:0.01"]), undefined);
  for (const { usage, name } of Object.values(protections)) assert(usage.startsWith(name));
});

Deno.test("what can't be done gets a line that says why", () => {
  const refused: [spec: string, why: RegExp][] = [
    ["pgd:linf:1.5", /epsilon must be in \(0, 1\]: current value is 1\.5/],
    ["pgd:l1:0.1", /NORM must be l2 or linf in pgd:NORM/],
    ["pgd:linf", /it needs EPSILON in pgd:NORM/],
    ["pgd:linf:x", /EPSILON must be a number/],
    ["pgd:linf:0.1:2.5", /steps must be a whole number/],
    ["pgd:linf:0.1:3:4", /nothing may follow/],
    ["fgsm:l2:1", /needs p = inf/],
    ["interval:l2:1", /needs p = inf/],
    ["noise:-1", /noise as sigma must be finite and > 0/],
    ["consistency:0", /consistency as sigma must be finite and > 0/],
    ["consistency:1:0", /weight must be finite and > 0/],
    ["distillation:0.5", /temperature must be finite and >= 1/],
    ["magic:1", /known are pgd, fgsm/],
    ["", /known are/],
  ];
  for (const [spec, why] of refused) {
    const error = assertThrows(() => protectionOf(spec), RangeError);
    assert(why.test(error.message), error.message);
    assert(!error.message.includes("\n"));
  }
  const together: [text: string, why: RegExp][] = [
    ["trades:linf:0.1+interval:linf:0.1", /each replaces the loss/],
    ["trades:linf:0.1+consistency:0.5", /each replaces the loss/],
    ["noise:0.1+noise:0.2", /noise twice/],
    ["pgd:linf:0.1+fgsm:linf:0.1", /both attack/],
  ];
  for (const [text, why] of together) {
    assert(why.test(assertThrows(() => readProtections(text, MLP), RangeError).message), text);
  }
  assertThrows(() => assertProtections([protectionOf("interval:linf:0.1")], MLP_bn), RangeError);
});

Deno.test("protected trainings keep the layers and change the hyperparameters", () => {
  const { layers, batchSize, epochs, name } = protectedArchitecture("CNN_d", 7);
  assertEquals([layers, batchSize, epochs, name], [
    architectures["CNN_d"]!.layers,
    128,
    7,
    "CNN_d",
  ]);
});

function crossEntropyOf(network: Network, images: Tensor4D): number {
  return tf.tidy(() => {
    const { layers } = network.architecture;
    const log = tf.logSoftmax(forward(layers, images, { ...network.weights }));
    const mark = tf.oneHot(digits.labels, 10).cast("float32");
    return -log.mul(mark).sum(1).mean().dataSync()[0]!;
  });
}

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
