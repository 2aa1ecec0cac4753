/**
 * How resistances do as judges, on records whose answers are plain to see.
 *
 * @module
 */
import { assertAlmostEquals, assertEquals } from "@std/assert";
import { evading } from "$lib/resistance/examples.ts";
import { attackedOf, caught, decisions, evasions, promises } from "$lib/resistance/judged.ts";
import type { ResistanceRecord, Source } from "$lib/resistance/table.ts";

/** A clean image: right unless said otherwise, and two logits apart. */
function record(image: number, resN: number, more: Partial<ResistanceRecord> = {}) {
  const logits = new Float32Array(10);
  logits[1] = 2;
  const own: ResistanceRecord = {
    ...{ network: "N", weightsSha256: "0", dataset: "MNIST", subset: "test", image, label: 1 },
    ...{ prediction: 1, logits, norm: null, steps: 500, adversarial: true, resN, resMax: resN },
    ...{ resMin: 1, adversarialClass: 2, minNorm: null, minNormOptions: null, seed: null },
    ...{ attackedFrom: null, attackedTo: null, norms: null, confidences: null },
    ...{ source: "clean", p: null, epsilon: null },
  };
  return { ...own, ...more };
}

Deno.test("decisions() counts what each threshold misses, and its false alarms", () => {
  const positives = [true, false, true];
  assertEquals(decisions({ scores: [-1, -2, -3], positives }), [
    { threshold: -Infinity, missed: 2, falseAlarms: 0 },
    { threshold: 1, missed: 1, falseAlarms: 0 },
    { threshold: 2, missed: 1, falseAlarms: 1 },
    { threshold: 3, missed: 0, falseAlarms: 1 },
  ]);
});

Deno.test("promises() judges half of the images by what the other half taught", () => {
  // The half that is fitted on has its middle at 2; there the report's score is one half.
  const records = Array.from({ length: 200 }, (_, i) => (
    i % 10 === 3 ? record(i, 1, { label: 5 }) : record(i, 2)
  ));
  const { bins, images, mistakes } = promises(records, "resN");
  assertEquals([images, mistakes], [100, 10]);
  for (const by of ["score", "isotonic", "softmax", "temperature"] as const) {
    const own = bins.filter((bin) => bin.by === by);
    assertEquals(own.reduce((sum, { count }) => sum + count, 0), 100, by);
  }
  // Cases of one probability share a bin, so that each has one: of 10 mistakes and 90 others.
  const of = (by: string) => bins.filter((bin) => bin.by === by);
  assertAlmostEquals(of("score")[0]!.promised, (10 * 2 / 3 + 90 / 2) / 100, 1e-9);
  assertAlmostEquals(of("isotonic")[0]!.promised, 0.1, 1e-9);
  assertEquals(of("isotonic")[0]!.kept, 0.1);
});

Deno.test("what gets past a detector is adversarial and not suspect", () => {
  const clean = Array.from({ length: 100 }, (_, i) => record(i, i + 1));
  const mistake = record(100, 0.5, { label: 4 });
  const evade = { source: evading, p: 2, epsilon: 1.5 };
  const fmn = { source: "fmn", p: 2, epsilon: null };
  const made = new Map([
    // Suspect; deceives both; no longer adversarial; made of an image beyond the first two.
    [evading, [
      record(0, 3, { prediction: 2, ...evade }),
      record(1, 50, { prediction: 2, ...evade }),
      record(1, 50, evade),
      record(9, 50, { prediction: 2, ...evade }),
    ]],
    ["fmn", [record(0, 0.1, { prediction: 2, ...fmn }), record(1, 0.2, { prediction: 3, ...fmn })]],
  ]);
  const collection = { of: (_: unknown, { source }: Source) => made.get(source) ?? [] };
  const study = { collection, setting: {} } as unknown as Parameters<typeof attackedOf>[0];
  const none = { source: "pgd", p: 2, epsilon: 1 };
  const attacked = attackedOf(study, [...clean, mistake], [fmn, none, evade], 2);
  assertEquals([attacked.right.length, attacked.count], [100, 2]);
  assertEquals(attacked.made.map(({ source, records }) => [source, records.length]), [
    ["fmn", 2],
    [evading, 3],
  ]);
  assertEquals(evasions(attacked, "resN", 0.05), [{ factor: 1.5, count: 2, evading: 1 }]);
  const [one, ...others] = caught(attacked, "resN");
  assertEquals([one!.source, others.length], ["fmn", 0]);
  assertEquals([...one!.ranked.scores as number[]].slice(0, 3), [-0.1, -0.2, -1]);
  assertEquals([...one!.ranked.positives as boolean[]].filter(Boolean).length, 2);
});
