/**
 * The evaluation's examination of itself: each fault raises its doubt, and honest networks none.
 *
 * @module
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { type AttackableOptions, checkAttackable, type Doubt } from "$lib/attackable.ts";
import { architecture, MLP } from "$lib/architectures.ts";
import { runAttack } from "$lib/attacks/driver.ts";
import { confidence, margin } from "$lib/attacks/losses.ts";
import { pgd } from "$lib/attacks/pgd.ts";
import { vanished } from "$lib/attacks/soundness.ts";
import { type Tensor2D, type Tensor4D, tf } from "$lib/backend.ts";
import { softmax } from "$lib/layers.ts";
import { test as digits } from "$lib/loader.ts";
import { type Classifier, loadNetwork, Network } from "$lib/network.ts";

const mlp = await loadNetwork("MLP");
const examples = await digits(20);
const { images, labels } = examples;

/** A network with a fault before or after it. */
const faulty = (logits: (images: Tensor4D) => Tensor2D): Classifier => ({
  name: "faulty",
  classes: 10,
  revision: {},
  logits: (images) => tf.tidy(() => logits(images)),
});

const check = (network: Classifier, options: AttackableOptions = {}) =>
  checkAttackable(network, examples, options);

const raised = (doubts: Doubt[]) => doubts.flatMap(({ doubt, raised }) => raised ? [doubt] : []);

const valueOf = (doubts: Doubt[], name: string) =>
  doubts.find(({ doubt }) => doubt === name)!.value;

/** Four levels of grey: the gradient is 0 everywhere. */
const quantised = faulty((x) => mlp.logits(x.mul<Tensor4D>(4).round().div(4)));

for (const name of ["MLP", "CNN"]) {
  Deno.test(`an honest network raises no doubt: ${name}`, async () => {
    const before = tf.memory().numTensors;
    const network = await loadNetwork(name);
    const doubts = await check(network, { transferred: images });
    network.dispose();
    assertEquals(raised(doubts), []);
    assertEquals(doubts.length, 13);
    assertEquals(new Set(doubts.map(({ doubt }) => doubt)).size, 13);
    assert(doubts.every(({ message, remedy }) => message.length > 0 && remedy.length > 0));
    assertEquals(tf.memory().numTensors, before, "tensors leak");
  });
}

Deno.test("softmax in place of logits is seen, and that gradients vanish where it saturates", async () => {
  // The layers of the MLP and one more, as the school had it; the weights stay the MLP's.
  const saturated = new Network(
    architecture("MLP_softmax", [...MLP.layers, softmax()], MLP),
    { ...mlp.weights },
  );
  const doubts = await check(saturated);
  assertEquals(raised(doubts).slice(0, 3), [
    "softmax-outputs",
    "vanished-gradients",
    "vanished-cross-entropy",
  ]);
  assertEquals(valueOf(doubts, "softmax-outputs"), 1);
  assert(valueOf(doubts, "vanished-gradients") > 0.5);
});

Deno.test("the confidence's gradient vanishes on a network that is sure of itself", async () => {
  assertEquals(raised(await check(mlp, { loss: confidence })), [
    "vanished-gradients",
    "vanished-cross-entropy",
  ]);
});

Deno.test("the scale of logits makes no gradient vanish", () => {
  const goals = { references: labels, targets: labels, mode: "leave" } as const;
  for (const scale of [1e-6, 1, 1e3]) {
    const scaled = faulty((x) => mlp.logits(x).mul(scale));
    assertEquals(vanished(scaled, examples, (logits) => margin(logits, goals)), 0);
  }
});

