/**
 * What the figures of notebook 6 draw, read from their SVG, and what they refuse.
 *
 * @module
 */
import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { beforeAfter } from "$lib/plots/before_after.ts";
import { certifiedCurves, proofAndAttack } from "$lib/plots/certified.ts";
import { colors, type Figure } from "$lib/plots/figure.ts";
import { lookAt } from "$lib/plots/min_norms.ts";
import { sideBySide } from "$lib/plots/side_by_side.ts";
import { tradeOff } from "$lib/plots/trade_off.ts";
import { worstCases } from "$lib/plots/worst_cases.ts";

const names = { before: "plain", after: "robust" };

/** The places of the dots that a figure draws as lines of no length. */
function places({ svg }: Figure): [x: number, y: number][] {
  const path = svg.match(/<path [^>]*stroke-linecap="round"[^>]*>/)?.[0] ?? "";
  return [...path.matchAll(/M([\d.]+),([\d.]+)h/g)].map(([, x, y]) => [Number(x), Number(y)]);
}

/** The words behind the outlines. */
const wordsOf = ({ svg }: Figure) => svg.replaceAll(/<[^>]*>/g, " ");

Deno.test("beforeAfter() puts images that need more above the diagonal, those not found on the edge", () => {
  const rows = [[1, 2], [2, 1], [1, 1], [0, Infinity]].map(([before, after], image) => (
    { p: 2, image, before: before!, after: after! }
  ));
  const figure = beforeAfter(rows, names);
  const diagonal = figure.svg.match(/<path [^>]*stroke-dasharray="3,3"[^>]*>/)![0];
  const ends = diagonal.match(/ d="M([\d.]+),([\d.]+)L([\d.]+),([\d.]+)"/)!.map(Number);
  const [, left, bottom, right, top] = ends;
  const share = ([x, y]: [number, number]) => [
    (x - left!) / (right! - left!),
    (bottom! - y) / (bottom! - top!),
  ];
  const [more, less, same, none] = places(figure).map(share);
  assert(more![1]! > more![0]! + 0.2 && less![1]! < less![0]! - 0.2);
  assertAlmostEquals(same![0]!, same![1]!, 0.01);
  assertAlmostEquals(none![0]!, 0, 0.01);
  assertAlmostEquals(none![1]!, 1, 0.01);
});

Deno.test("beforeAfter() counts in words which images need more and which less", () => {
  const rows = [[1, 2], [1, 3], [2, 1], [2, 2]].map(([before, after], image) => (
    { p: 2, image, before: before!, after: after! }
  ));
  const words = wordsOf(beforeAfter(rows, names));
  assert(words.includes("4 images: 50.0% need more after, 25.0% less"), words);
  assert(words.includes("medians 1.50 and 2.00"), words);
});

Deno.test("worstCases() draws hollow what is suspected, and from left to right by the share", () => {
  const rows = [0.2, 0.9, 0.5].map((share, i) => ({
    ...{ network: `N${i}`, p: 2, epsilon: 1, share, low: share - 0.1, high: share + 0.1 },
    suspected: i === 2,
  }));
  const { svg } = worstCases(rows);
  const [, hollow = ""] =
    svg.match(/<g [^>]*fill="white"[^>]*>((?:<circle[^>]*>(?:<\/circle>)?)+)/) ??
      [];
  const xs = (text: string) => [...text.matchAll(/\bcx="([^"]*)"/g)].map(([, x]) => Number(x));
  assertEquals([xs(svg).length, xs(hollow).length], [3, 1]);
  const [low, high] = xs(svg).filter((x) => !xs(hollow).includes(x)) as [number, number];
  const [middle] = xs(hollow) as [number];
  assertAlmostEquals((middle - low) / (high - low), (0.5 - 0.2) / (0.9 - 0.2), 0.01);
});

