/**
 * Attacks watched, on a network whose smallest norms are known.
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { minNorm } from "$lib/minnorm.ts";
import { load, test } from "$lib/loader.ts";
import { loadSolved } from "$lib/solved.ts";
import { bisect, watch } from "$lib/watch.ts";

const { network, images, minimal } = await loadSolved();
const digits = await test(images);

Deno.test("the moments of a watched run fall to its result, and never below the truth", async () => {
  for (const attack of ["portfolio", "fmn"]) {
    const options = { p: 2, maxPasses: 200 };
    const moments = await watch(network, digits, { ...options, attack });
    assert(moments.length > 5, `${moments.length} moments`);
    moments.slice(1).forEach(({ passes, norms }, i) => {
      assert(passes > moments[i]!.passes);
      const rose = norms.filter((norm, k) => norm > moments[i]!.norms[k]! * (1 + 1e-4));
      assertEquals(rose, [], `after ${passes} passes of ${attack}`);
    });
    minimal(2).forEach((truth, i) => assert(moments.at(-1)!.norms[i]! >= truth * (1 - 5e-5)));
    const results = await minNorm(network, digits, {
      ...options,
      ...(attack === "fmn" ? { attack } : {}),
    });
    assertEquals(moments.at(-1)!.norms, results.map(({ norm }) => norm));
  }
});

Deno.test("bisect() halves its bracket, and its successes stay above the truth", async () => {
  const first = await load("test", { to: 1 });
  for (const p of [1, 2, Infinity]) {
    const truth = minimal(p)[0]!;
    const tries = await bisect(network, first, { p, start: truth / 3, tries: 8 });
    assertEquals(tries.length, 8);
    assertEquals([tries[0]!.low, tries[0]!.high, tries[0]!.norm], [0, Infinity, truth / 3]);
    assert(!tries[0]!.found && tries[1]!.norm === 2 * tries[0]!.norm);
    for (const [i, { norm, found, low, high }] of tries.entries()) {
      if (found) assert(norm >= truth * (1 - 5e-5));
      const next = tries[i + 1];
      if (!next) continue;
      if (found) assert(next.high <= norm && next.low === low);
      else assertEquals([next.low, next.high], [norm, high]);
    }
  }
});

Deno.test("bisect() tries whole numbers of pixels, until none is left between", async () => {
  const tries = await bisect(network, await load("test", { to: 1 }), {
    ...{ p: 0, start: 16, tries: 20, steps: 100 },
  });
  assert(tries.length < 12 && tries.every(({ norm }) => Number.isInteger(norm) && norm > 0));
  const last = tries.at(-1)!;
  assert(last.high - last.low <= 2 || last.found);
});

Deno.test("minimal() knows the norms that were solved, and no others", () => {
  assertEquals(minimal(1).length, images);
  assertThrows(() => minimal(0), RangeError, "p must be one of 1, 2, inf: current value is 0");
});
