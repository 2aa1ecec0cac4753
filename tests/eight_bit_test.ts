/**
 * The smallest perturbation among 8-bit images: against all such images of a small plane, and on
 * digits.
 *
 * @module
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { ddn } from "$lib/attacks/ddn.ts";
import { type Outcome, runAttack } from "$lib/attacks/driver.ts";
import { type EightBit, type FloatPoint, minNorm8bit } from "$lib/attacks/eight_bit.ts";
import { fmn } from "$lib/attacks/fmn.ts";
import { marginOf } from "$lib/attacks/judge.ts";
import { imageOf, nearest, values } from "$lib/attacks/lattice.ts";
import { type Tensor1D, type Tensor2D, type Tensor4D, tf } from "$lib/backend.ts";
import { test as digits } from "$lib/loader.ts";
import { type Classifier, loadNetwork } from "$lib/network.ts";
import { distance } from "$lib/norms.ts";
import { uniform } from "$lib/random.ts";

const mlp = await loadNetwork("MLP");
const { images, labels } = await digits(16);
const classes = [...labels.dataSync()];

/** The only result. */
const one = async (results: Promise<EightBit[]>) => await results as [EightBit];

/** A plane that looks at the first pixels alone: class 0 where weights times pixels exceed `bound`. */
function plane(weights: number[], bound: number): Classifier {
  return {
    name: "plane",
    classes: 2,
    revision: {},
    logits: (x: Tensor4D): Tensor2D =>
      tf.tidy(() => {
        const pixels = x.reshape<Tensor2D>([-1, 784]).slice([0, 0], [-1, weights.length]);
        const margin = pixels.mul(tf.tensor1d(weights)).sum<Tensor1D>(1).sub(bound);
        return tf.stack([margin, tf.zerosLike(margin)], 1) as Tensor2D;
      }),
  };
}

/** A black image but for its first pixels. */
const imageWith = (pixels: ArrayLike<number>) => {
  const image = new Float32Array(784);
  image.set(pixels);
  return image;
};

/** The smallest norm over all levels of the first three pixels that are adversarial. */
function smallest(clean: Float32Array, weights: number[], bound: number, p: number): number {
  const cost = (i: number, level: number) => {
    const size = Math.abs(values[level]! - clean[i]!);
    return p === 0 ? Number(size !== 0) : p === Infinity ? size : size ** p;
  };
  const together = (a: number, b: number) => p === Infinity ? Math.max(a, b) : a + b;
  const levels = [...values.keys()];
  const [w0, w1, w2] = weights as [number, number, number];
  // The third pixel need not be tried: for each margin left, the cheapest level that makes it up.
  const thirds = levels.map((level) => ({ gain: w2 * values[level]!, cost: cost(2, level) }))
    .sort((a, b) => a.gain - b.gain);
  const cheapest: number[] = [];
  thirds.forEach(({ cost }, i) => cheapest.push(Math.min(cost, cheapest[i - 1] ?? Infinity)));
  let best = Infinity;
  for (const a of levels) {
    for (const b of levels) {
      const left = bound - 1e-4 - w0 * values[a]! - w1 * values[b]!;
      let count = 0;
      for (let step = 256; step >= 1; step /= 2) {
        if (count + step <= 256 && thirds[count + step - 1]!.gain <= left) count += step;
      }
      const two = together(cost(0, a), cost(1, b));
      if (count > 0) best = Math.min(best, together(two, cheapest[count - 1]!));
    }
  }
  return p === Infinity || p === 0 ? best : best ** (1 / p);
}

/** Points far beyond the plane: the search must come all the way back. */
function beyond(clean: Float32Array, weights: number[]): FloatPoint {
  const perturbed = clean.map((pixel, i) =>
    weights[i] === undefined ? pixel : weights[i]! > 0 ? 0.001 : 0.999
  );
  return { clean, perturbed, reference: 0, found: true };
}