Deno.test("tradeOff() draws what is more accurate further right, what is more robust further up", () => {
  const share = (share: number) => ({ share, low: share - 0.01, high: share + 0.01 });
  const { svg } = tradeOff([
    { network: "A", kind: "a", clean: share(0.99), robust: share(0.5) },
    { network: "B", kind: "b", clean: share(0.95), robust: share(0.8) },
  ], { p: 2, epsilon: 1 });
  const [a, b] = [...svg.matchAll(/<circle [^>]*\bcy="([\d.]+)" cx="([\d.]+)"/g)]
    .map(([, y, x]) => [Number(x), Number(y)]);
  assert(a![0]! > b![0]! + 100 && a![1]! > b![1]! + 100);
  const row = { network: "A", kind: "a", clean: share(0.99), robust: share(0.5) };
  // White inside its kind's colour, or that colour inside a thin line of ink; never both.
  const [color, ink] = [lookAt(0).color, colors.ink];
  for (const [suspected, ...look] of [[true, "white", color], [false, color, ink]] as const) {
    const { svg } = tradeOff([{ ...row, suspected }], { p: 2, epsilon: 1 });
    const dots = [...svg.matchAll(/<g ([^>]*)>\s*<circle ([^>]*)>/g)].map(([, ...of]) =>
      of.join(" ")
    );
    const looks = dots.map((dot) => ["fill", "stroke"].map((key) => attribute(dot, key)));
    assertEquals(looks, [look]);
    assertEquals([...svg.matchAll(/<circle /g)].length, 1);
  }
});

const attribute = (words: string, name: string): string | undefined =>
  new RegExp(`\\b${name}="([^"]*)"`).exec(words)?.[1];

/** Where a line in a colour goes, as shares of the panel below 100 %, at each of its corners. */
function heights({ svg }: Figure, color: string): number[] {
  const paths = [...svg.matchAll(/<g [^>]*?stroke="([^"]*)"[^>]*>\s*<path [^>]*?\bd="([^"]*)"/g)];
  const path = paths.find(([, stroke, d]) => stroke === color && d!.length > 20)?.[2] ?? "";
  const ys = [...path.matchAll(/(?:,|V)(-?[\d.]+)/g)].map(([, y]) => Number(y));
  return [...new Set(ys)];
}

Deno.test("certifiedCurves() falls at each radius, and begins below the answers that are wrong", () => {
  const row = { name: "A", radii: [-1, 1, 2, 2] };
  const ys = heights(certifiedCurves([row]), colors.clean);
  assertEquals(ys.length, 3); // 75 %, 50 % and nothing
  const [first, second, last] = ys as [number, number, number];
  assertAlmostEquals((last - first) / (last - second), 0.75 / 0.5, 0.02);
});

Deno.test("proofAndAttack() has a panel for each classifier, and only what there is", () => {
  const row = { name: "A", radii: [1, 1] };
  const with3 = proofAndAttack([{ ...row, attacked: [0, 1.5, Infinity] }, { ...row, name: "B" }]);
  assertEquals(heights(with3, colors.adversarial).length, 2); // two thirds, then a third
  assertEquals(heights(proofAndAttack([row]), colors.adversarial), []);
});

Deno.test("sideBySide() draws each network's three pictures, and says where there are none", () => {
  const pixels = new Array(784).fill(0.5);
  const view = {
    network: "A",
    gradient: pixels,
    adversarial: pixels,
    adversarialClass: 3,
    norm: 1,
  };
  const none = { ...view, network: "B", adversarial: null, adversarialClass: null };
  const figure = sideBySide([{ image: 7, label: 1, pixels, views: [view, none] }], { p: 2 });
  assertEquals(figure.svg.match(/<image /g)?.length, 1 + 3 + 1);
  const words = wordsOf(figure);
  assert(words.includes("seen as 3") && words.includes("none found"), words);
});

Deno.test("figures of notebook 6 refuse to draw nothing, and what can't be", () => {
  assertThrows(() => beforeAfter([], names), RangeError, "there must be rows");
  const row = { p: 2, image: 0, before: NaN, after: 1 };
  assertThrows(() => beforeAfter([row], names), RangeError, "current value is NaN");
  assertThrows(() => worstCases([]), RangeError, "there must be rows");
  const worst = { network: "A", p: 2, epsilon: 1, share: 98, low: 0, high: 1, suspected: false };
  assertThrows(() => worstCases([worst]), RangeError, "current value is 98");
  assertThrows(() => tradeOff([], { p: 2, epsilon: 1 }), RangeError, "there must be rows");
  assertThrows(() => certifiedCurves([]), RangeError, "there must be classifiers");
  const empty = { name: "A", radii: [] };
  assertThrows(() => proofAndAttack([empty]), RangeError, "current value is A");
  assertThrows(() => sideBySide([], { p: 2 }), RangeError, "there must be digits");
  const views = (network: string) => [{
    ...{ network, gradient: [], adversarial: null, adversarialClass: null, norm: 0 },
  }];
  assertThrows(
    () =>
      sideBySide([
        { image: 0, label: 0, pixels: [], views: views("A") },
        { image: 9, label: 0, pixels: [], views: views("B") },
      ], { p: 2 }),
    RangeError,
    "current value is 9",
  );
});
