/**
 * How far the smallest norms found are from the truth, on a network that was solved exactly.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { runAttack } from "$lib/attacks/driver.ts";
import { fmn } from "$lib/attacks/fmn.ts";
import { linearRegion } from "$lib/attacks/linear_region.ts";
import { test } from "$lib/loader.ts";
import { minNorm } from "$lib/minnorm.ts";
import { formatP } from "$lib/numbers.ts";
import { loadSolved } from "$lib/solved.ts";
import { median } from "$lib/statistics.ts";

const { network, images, minimal } = await loadSolved();
const digits = await test(images);
const labels = [...digits.labels.dataSync()];
const norms = [1, 2, Infinity] as const;

/** Norms found as multiples of the exact ones; where that is 0, they must be 0. */
function ratios(found: readonly number[], p: typeof norms[number]): number[] {
  return minimal(p).flatMap((least, i) => {
    if (least === 0) assertEquals(found[i], 0);
    return least === 0 ? [] : [found[i]! / least];
  });
}

/** The least is a share of rounding below 1: margins are measured in float32. */
function assertPossible(ratios: readonly number[]): void {
  assert(Math.min(...ratios) > 1 - 5e-5, `${Math.min(...ratios)} times the exact norm`);
}

for (const p of norms) {
  Deno.test(`minNorm() is never below the exact norm and seldom above (p ${formatP(p)})`, async () => {
    const found = await minNorm(network, digits, { p });
    const all = ratios(found.map(({ norm }) => norm), p);
    assertPossible(all);
    assert(median(all) < (p === 1 ? 1.005 : 1.0005), `median ${median(all)}`);
    assert(Math.max(...all) < 1.01, `worst ${Math.max(...all)}`);
  });

  for (const how of [{ polish: true }, { attack: "linear-region" }]) {
    Deno.test(`minNorm() with ${JSON.stringify(how)} reaches the exact norm (p ${formatP(p)})`, async () => {
      const found = await minNorm(network, digits, { p, ...how });
      const all = ratios(found.map(({ norm }) => norm), p);
      assertPossible(all);
      assert(Math.max(...all) < 1.0001, `worst ${Math.max(...all)}`);
      for (const { norm, optimal, attack } of found) {
        assertEquals([optimal, attack], norm === 0 ? [null, null] : [true, "linear-region"]);
      }
    });
  }

  Deno.test(`linearRegion() reaches the exact norm from nine aims (p ${formatP(p)})`, async () => {
    const best = labels.map((_, i) => minimal(p)[i] === 0 ? 0 : Infinity);
    for (let k = 1; k < 10; k++) {
      const aims = labels.map((label) => (label + k) % 10);
      const outcomes = await runAttack(fmn({ p }), network, digits.images, {
        labels,
        aims,
        steps: 60,
      });
      const starts = outcomes.filter(({ found, norm }) => found && norm > 0);
      const results = await linearRegion(
        network,
        starts.map(({ clean, perturbed, image }) => ({
          image: clean,
          point: perturbed,
          reference: labels[image]!,
        })),
        { p },
      );
      starts.forEach(({ image }, at) => best[image] = Math.min(best[image]!, results[at]!.norm));
    }
    const all = ratios(best, p);
    assertPossible(all);
    assert(Math.max(...all) < 1.0001, `worst ${Math.max(...all)}`);
  });
}