// At p = 2 the last level may be one that a pair of moves would save.
for (const [p, within] of [[0, 0], [1, 0], [2, 0.01], [Infinity, 0]] as const) {
  Deno.test(`minNorm8bit() at p = ${p} finds the smallest of all 8-bit images of a plane`, async () => {
    for (let seed = 0; seed < 6; seed++) {
      const [a, b, c, x, y, z, off] = uniform(7, seed, 0) as unknown as number[] & { length: 7 };
      const weights = [a! + 0.1, -b! - 0.2, c! + 0.3];
      // Every other image has pixels between the levels: none keeps them, at no norm.
      const between = seed % 2 === 0 ? 0 : 0.3 / 255;
      const clean = imageWith([x!, y!, z!].map((one) => values[Math.round(200 * one)]! + between));
      const at = weights.reduce((sum, weight, i) => sum + weight * clean[i]!, 0);
      const bound = at - 0.05 - 0.1 * off!;
      const network = plane(weights, bound);
      const points = [beyond(clean, weights)];
      const [{ minNorm8bit: found, image }] = await one(minNorm8bit(network, points, { p }));
      const least = smallest(clean, weights, bound, p);
      const excess = found - least;
      assert(
        excess > -1e-7 && excess < within * least + 1e-7,
        `seed ${seed}: ${found}, and ${least} is there`,
      );
      assertEquals(distance(image!, clean, p), found);
    }
  });
}

Deno.test("the pixels of 8-bit images are those of the loader, to the last bit", () => {
  for (const image of tf.unstack(images)) {
    const pixels = image.dataSync() as Float32Array;
    assertEquals(imageOf(nearest(pixels)), pixels);
  }
});

Deno.test("survives8bit tells whether the nearest 8-bit image is still adversarial", async () => {
  const network = plane([1], 100.4 / 255);
  const clean = imageWith([120 / 255]);
  const at = (level: number): FloatPoint => ({
    clean,
    perturbed: imageWith([level / 255]),
    reference: 0,
    found: true,
  });
  const results = await minNorm8bit(network, [at(100.45), at(100.3), at(100.51)], { p: 1 });
  assertEquals(results.map(({ survives8bit }) => survives8bit), [true, true, false]);
  for (const { minNorm8bit } of results) assert(Math.abs(minNorm8bit - 20 / 255) < 1e-7);
});

Deno.test("what is nowhere adversarial in 8 bits, or was not found, has no smallest norm", async () => {
  const narrow: Classifier = {
    ...plane([1], 0),
    revision: {},
    logits: (x) =>
      tf.tidy(() => {
        // Adversarial from 100.3 to 100.7 alone.
        const pixel = x.reshape<Tensor2D>([-1, 784]).slice([0, 0], [-1, 1]);
        const margin = pixel.sub(100.5 / 255).abs().sub(0.2 / 255);
        return tf.concat([margin, tf.zerosLike(margin)], 1) as Tensor2D;
      }),
  };
  const point = { clean: imageWith([]), perturbed: imageWith([100.5 / 255]), reference: 0 };
  for (const found of [true, false]) {
    const [result] = await minNorm8bit(narrow, [{ ...point, found }], { p: 2 });
    assertEquals([result!.survives8bit, result!.minNorm8bit, result!.image], [
      false,
      Infinity,
      null,
    ]);
    assertEquals(result!.forwards > 0, found);
  }
});

Deno.test("what only a batch calls adversarial does not count", async () => {
  const liar: Classifier = {
    ...plane([1], 0),
    revision: {},
    logits: (x) =>
      tf.tidy(() => {
        const change = x.mean<Tensor1D>([1, 2, 3]);
        const margin = x.shape[0] === 1 ? tf.onesLike(change) : tf.sub(0.001, change);
        return tf.stack([margin, tf.zerosLike(margin)], 1) as Tensor2D;
      }),
  };
  const perturbed = new Float32Array(784).fill(0.5);
  const point = { clean: imageWith([]), perturbed, reference: 0, found: true };
  const [{ minNorm8bit: norm, image }] = await one(minNorm8bit(liar, [point], { p: 2 }));
  assertEquals([norm, image], [Infinity, null]);
});

/** What an attack made of the digits. */
async function attacked(p: number, target?: number): Promise<FloatPoint[]> {
  const options = { steps: 60, ...(target === undefined ? { labels: classes } : { target }) };
  const chosen = tf.tidy(() => target === undefined ? images : images.slice([0], [3]));
  const outcomes = await runAttack(p === 2 ? ddn() : fmn({ p }), mlp, chosen, options);
  if (target !== undefined) chosen.dispose();
  return outcomes.map(({ clean, perturbed, found }: Outcome, i) => ({
    clean,
    perturbed,
    found,
    reference: classes[i]!,
    ...(target === undefined ? {} : { target }),
  }));
}

