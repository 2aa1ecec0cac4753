/**
 * The discriminator: it learns what can be learnt, the same each time, and leaves nothing behind.
 *
 * @module
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { tf } from "$lib/backend.ts";
import { uniform } from "$lib/random.ts";
import { type Example, trainDiscriminator } from "$lib/resistance/discriminator.ts";
import { SAMPLES } from "$lib/resistance/table.ts";
import { auroc } from "$lib/statistics/ranking.ts";

/** Noisy curves that rise to a peak, early for mistakes, whose height tells nothing. */
function curves(count: number, seed: number): Example[] {
  return Array.from({ length: count }, (_, i) => {
    const wrong = i % 4 === 0;
    const draws = uniform(SAMPLES + 1, seed, i);
    const peak = (wrong ? 10 : 22) + 10 * draws[SAMPLES]!;
    const curve = Array.from(
      { length: SAMPLES },
      (_, k) => Math.exp(-(((k - peak) / 6) ** 2)) + 0.3 * draws[k]!,
    );
    return { curve, wrong };
  });
}

const [taught, asked] = [curves(120, 1), curves(80, 2)];
const scored = async (options: Parameters<typeof trainDiscriminator>[1]) => {
  const discriminator = await trainDiscriminator(taught, options);
  const scores = discriminator.suspicions(asked.map(({ curve }) => curve));
  discriminator.dispose();
  return scores;
};

Deno.test("a discriminator finds by training what tells curves apart", async () => {
  const positives = asked.map(({ wrong }) => wrong);
  const before = tf.memory().numTensors;
  const scores = await scored({ steps: 400 });
  assertEquals(tf.memory().numTensors, before);
  const value = auroc({ scores, positives });
  assert(value > 0.9, `AUROC ${value}`);
  // Trained on as many of either kind, it calls about the right share mistakes.
  const called = scores.filter((score) => score > 0).length;
  assert(called >= 12 && called <= 32, `${called} of 80 called mistakes, 20 are`);
});

Deno.test("a discriminator is the same for the same seed, and another one for another", async () => {
  const first = await scored({ steps: 5, seed: 3 });
  assertEquals(await scored({ steps: 5, seed: 3 }), first);
  assert((await scored({ steps: 5, seed: 4 }))[0] !== first[0]);
});

Deno.test("what a discriminator can't be trained on is refused, and Stop leaves nothing", async () => {
  const train = (examples: Example[], options = {}) => trainDiscriminator(examples, options);
  await assertRejects(
    () => train(taught.filter(({ wrong }) => wrong)),
    RangeError,
    "both mistakes",
  );
  await assertRejects(() => train(taught, { steps: 0 }), RangeError, "steps must be at least 1");
  await assertRejects(() => train(taught, { seed: 0.5 }), RangeError, "seed must be an int32");
  const before = tf.memory().numTensors;
  const controller = new AbortController();
  const onProgress = () => controller.abort("enough");
  const reason = await train(taught, { signal: controller.signal, onProgress }).catch((error) =>
    error
  );
  assertEquals([reason, tf.memory().numTensors], ["enough", before]);
});
