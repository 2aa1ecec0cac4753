/**
 * The mathematics of protections' losses and penalties, held against formulas.
 *
 * @module
 */
import { assertAlmostEquals, assertEquals, assertLess } from "@std/assert";
import { CNN } from "$lib/architectures.ts";
import { backend, type Tensor, type Tensor2D, type Tensor4D, tf } from "$lib/backend.ts";
import { createNetwork } from "$lib/network.ts";
import { protectionOf } from "$lib/protections/index.ts";
import { statelessNormal } from "$lib/random.ts";
import { crossEntropyOf, digits, lessonOf, lossOf, small } from "./lessons.ts";

/** Logits that are the same for all images, so that losses have a closed form. */
const [first, second] = [5, 6].map((stream) =>
  tf.tidy(() => statelessNormal([256, 10], tf.tensor1d([1, stream], "int32")).mul<Tensor2D>(2))
) as [Tensor2D, Tensor2D];

const rowsOf = (logits: Tensor2D) => logits.arraySync();

/** Softmax of a row at a temperature, in double precision. */
function soft(row: readonly number[], temperature = 1): number[] {
  const powers = row.map((one) => Math.exp(one / temperature));
  const sum = powers.reduce((a, b) => a + b);
  return powers.map((one) => one / sum);
}

/** The mean over rows of a number made of each. */
const meanOf = <T>(rows: readonly T[], number: (row: T, i: number) => number): number =>
  rows.reduce((sum, row, i) => sum + number(row, i), 0) / rows.length;

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

const { native } = backend; // which alone differentiates a max-pool's gradient
Deno.test("the input gradient's penalty has the gradient of finite differences", {
  ignore: !native,
}, () => {
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

Deno.test("TRADES is cross-entropy and six times the divergence from clean to moved answers", () => {
  tf.tidy(() => {
    const network = createNetwork(small, { seed: 5 });
    const labels = digits.labels.arraySync();
    const [clean, moved] = [rowsOf(first), rowsOf(second)];
    const right = meanOf(clean, (row, i) => -Math.log(soft(row)[labels[i]!]!));
    const apart = meanOf(clean, (row, i) => {
      const [p, q] = [soft(row), soft(moved[i]!)];
      return p.reduce((sum, one, k) => sum + one * Math.log(one / q[k]!), 0);
    });
    for (const [spec, beta] of [["trades:linf:0.1", 6], ["trades:linf:0.1:2", 2]] as const) {
      const loss = protectionOf(spec).loss!(lessonOf(network, digits));
      const value = loss(() => tf.concat([first, second]), {}).dataSync()[0]!;
      assertAlmostEquals(value, right + beta * apart, 1e-4, spec);
    }
  });
});

Deno.test("the teacher learns labels, the student its answers, each with logits over the temperature", () => {
  tf.tidy(() => {
    const network = createNetwork(small);
    const labels = digits.labels.arraySync();
    const lesson = lessonOf(network, digits);
    const [own, taught] = [rowsOf(first), rowsOf(second)];
    const hot = protectionOf("heated:5").loss!(lesson)(() => first, {});
    assertAlmostEquals(
      hot.dataSync()[0]!,
      meanOf(own, (row, i) => -Math.log(soft(row, 5)[labels[i]!]!)),
      1e-5,
    );
    const teacher = { name: "teacher", classes: 10, revision: {}, logits: () => second };
    const learned = protectionOf("distillation:5", teacher).loss!(lesson)(() => first, {});
    const expected = meanOf(own, (row, i) => {
      const [answer, wanted] = [soft(row, 5), soft(taught[i]!, 5)];
      return -wanted.reduce((sum, share, k) => sum + share * Math.log(answer[k]!), 0);
    });
    assertAlmostEquals(learned.dataSync()[0]!, expected, 1e-5);
  });
});

Deno.test("interval's box and the weight of its bounds grow from 5 to 50 % of the training", () => {
  tf.tidy(() => {
    const network = createNetwork(small, { seed: 5 });
    const at = (progress: number, epsilon: number) =>
      lossOf(network, "loss", `interval:linf:${epsilon}`, progress);
    const clean = crossEntropyOf(network, digits.images);
    const worst = 2 * at(1, 0.1) - clean;
    assertLess(clean + 0.1, worst);
    assertAlmostEquals(at(0.05, 0.2), clean, 1e-5);
    // Half-way the box has half its size, and the bounds half their weight of a half.
    assertAlmostEquals(at(0.275, 0.2), 0.75 * clean + 0.25 * worst, 1e-4);
    assertAlmostEquals(at(0.5, 0.1), at(1, 0.1), 1e-5);
  });
});

Deno.test("consistency learns from the copies of the stream's first two draws; where they agree, labels", () => {
  tf.tidy(() => {
    const network = createNetwork(small, { seed: 5 });
    const log = tf.logSoftmax(network.logits(digits.images));
    const entropy = -log.exp().mul(log).sum(1).mean().dataSync()[0]!;
    const same = crossEntropyOf(network, digits.images) + 0.5 * entropy;
    assertAlmostEquals(lossOf(network, "loss", "consistency:1e-6"), same, 1e-4);
    const seen: Tensor4D[] = [];
    protectionOf("consistency:0.5").loss!(lessonOf(network, digits))((batch) => {
      seen.push(...tf.split<Tensor4D>(batch, 2));
      return network.logits(batch);
    }, {});
    const drawn = [0, 1].map((draw) => {
      const noise = statelessNormal(digits.images.shape, tf.tensor1d([3, draw], "int32")).mul(0.5);
      return digits.images.add<Tensor4D>(noise).dataSync();
    });
    assertEquals(seen.map((images) => images.dataSync()), drawn);
  });
});

Deno.test("consistency is the copies' cross-entropy, their distance from the mean, half its entropy", () => {
  tf.tidy(() => {
    const network = createNetwork(small, { seed: 5 });
    const labels = digits.labels.arraySync();
    const others = rowsOf(second);
    const copies = rowsOf(first).map((row, i) => [soft(row), soft(others[i]!)] as const);
    const right = meanOf(copies, ([a, b], i) => -Math.log(a[labels[i]!]! * b[labels[i]!]!) / 2);
    const middle = copies.map(([a, b]) => a.map((one, k) => (one + b[k]!) / 2));
    const apart = meanOf(
      copies,
      ([a, b], i) =>
        middle[i]!.reduce((sum, m, k) => sum + m * Math.log(m * m / (a[k]! * b[k]!)) / 2, 0),
    );
    const entropy = meanOf(middle, (row) => -row.reduce((sum, m) => sum + m * Math.log(m), 0));
    for (const [spec, weight] of [["consistency:1", 10], ["consistency:1:3", 3]] as const) {
      const loss = protectionOf(spec).loss!(lessonOf(network, digits));
      const value = loss(() => tf.concat([first, second]), {}).dataSync()[0]!;
      assertAlmostEquals(value, right + weight * apart + entropy / 2, 1e-4, spec);
    }
  });
});
