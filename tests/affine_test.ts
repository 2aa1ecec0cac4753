/**
 * Every attack that looks for the smallest norm, on an affine classifier, where it is known.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { type AttackEntry, attacks } from "$lib/attacks/index.ts";
import { linearRegion } from "$lib/attacks/linear_region.ts";
import { test } from "$lib/loader.ts";
import { minNorm } from "$lib/minnorm.ts";
import { formatP } from "$lib/numbers.ts";
import { nearestMean, smallestNorms } from "$lib/affine.ts";

const network = await nearestMean();
const digits = await test(2);
const labels = [...digits.labels.dataSync()];
const norms = [0, 1, 2, Infinity];
const least = new Map(norms.map((p) => [p, smallestNorms(network, digits, p)]));

/** Largest excess after 1,000 passes. One attack alone may go for a class that is not the nearest. */
const within = (p: number): number => p === 0 ? 0.15 : 0.05;

/**
 * Those that stay further off: Adam moves all pixels alike, whatever a pixel is worth, and who sees
 * decisions alone needs more passes.
 */
const loose: Record<string, Record<string, number>> = {
  minimal: { 1: 8, 2: 1, inf: 0.5 },
  school2: { 2: 0.4 },
  "hop-skip-jump": { 2: 4, inf: 3 },
};

/** Whether an attack takes the norm. */
function takes({ create }: AttackEntry, p: number): boolean {
  try {
    create({ p, norm: 1, learningRate: 0.01 });
    return true;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

/** Nothing below what is possible, to rounding, and nothing above by more than a share. */
function assertNear(norms: readonly number[], p: number, share: number): void {
  norms.forEach((norm, i) => {
    const smallest = least.get(p)![i]!;
    assert(norm >= smallest * (1 - 1e-4), `digit ${i}: ${norm} is impossible: ${smallest}`);
    assert(norm <= smallest * (1 + share), `digit ${i}: ${norm} and not ${smallest}`);
  });
}

for (const entry of Object.values(attacks).filter(({ minimal }) => minimal)) {
  const { name } = entry;
  for (const p of norms.filter((p) => takes(entry, p))) {
    Deno.test(`${name} finds the smallest norm of an affine classifier (p ${formatP(p)})`, async () => {
      const found = await minNorm(network, digits, { p, attack: name, maxPasses: 1000 });
      assertNear(found.map(({ norm }) => norm), p, loose[name]?.[formatP(p)] ?? within(p));
    });
  }
}

for (const [p, share] of [[0, 0], [1, 0.01], [2, 1e-3], [Infinity, 1e-3]] as const) {
  Deno.test(`minNorm() finds the smallest norm of an affine classifier (p ${formatP(p)})`, async () => {
    const found = await minNorm(network, digits, { p, maxPasses: 1000 });
    assertNear(found.map(({ norm }) => norm), p, share);
  });
}

for (const p of [1, 2, Infinity]) {
  Deno.test(`linearRegion() solves an affine classifier in one program (p ${formatP(p)})`, async () => {
    // Its only region is everything: where it starts does not matter but for the class.
    const pixels = Float32Array.from(digits.images.dataSync());
    const reference = labels[0]!;
    const image = pixels.slice(0, 784);
    const targets = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].filter((target) => target !== reference);
    const mean = (target: number) => {
      const kernel = network.weights["layers.0.kernel"]!.dataSync();
      return Float32Array.from(image, (_, i) => kernel[10 * i + target]!);
    };
    const starts = targets.map((target) => ({ image, point: mean(target), reference }));
    const results = await linearRegion(network, starts, { p });
    for (const { optimal, settled, programs, hops } of results) {
      assertEquals({ optimal, settled, programs, hops }, {
        optimal: true,
        settled: true,
        programs: 1,
        hops: 0,
      });
    }
    assertNear([Math.min(...results.map(({ norm }) => norm))], p, 5e-5);
  });
}
