import { assert, assertEquals, assertThrows } from "@std/assert";
import { anytimePeers, type AnytimeRun } from "$lib/plots/anytime_peers.ts";
import { type Figure, overflow } from "$lib/plots/figure.ts";

const words = ({ svg }: Figure) =>
  [...svg.matchAll(/<(?:text|tspan)[^>]*>([^<]+)/g)].map(([, content]) => content).join("\n");
const dots = ({ svg }: Figure) => [...svg.matchAll(/<circle/g)].length;

const run = (over: Partial<AnytimeRun> = {}): AnytimeRun => ({
  p: 2,
  moments: [0.1, 1, 4].map((seconds, i) => ({
    ...{ seconds, passes: 100 * seconds, mean: [Infinity, 1.1, 1][i]!, median: [1.1, 1, 0.9][i]! },
  })),
  peers: [
    { name: "near", seconds: 2, mean: 1.02, median: 0.95 },
    { name: "far", seconds: 1, mean: 1.4, median: 1 },
    { name: "fails", seconds: 1, mean: Infinity, median: Infinity },
  ],
  ...over,
});
const options = { network: "CNN", images: 10, against: "seconds" } as const;

Deno.test("peers are dots where they end; those far above are listed with their norms", () => {
  const figure = anytimePeers([run()], options);
  const said = words(figure);
  assert(said.includes("Above: far: 1.40, fails: ∞"), said);
  assert(said.includes("Above: fails: ∞"), said);
  assertEquals(dots(figure), 2 + 3); // of the curve's end, too, in both charts
  assertEquals([...said.matchAll(/^near$/gm)].length, 2);
  assertEquals(overflow(figure), 0);
});

Deno.test("against passes there are no peers", () => {
  const figure = anytimePeers([run()], { ...options, against: "passes" });
  assertEquals(dots(figure), 2);
  assert(!/near|far:|dots/.test(words(figure)));
});

Deno.test("many peers at one place are drawn, each name apart from the others", () => {
  const peers = Array.from({ length: 5 }, (_, i) => ({
    ...{ name: `peer ${i}`, seconds: 2, mean: 1.02, median: 1.02 },
  }));
  const { svg } = anytimePeers([run({ peers })], options);
  const places = [
    ...svg.matchAll(/translate\(([^)]+)\)[^>]*><g[^>]*>(?:<use[^>]*>)+<\/g><text[^>]*>peer/g),
  ]
    .map(([, place]) => place);
  assertEquals(places.length, 10);
  for (const chart of [places.slice(0, 5), places.slice(5)]) assertEquals(new Set(chart).size, 5);
});

Deno.test("a run with nothing found, or with norms of 0, is drawn", () => {
  for (const norm of [0, Infinity]) {
    const moments = [{ seconds: 1, passes: 1, mean: norm, median: norm }];
    const figure = anytimePeers([run({ moments, peers: [] })], options);
    assert(!/NaN|Infinity|undefined/.test(figure.svg), figure.svg);
  }
});

Deno.test("anytimePeers() refuses no runs, times that are none and norms that are none", () => {
  const draw = (seconds: number, mean: number) => () =>
    anytimePeers([run({ moments: [{ seconds, passes: 1, mean, median: 1 }] })], options);
  assertThrows(() => anytimePeers([], options), RangeError, "there must be runs");
  assertThrows(() => anytimePeers([run({ moments: [] })], options), RangeError, "have moments");
  assertThrows(draw(0, 1), RangeError, "times must be above 0: current value is 0");
  assertThrows(draw(1, NaN), RangeError, "norms must be >= 0: current value is NaN");
});