Deno.test("a network without gradients is no robust network: random search and transfer show it", async () => {
  const outcomes = await runAttack(pgd({ epsilon: 0.2 }), mlp, images, {
    labels: [...labels.dataSync()],
    steps: 20,
  });
  const transferred: Tensor4D = tf.tidy(() =>
    tf.stack(outcomes.map(({ perturbed }) => tf.tensor3d(perturbed, [28, 28, 1]))) as Tensor4D
  );
  const doubts = await check(quantised, { transferred });
  transferred.dispose();
  assertEquals(valueOf(doubts, "vanished-gradients"), 1);
  assertEquals(raised(doubts), [
    "vanished-gradients",
    "vanished-cross-entropy",
    "half-leaves-classes",
    "black-box-wins",
    "transfer-wins",
  ]);
});

Deno.test("transferred points count only within the epsilon at which the attack fails", async () => {
  // Black and white turned round is as far away as can be.
  const transferred = tf.tidy(() => tf.sub(1, images) as Tensor4D);
  assertEquals(valueOf(await check(quantised, { transferred }), "transfer-wins"), 0);
  transferred.dispose();
  const some = tf.tidy(() => images.slice(0, 3));
  await assertRejects(() => check(mlp, { transferred: some }), RangeError, "the images' shape");
  some.dispose();
});

Deno.test("an attack that fails where epsilon is large raises doubts", async () => {
  const attack = (epsilon: number) => pgd({ epsilon: epsilon > 0.25 ? 0.01 : epsilon });
  const doubts = await check(mlp, { attack });
  assertEquals(raised(doubts).slice(0, 2), ["success-falls", "half-leaves-classes"]);
  assert(valueOf(doubts, "success-falls") > 0.5);
  assert(valueOf(doubts, "half-leaves-classes") > 5);
});

Deno.test("an attack whose steps are too few gains by more of them", async () => {
  const attack = (epsilon: number) => pgd({ epsilon, stepSize: 0.02, randomStart: false });
  const doubts = await check(mlp, { attack });
  assert(raised(doubts).includes("more-steps-gain"));
  assert(!raised(doubts).includes("success-falls"));
});

Deno.test("outputs that differ between two calls are seen", async () => {
  const noisy = faulty((x) => mlp.logits(x).add(tf.randomNormal([x.shape[0], 10], 0, 0.1)));
  assertEquals(raised(await check(noisy)), ["outputs-differ"]);
});

Deno.test("classes that hang on the other images of the batch are seen", async () => {
  const dependent = faulty((x) => mlp.logits(tf.relu(x.sub(x.mean(0)))));
  const doubts = await check(dependent);
  assert(raised(doubts).includes("batch-dependent"));
  assert(valueOf(doubts, "batch-dependent") < 1);
});

Deno.test("logits that are all the same are seen", async () => {
  const doubts = await check(faulty((x) => mlp.logits(x).mul(0).add(tf.range(0, 10))));
  assertEquals(raised(doubts).slice(0, 1), ["logits-constant"]);
  assertEquals(valueOf(doubts, "half-leaves-classes"), 1);
});

Deno.test("images outside [0, 1] and logits that are no numbers end the examination", async () => {
  const outside = tf.tidy(() => images.mul<Tensor4D>(255));
  const doubts = await checkAttackable(mlp, { images: outside, labels });
  assertEquals(raised(doubts), ["pixels-outside"]);
  assertEquals(valueOf(doubts, "pixels-outside"), 1);
  outside.dispose();
  const nan = await check(faulty((x) => mlp.logits(x).log()));
  assertEquals(raised(nan).slice(0, 1), ["logits-not-finite"]);
  assertEquals(nan.length, 6);
});

Deno.test("an examination can be aborted, needs images, and leaves no tensor", async () => {
  const before = tf.memory().numTensors;
  const signal = AbortSignal.abort("enough");
  assertEquals(await check(mlp, { signal }).catch((error) => error), "enough");
  const none = tf.tidy(() => ({ images: images.slice(0, 0), labels: labels.slice(0, 0) }));
  await assertRejects(() => checkAttackable(mlp, none), RangeError, "there must be images");
  tf.dispose([none.images, none.labels]);
  assertEquals(tf.memory().numTensors, before);
});
