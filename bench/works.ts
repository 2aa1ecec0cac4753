/**
 * The project's side of each comparison.
 *
 * @module
 */
import { architectures } from "$lib/architectures.ts";
import { type Tensor, type Tensor4D, tf } from "$lib/backend.ts";
import { compile } from "$lib/compile.ts";
import { load } from "$lib/loader.ts";
import { crossEntropy } from "$lib/loss.ts";
import { createNetwork, type Network } from "$lib/network.ts";
import { pgdTraining } from "$lib/protections/adversarial.ts";
import { protectedArchitecture } from "$lib/protections/plan.ts";
import { TrainingRun } from "$lib/trainer.ts";

/** One thing to be timed. */
export interface Work {
  /** What the tables call it. */
  name: string;
  /** What the peer's side calls the same work. */
  peer: string;
  /** A work of the project's own, in the peer's place. */
  beside?: Work;
  /** How many floating-point operations one run takes, roughly: two for a product and its sum. */
  flop: number;
  /** Makes ready what one run needs, and gives the run. */
  prepare(): Promise<() => void>;
}

const digits = await load("train", { to: 50_000 });
const first = (n: number) => tf.slice(digits.images, 0, n) as Tensor4D;

/** Multiplications and additions of one image's forward pass. */
function flopOf(name: string): number {
  const mlp = 2 * (784 * 128 + 128 * 128 + 128 * 10);
  const cnn = 2 * (24 * 24 * 20 * 25 + 10 * 10 * 40 * 180 + 1000 * 120 + 120 * 10);
  return name.startsWith("MLP") ? mlp : cnn;
}

const network = (name: string): Network => createNetwork(architectures[name]!);

/** Rows of batch after batch, in order: where they lie does not change the time. */
function* batches(size: number): Generator<Int32Array> {
  for (let from = 0;; from = (from + size) % (50_000 - size)) {
    yield Int32Array.from({ length: size }, (_, i) => from + i);
  }
}

const trainingStep = (name: string): Work => ({
  name: `training step, batch 32: ${name}`,
  peer: `step ${name}`,
  flop: 32 * 3 * flopOf(name),
  prepare: () => {
    const run = new TrainingRun(network(name), digits, { seed: 0, epochs: 1 });
    const rows = batches(32);
    let step = 0;
    return Promise.resolve(() => void run.advance(rows.next().value!, ++step));
  },
});

/** A step of protected trainings: batches of 128, with or without ten steps of PGD before it. */
const largeStep = (name: string, adversarial: boolean): Work => ({
  name: `${
    adversarial ? "adversarial (PGD, 10 steps)" : "plain"
  } training step, batch 128: ${name}`,
  peer: `${adversarial ? "adversarial" : "large-step"} ${name}`,
  flop: 128 * (adversarial ? 23 : 3) * flopOf(name),
  prepare: () => {
    const one = createNetwork(protectedArchitecture(name));
    const protections = adversarial ? [pgdTraining({ p: Infinity, epsilon: 0.1 })] : [];
    const run = new TrainingRun(one, digits, { seed: 0, epochs: 1, protections });
    const rows = batches(128);
    let step = 0;
    return Promise.resolve(() => void run.advance(rows.next().value!, ++step));
  },
});

/** How many plain steps an adversarial one takes. */
const adversarialBesidePlain = (name: string): Work => ({
  ...largeStep(name, false),
  name: `plain training step, batch 128: ${name} (peer: adversarial, ours)`,
  beside: largeStep(name, true),
});

const inputGradient = (name: string): Work => ({
  name: `input gradient, batch 1,000: ${name}`,
  peer: `gradient ${name}`,
  flop: 1000 * 2 * flopOf(name),
  prepare: () => {
    const { logits } = frozen(name);
    const images = first(1000);
    const labels = tf.slice(digits.labels, 0, 1000);
    const gradient = compile((x: Tensor) =>
      tf.grad((x: Tensor) => crossEntropy(logits(x as Tensor4D), labels).mean())(x)
    );
    return Promise.resolve(() => gradient(images).dispose());
  },
});

/** A network whose weights are constants of the graph, as attacks see it. */
function frozen(name: string) {
  const one = network(name);
  return { logits: (images: Tensor4D) => one.logits(images) };
}

const inference = (name: string): Work => ({
  name: `inference, 10,000 images: ${name}`,
  peer: `inference ${name}`,
  flop: 10_000 * flopOf(name),
  prepare: () => {
    const [one, images] = [network(name), first(10_000)];
    return Promise.resolve(() => one.infer(images).dispose());
  },
});

/** PyTorch's side at its best: channels last, and batches that fit its caches. */
const atItsBest = (work: Work): Work => ({
  ...work,
  name: `${work.name} (PyTorch at its best)`,
  peer: `best-${work.peer}`,
});

/** The project's works, each with PyTorch on the other side. */
export const works: Work[] = [
  ...["MLP", "MLP_d", "CNN", "CNN_d"].map(trainingStep),
  ...["MLP", "CNN"].map(inputGradient),
  ...["MLP", "CNN"].map(inference),
  ...["MLP", "CNN"].map((name) => largeStep(name, true)),
  ...["MLP", "CNN"].map(adversarialBesidePlain),
  ...[inputGradient("CNN"), inference("CNN")].map(atItsBest),
];

/** Training steps with plain, eager tfjs-node on the other side. */
export const eagerWorks: Work[] = ["MLP", "CNN"].map((name) => ({
  ...trainingStep(name),
  name: `training step, batch 32: ${name} (peer: eager tfjs-node)`,
}));

/** The machine's peak: a product of two big matrices. */
export const peak: Work = {
  name: "matrix product, 2,048 by 2,048 (the machine's peak)",
  peer: "peak -",
  flop: 2 * 2048 ** 3,
  prepare: () => {
    const [a, b] = [tf.randomNormal([2048, 2048]), tf.randomNormal([2048, 2048])];
    return Promise.resolve(() => tf.matMul(a, b).dispose());
  },
};
