import { assert, assertEquals } from "@std/assert";
import { test } from "$lib/loader.ts";
import { minNorm } from "$lib/minnorm.ts";
import { loadNetwork } from "$lib/network.ts";
import { median } from "$lib/statistics.ts";

const network = await loadNetwork("MLP");
const digits = await test(205); // more than are at work together

for (const attack of [undefined, "fmn", "apgd"]) {
  Deno.test(`progress ends with the norms and passes of the results: ${attack ?? "portfolio"}`, async () => {
    const [seen, spent]: [number[][], number[]] = [[], []];
    const results = await minNorm(network, digits, {
      p: Infinity,
      maxPasses: 320,
      ...(attack === undefined ? {} : { attack }),
      onProgress(progress) {
        seen.push(progress.norms());
        spent.push(progress.passes());
        if (seen.length % 20 === 0) assertEquals(progress.median, median(seen.at(-1)!));
      },
    });
    const norms = results.map(({ found, norm }) => found ? norm : Infinity);
    const passes = results.reduce((sum, one) => sum + one.forwards + one.backwards, 0);
    // Only the portfolio reports when all is judged, and before that a rounding is possible.
    const last = seen.at(-1)!;
    assertEquals(last.length, norms.length);
    if (attack === undefined) assertEquals([last, spent.at(-1)], [norms, passes]);
    assert(spent.at(-1)! > 0.8 * passes && spent.at(-1)! <= passes);
    for (const [i, now] of seen.entries()) {
      const before = seen[i - 1] ?? [];
      assert(before.every((norm, image) => now[image]! <= norm + 1e-6));
      assert((spent[i - 1] ?? 0) <= spent[i]!);
    }
    // A search tells what its rounds found, all else what each step did.
    const first = new Set(seen.map((norms) => String(norms.slice(0, 10))));
    assert(first.size > (attack === "apgd" ? 2 : 10), `${first.size} different`);
  });
}
