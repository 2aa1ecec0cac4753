/**
 * The last figures in numbers: closed forms, and what one set of images says of another.
 *
 * @module
 */
import { assert, assertAlmostEquals, assertEquals, assertNotEquals } from "@std/assert";
import {
  areas,
  type Estimated,
  medians,
  replication,
  shares,
  transfers,
} from "$lib/final/summary.ts";
import { wilson } from "$lib/statistics.ts";

const norms = (count: number, set: "test" | "val, first half", value: (i: number) => number) =>
  Array.from({ length: count }, (_, image) => (
    { network: "CNN", p: 2, set, image, minNorm: value(image), maxPasses: 10 }
  ));

Deno.test("shares() are accuracies with Wilson's interval", () => {
  const [low, high] = wilson(98, 100);
  assertEquals(shares([{ network: "CNN", set: "val", right: 98, images: 100 }]), [
    { network: "CNN", set: "val", value: 0.98, low, high, images: 100 },
  ]);
});

Deno.test("medians() hold each set's median, with an interval that narrows with more images", () => {
  const shuffled = (count: number) => (i: number) => (i * 37) % count;
  const rows = [
    ...norms(20, "test", shuffled(20)),
    ...norms(500, "val, first half", shuffled(500)),
    { ...norms(1, "test", () => 7)[0]!, p: Infinity },
  ];
  const [few, many, one] = medians(rows);
  assertEquals([few!.set, few!.value, few!.images], ["test", 9.5, 20]);
  assertEquals([one!.p, one!.value, one!.low, one!.high], [Infinity, 7, 7, 7]);
  for (const { low, value, high } of [few!, many!]) assert(low < value && value < high);
  // The median of n uniform values from 0 to 500 has a standard error of 500 / (2 sqrt(n)).
  const width = 2 * 1.96 * 500 / (2 * Math.sqrt(500));
  assert(Math.abs((many!.high - many!.low) / width - 1) < 0.15, `${many!.high - many!.low}`);
  assertEquals(medians(rows), medians(rows));
  assertNotEquals(medians(rows, { samples: 50 }), medians(rows, { samples: 50, seed: 1 }));
  assertEquals(medians(norms(3, "test", (i) => i === 0 ? 1 : Infinity))[0]!.value, Infinity);
});

const resisting = (set: "test" | "val", wrong: boolean, values: number[]) =>
  values.map((resN) => ({ network: "CNN", set, wrong, resN }));

Deno.test("areas() are the share of pairs that the resistance ranks rightly", () => {
  const rows = [
    ...resisting("val", true, [1, 4, Infinity]),
    ...resisting("val", false, [2, 5, Infinity, Infinity]),
    ...resisting("test", true, [1]),
    ...resisting("test", false, [2, 3]),
  ];
  // Of 12 pairs: 1 is below all four, 4 below three, and infinity ties with two.
  const [only, ...others] = areas(rows);
  assertEquals(others, []);
  assertAlmostEquals(only!.value, (4 + 3 + 2 * 0.5) / 12, 1e-12);
  assertEquals([only!.set, only!.images], ["val", 7]);
  assert(only!.low >= 0 && only!.low < only!.value && only!.high <= 1);
});

Deno.test("transfers() set the threshold on test and count on val", () => {
  const right = Array.from({ length: 101 }, (_, i) => i);
  const rows = [
    ...resisting("test", false, right),
    ...resisting("test", true, [0, 1]),
    ...resisting("val", false, [0, 4, 5, 6]),
    ...resisting("val", true, [1, 2, 5, Infinity]),
  ];
  const [low, high] = wilson(2, 4);
  assertEquals(transfers(rows, 0.05), [
    { network: "CNN", threshold: 5, falseAlarms: 0.5, low, high, found: 2, mistakes: 4 },
  ]);
  assertEquals(transfers(rows.filter(({ set }) => set === "val"), 0.05), []);
});

Deno.test("replication() counts pairs that are confirmed, open and reversed", () => {
  const row = (network: string, set: string, low: number): Estimated => (
    { network, set, low, value: low + 0.5, high: low + 1, images: 10 }
  );
  const rows = [
    ...[row("A", "test", 0), row("B", "test", 2), row("C", "test", 4), row("D", "test", 4.5)],
    ...[row("A", "val", 0), row("B", "val", 0.5), row("C", "val", 8), row("D", "val", -2)],
  ];
  // test parts all pairs but C and D. val: A and B overlap; A < C, B < C; D is below A and B.
  assertEquals(replication(rows, "test", "val"), { pairs: 5, confirmed: 2, open: 1, reversed: 2 });
  assertEquals(replication(rows, "val", "none").pairs, 0);
});
