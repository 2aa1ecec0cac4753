/**
 * The linear-region attack by name, and as the portfolio's polish: budget, independence of the batch,
 * interruption, and what it refuses.
 *
 * @module
 */
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { architecture, MLP } from "$lib/architectures.ts";
import { attackNamed, runner } from "$lib/attacks/run.ts";
import { isNearest } from "$lib/attacks/linear_region/confirm.ts";
import { linearRegion } from "$lib/attacks/linear_region.ts";
import { type Tensor1D, type Tensor4D, tf } from "$lib/backend.ts";
import { dense, flatten, softmax } from "$lib/layers.ts";
import { type Digits, test } from "$lib/loader.ts";
import { type MinNorm, minNorm, type MinNormOptions } from "$lib/minnorm.ts";
import { type Classifier, createNetwork, loadNetwork } from "$lib/network.ts";
import { distance } from "$lib/norms.ts";
import { formatP } from "$lib/numbers.ts";

const mlp = await loadNetwork("MLP");
const six = await test(6);
/** The first image's label is wrong, so that it is done before anything begins. */
const digits: Digits = {
  images: six.images,
  labels: tf.tensor1d(
    [...six.labels.dataSync()].map((label, i) => i === 0 ? (label + 1) % 10 : label),
    "int32",
  ),
};
const labels = [...digits.labels.dataSync()];

const rows = ({ images, labels }: Digits, places: number[]): Digits => ({
  images: tf.tidy(() => images.gather<Tensor4D>(tf.tensor1d(places, "int32"))),
  labels: tf.tidy(() => labels.gather<Tensor1D>(tf.tensor1d(places, "int32"))),
});

const same = ({ seconds: _, ...result }: MinNorm) => result;

const ways: Pick<MinNormOptions, "polish" | "attack">[] = [
  { polish: true },
  { attack: "linear-region" },
];

