/**
 * The portfolio's local searches: from an adversarial point to a smaller one.
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { MLP } from "$lib/architectures.ts";
import type { Attack } from "$lib/attacks/attack.ts";
import { type Outcome, runAttackSync } from "$lib/attacks/driver.ts";
import { fmn } from "$lib/attacks/fmn.ts";
import { pivots } from "$lib/attacks/pivots.ts";
import { pixelExchange } from "$lib/attacks/pixel_exchange.ts";
import { sparseRs } from "$lib/attacks/sparse_rs.ts";
import { type Tensor4D, tf } from "$lib/backend.ts";
import { createNetwork } from "$lib/network.ts";
import { uniform } from "$lib/random.ts";
import { digit, pixels, plane, smallest } from "./plane.ts";

const searches: Attack[] = [pixelExchange(), pivots()];
const mlp = createNetwork(MLP, { seed: 1 });
const images = tf.tensor4d(uniform(18 * pixels, 3, 0), [18, 28, 28, 1]);

/** Points as a tensor, which the caller disposes. */
const stack = (outcomes: readonly Outcome[]): Tensor4D =>
  tf.tidy(() =>
    tf.stack(outcomes.map(({ perturbed }) => tf.tensor(perturbed, [28, 28, 1])))
  ) as Tensor4D;

/** An attack that finds much too large a norm in a few steps. */
const poorly = (p: number) => p === 0 ? sparseRs({ epsilon: 100, minimal: true }) : fmn({ p });

for (const search of searches) {
  Deno.test(`${search.name} goes from a poor point in front of a plane to nearly the best one`, () => {
    const distance = 5;
    const image = tf.tensor4d(digit, [1, 28, 28, 1]);
    const network = plane(digit, distance);
    const poor = runAttackSync(poorly(search.p), network, image, { steps: 14 });
    const beginnings = stack(poor);
    const [outcome] = runAttackSync(search, network, image, { steps: 200, beginnings });
    const least = smallest(digit, distance + 1e-4, search.p);
    const [{ found, norm }] = poor as [Outcome];
    assert(found && norm > 1.05 * least, `${found}, ${norm} is not poor: ${least}`);
    assert(outcome!.norm >= least * (1 - 1e-4), `${outcome!.norm} is impossible: ${least}`);
    assert(outcome!.norm <= 1.03 * least, `${outcome!.norm} and not ${least}`);
    tf.dispose([image, beginnings]);
  });

  Deno.test(`${search.name} never loses the point that it began at, and improves on most`, () => {
    const first = runAttackSync(fmn({ p: search.p }), mlp, images, { steps: 12 });
    const beginnings = stack(first);
    const run = (batchSize: number) =>
      runAttackSync(search, mlp, images, { steps: 40, beginnings, batchSize });
    const then = run(18);
    then.forEach(({ found, norm }, i) => {
      assert(!first[i]!.found || found && norm <= first[i]!.norm, `image ${i}`);
    });
    assert(then.filter(({ norm }, i) => norm < first[i]!.norm).length > 9);
    assertEquals(run(5), then, "the batch split changes a result");
    beginnings.dispose();
  });
}

Deno.test("local searches refuse norms that are not theirs", () => {
  for (const p of [1, 2, Infinity]) {
    assertThrows(() => pixelExchange({ p }), RangeError, "needs p = 0");
  }
  for (const p of [0, 2, Infinity]) assertThrows(() => pivots({ p }), RangeError, "need p = 1");
});
