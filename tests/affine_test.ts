/**
 * Every attack that looks for the smallest norm, on an affine classifier, where it is known.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import type { Attack } from "$lib/attacks/attack.ts";
import { runAttack } from "$lib/attacks/driver.ts";
import { type AttackEntry, attacks } from "$lib/attacks/index.ts";
import { linearRegion } from "$lib/attacks/linear_region.ts";
import { test } from "$lib/loader.ts";
import { minNorm } from "$lib/minnorm.ts";
import { formatP } from "$lib/numbers.ts";
import { nearestMean, smallestNorms } from "./affine.ts";

const network = await nearestMean();
const digits = await test(2);
const labels = [...digits.labels.dataSync()];
const norms = [0, 1, 2, Infinity];
const least = new Map(norms.map((p) => [p, smallestNorms(network, digits, p)]));

/** Largest excess after 300 steps. One attack alone may go for a class that is not the nearest. */
const within = (p: number): number => p === 0 ? 0.15 : 0.05;

/** The attack, unless it does not take the norm. */
function create({ create }: AttackEntry, p: number): Attack | null {
  try {
    return create({ p, norm: 1, learningRate: 0.01 });
  } catch (error) {
    if (error instanceof RangeError) return null;
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
  for (const p of norms) {
    const attack = create(entry, p);
    if (!attack) continue;
    Deno.test(`${entry.name} finds the smallest norm of an affine classifier (p ${formatP(p)})`, async () => {
      const outcomes = await runAttack(attack, network, digits.images, { labels, steps: 300 });
      assertEquals(outcomes.map(({ found }) => found), labels.map(() => true));
      assertNear(outcomes.map(({ norm }) => norm), p, within(p));
    });
  }
}

for (const p of norms) {
  Deno.test(`minNorm() finds the smallest norm of an affine classifier (p ${formatP(p)})`, async () => {
    const found = await minNorm(network, digits, { p });
    assertNear(found.map(({ norm }) => norm), p, p === 0 ? 0 : 1e-3);
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