for (const way of ways) {
  const name = way.attack ?? "polish";

  for (const p of [1, 2, Infinity]) {
    const of = `${name}, p ${formatP(p)}`;

    Deno.test(`points are the nearest of their regions, in the box and adversarial (${of})`, async () => {
      const results = await minNorm(mlp, digits, { p, ...way, maxPasses: 400 });
      const { norm, optimal, attack, forwards, backwards } = results[0]!;
      assertEquals([norm, optimal, attack, forwards, backwards], [0, null, null, 1, 0]);
      results.slice(1).forEach(({ clean, perturbed, norm, optimal, attack, ...rest }, i) => {
        assertEquals([attack, optimal], ["linear-region", true]);
        assertEquals(norm, distance(perturbed, clean, p));
        assert(perturbed.every((pixel) => pixel >= 0 && pixel <= 1));
        assert(rest.found && rest.adversarialClass !== labels[i + 1]);
        const start = { image: clean, reference: labels[i + 1]! };
        assertEquals(isNearest(mlp, { ...start, point: perturbed }, p), true);
        // A thousandth further out it is not.
        const further = clean.map((one, k) => one + 1.001 * (perturbed[k]! - one));
        assertEquals(isNearest(mlp, { ...start, point: further }, p), false);
      });
    });

    Deno.test(`no image gets more than maxPasses (${of})`, async () => {
      const some = rows(digits, [4, 5]);
      for (const maxPasses of [2, 3, 7, 8, 10, 25, 60, 100, 130]) {
        for (const one of await minNorm(mlp, some, { p, ...way, maxPasses })) {
          const passes = one.forwards + one.backwards;
          assert(passes <= maxPasses, `${passes} of ${maxPasses}`);
          if (!one.found) assertEquals([one.norm, one.optimal], [Infinity, null]);
        }
      }
    });
  }

  Deno.test(`neither order nor splitting changes a bit (${name})`, async () => {
    for (const p of [1, 2, Infinity]) {
      const options = { p, ...way, maxPasses: 200 };
      const whole = (await minNorm(mlp, digits, options)).map(same);
      for (const ids of [[4, 1, 5, 0, 3, 2], [3, 1]]) {
        const some = await minNorm(mlp, rows(digits, ids), { ...options, ids });
        assertEquals(some.map(same), ids.map((id) => whole[id]));
      }
    }
  });

  Deno.test(`a target is reached; the prediction can be the class to leave (${name})`, async () => {
    const options = { p: 1, ...way, maxPasses: 300 };
    for (const one of await minNorm(mlp, digits, { ...options, target: 0 })) {
      assertEquals([one.found, one.adversarialClass, one.optimal], [true, 0, true]);
    }
    const [first] = await minNorm(mlp, digits, { ...options, reference: "prediction" });
    assert(first!.norm > 0 && first!.adversarialClass !== first!.prediction);
    assertEquals(first!.optimal, true);
  });

  Deno.test(`progress never falls and ends at 1; an abort gives the reason, no tensor stays (${name})`, async () => {
    const seen: number[] = [];
    const options = { p: 2, ...way, maxPasses: 200 };
    const before = tf.memory().numTensors;
    await minNorm(mlp, digits, {
      ...options,
      onProgress: ({ done, norms, passes }) => {
        seen.push(done);
        assertEquals(norms().length, 6);
        assert(passes() > 0);
      },
    });
    assert(seen.length > 10);
    seen.forEach((done, i) => assert(done >= (seen[i - 1] ?? 0)));
    assertEquals(seen.at(-1), 1);
    for (const share of [0.1, 0.5, 0.9]) {
      const controller = new AbortController();
      const reason = await minNorm(mlp, digits, {
        ...options,
        signal: controller.signal,
        onProgress: ({ done }) => done > share && controller.abort("enough"),
      }).catch((error) => error);
      assertEquals(reason, "enough");
    }
    assertEquals(tf.memory().numTensors, before);
  });

  Deno.test(`what has no linear regions is refused in one line, before any work (${name})`, async () => {
    const wrapped: Classifier = {
      name: "blurred",
      classes: 10,
      revision: {},
      logits: (images) => mlp.logits(images),
    };
    const { epochs, batchSize, optimizer } = MLP;
    const ended = createNetwork(
      architecture("ended", [flatten(), dense(10), softmax()], { epochs, batchSize, optimizer }),
    );
    for (const [network, rule] of [[wrapped, "blurred"], [ended, "softmax"]] as const) {
      let asked = 0;
      const { message } = await assertRejects(
        () => minNorm(network, digits, { p: 2, ...way, onProgress: () => asked++ }),
        TypeError,
      );
      assert(/^Cannot [^\n]* as [^\n]* current value is [^\n]*$/.test(message), message);
      assert(message.endsWith(`current value is ${rule}`), message);
      assertEquals(asked, 0);
    }
    ended.dispose();
    for (const p of [0, 3]) {
      const { message } = await assertRejects(
        () => minNorm(mlp, digits, { p, ...way }),
        RangeError,
      );
      assertEquals(
        message,
        `Cannot attack as linear regions need p = 1, 2 or inf: current value is ${p}`,
      );
    }
  });
}

Deno.test("a polish is the portfolio's, and without it nothing is said of optimality", async () => {
  const options = { p: 2, maxPasses: 60 };
  const { message } = await assertRejects(
    () => minNorm(mlp, digits, { ...options, attack: "fmn", polish: true }),
    RangeError,
  );
  assert(message.endsWith("current value is fmn") && !message.includes("\n"), message);
  const plain = (await minNorm(mlp, digits, options)).map(same);
  assertEquals((await minNorm(mlp, digits, { ...options, polish: false })).map(same), plain);
  assert(plain.every(({ optimal }) => optimal === null));
});

Deno.test("runSync() gives what run() does", async () => {
  const attack = runner(attackNamed("linear-region"), { p: 1, norm: 1, learningRate: 0.01 });
  const options = { ids: [4, 5], seed: 3, maxPasses: 200 };
  const { images } = rows(digits, [4, 5]);
  assertEquals(attack.runSync(mlp, images, options), await attack.run(mlp, images, options));
  assertThrows(() => attack.runSync(mlp, images, { maxPasses: 1 }), RangeError, "at least 2");
});

Deno.test("linearRegion() says that it does not know what passes do not suffice for", async () => {
  const [one] = await minNorm(mlp, rows(digits, [3]), { p: Infinity, maxPasses: 60 });
  const { clean: image, perturbed: point } = one!;
  const start = { image, point, reference: labels[3]! };
  const [few] = await linearRegion(mlp, [start], { p: Infinity, maxPasses: 4 });
  assertEquals([few!.optimal, few!.norm, few!.forwards + few!.backwards], [null, one!.norm, 4]);
});