// How much larger the median norm may get: L-infinity has but 11 levels to choose from.
for (const [p, ratio] of [[0, 1], [1, 1.001], [2, 1.001], [Infinity, 1.1]] as const) {
  Deno.test(`8-bit images of digits are adversarial, and hardly further away, at p = ${p}`, async () => {
    const points = await attacked(p);
    const results = await minNorm8bit(mlp, points, { p });
    const ratios = results.map(({ minNorm8bit, image, forwards, backwards }, i) => {
      const { clean, perturbed, reference } = points[i]!;
      assertEquals(imageOf(nearest(image!)), image);
      const logits = tf.tidy(() => mlp.logits(tf.tensor4d(image!, [1, 28, 28, 1])).dataSync());
      assert(marginOf(logits, reference) <= -1e-4);
      assertEquals(distance(image!, clean, p), minNorm8bit);
      assert(forwards + backwards < 400, `${forwards} passes`);
      return minNorm8bit / distance(perturbed, clean, p);
    }).sort((a, b) => a - b);
    const median = (ratios[7]! + ratios[8]!) / 2;
    assert(median <= ratio, `median of the ratios ${median}`);
    const alone = await minNorm8bit(mlp, points.slice(3, 4), { p });
    assertEquals(alone, results.slice(3, 4), "the batch changes the result");
  });
}

Deno.test("8-bit images reach the target, also from points far beyond the nearest", async () => {
  const points = await attacked(2, 7);
  const far = points.map(({ clean, perturbed, ...goal }) => ({
    ...goal,
    reference: 0, // without meaning beside a target
    clean,
    perturbed: perturbed.map((x, i) => Math.min(1, Math.max(0, 1.3 * x - 0.3 * clean[i]!))),
  }));
  const results = await minNorm8bit(mlp, far, { p: 2 });
  results.forEach(({ image, minNorm8bit }, i) => {
    const logits = tf.tidy(() => mlp.logits(tf.tensor4d(image!, [1, 28, 28, 1])).dataSync());
    assert(marginOf(logits, 7) >= 1e-4);
    const norm = distance(points[i]!.perturbed, points[i]!.clean, 2);
    assert(minNorm8bit < 1.01 * norm, `${minNorm8bit}, and ${norm} was found`);
  });
});

Deno.test("at p = 0, two pixels are exchanged for one that does their work", async () => {
  const [weights, clean] = [[0.5, 0.5, 0.9], imageWith([1, 1, 1])];
  const point = { clean, perturbed: imageWith([0, 0, 1]), reference: 0, found: true };
  const [{ minNorm8bit: norm }] = await one(minNorm8bit(plane(weights, 1.05), [point], { p: 0 }));
  assertEquals(norm, 1);
});

Deno.test("where no way of rounding is adversarial, single pixels are moved until one is", async () => {
  const band: Classifier = {
    ...plane([1, 1], 0),
    revision: {},
    logits: (x) =>
      tf.tidy(() => {
        // Adversarial where the first two levels add up to 201: rounded alike, they never do.
        const two = x.reshape<Tensor2D>([-1, 784]).slice([0, 0], [-1, 2]).sum<Tensor2D>(1, true);
        const margin = two.sub(201 / 255).abs().sub(0.3 / 255);
        return tf.concat([margin, tf.zerosLike(margin)], 1) as Tensor2D;
      }),
  };
  const perturbed = imageWith([100.5 / 255, 100.5 / 255]);
  const point = { clean: imageWith([]), perturbed, reference: 0, found: true };
  const [{ image, survives8bit }] = await one(minNorm8bit(band, [point], { p: 1 }));
  assertEquals([...nearest(image!)].slice(0, 2).reduce((a, b) => a + b), 201);
  assertEquals(survives8bit, false);
});

Deno.test("minNorm8bit() can be aborted, refuses bad input, and leaves no tensor", async () => {
  const points = await attacked(2);
  const before = tf.memory().numTensors;
  await minNorm8bit(mlp, points, { p: 2 });
  const signal = AbortSignal.abort("enough");
  const reason = await minNorm8bit(mlp, points, { p: 2, signal }).catch((error) => error);
  assertEquals([reason, tf.memory().numTensors], ["enough", before]);
  await assertRejects(() => minNorm8bit(mlp, points, { p: 0.5 }), RangeError, "p must be");
  const outside = { ...points[0]!, perturbed: new Float32Array(784).fill(1.5) };
  await assertRejects(() => minNorm8bit(mlp, [outside], { p: 2 }), RangeError, "784 pixels");
});
