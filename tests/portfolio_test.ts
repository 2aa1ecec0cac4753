/**
 * What the portfolio makes of what its attacks found of one image.
 *
 * @module
 */
import { assert, assertAlmostEquals, assertEquals, assertLess } from "@std/assert";
import type { Outcome } from "$lib/attacks/driver.ts";
import { look } from "$lib/attacks/look.ts";
import { runAttack, runCandidates } from "$lib/attacks/driver.ts";
import { fmn } from "$lib/attacks/fmn.ts";
import { type Rank, type Tensor4D, tf } from "$lib/backend.ts";
import { argMax } from "$lib/numbers.ts";
import { test } from "$lib/loader.ts";
import { minNorm } from "$lib/minnorm.ts";
import { loadNetwork } from "$lib/network.ts";
import { bestNorm, conclude, learn, planTurn, startKnown } from "$lib/portfolio/known.ts";
import { portfolioOf } from "$lib/portfolio/stages.ts";
import { budgetAt, waysOf } from "$lib/portfolio/ways.ts";

const mlp = await loadNetwork("MLP");
const { images } = await test(3);
const [clean] = await runAttack(look(1), mlp, images, { steps: 1 }) as [Outcome];
const pixels = 784;

/** The clean image with its first pixels, which are black, painted. */
const painted = (values: readonly number[]) => {
  const point = clean.clean.slice();
  values.forEach((value, i) => point[i] = value);
  return point;
};

const cost = { steps: 1, forwards: 1, backwards: 1, adversarialClass: undefined };
const other = (clean.prediction + 1) % 10;

/** A network, alone, that sees another class where some rule of the pixels says so. */
const judge = (rule: (image: Float32Array) => boolean) => (image: Float32Array) =>
  Array.from({ length: 10 }, (_, i) => Number(i === (rule(image) ? other : clean.prediction)));

Deno.test("the smallest norm that stands alone is reported, not the smallest in its batch", () => {
  const known = startKnown(0, clean, undefined);
  learn(known, 1, "small", { norm: 0.5, point: painted([0.5]), ...cost });
  learn(known, 2, "large", { norm: 0.6, point: painted([0, 0.6]), ...cost });
  assertEquals(bestNorm(known), 0.5);
  const { outcome, attack } = conclude(known, judge((image) => image[1]! > 0.3));
  assertEquals([outcome.found, attack, outcome.adversarialClass], [true, "large", other]);
  assertAlmostEquals(outcome.norm, 0.6, 1e-6);
  assertEquals(outcome.forwards, clean.forwards + 2);
});

Deno.test("a point is pushed further only where that is smaller than the next best", () => {
  const rule = (image: Float32Array) => image[0]! > 0.52 || image[1]! > 0.3;
  for (const [second, attack, norm] of [[0.6, "near", 0.55], [0.51, "far", 0.51]] as const) {
    const known = startKnown(0, clean, undefined);
    learn(known, 1, "near", { norm: 0.5, point: painted([0.5]), ...cost });
    learn(known, 2, "far", { norm: second, point: painted([0, second]), ...cost });
    const conclusion = conclude(known, judge(rule));
    assertEquals(conclusion.attack, attack);
    assertAlmostEquals(conclusion.outcome.norm, norm, 1e-6);
  }
});

Deno.test("where no point stands, nothing is found", () => {
  const known = startKnown(0, clean, undefined);
  learn(known, 1, "none", { norm: 0.5, point: painted([0.5]), ...cost });
  const { outcome, attack } = conclude(known, judge(() => false));
  assertEquals([outcome.found, outcome.adversarialClass, attack], [false, null, null]);
  assertEquals(outcome.perturbed.length, pixels);
});

Deno.test("candidates are what outcomes are made of, with the class that they reach", async () => {
  const settings = { steps: 40, ids: [0, 1, 2] };
  const outcomes = await runAttack(fmn({ p: 2 }), mlp, images, settings);
  const candidates = await runCandidates(fmn({ p: 2 }), mlp, images, settings);
  candidates.forEach(({ norm, point, adversarialClass, forwards, backwards }, i) => {
    const outcome = outcomes[i]!;
    assertEquals([...point], [...outcome.perturbed]);
    assertAlmostEquals(norm, outcome.norm, 1e-5);
    assertEquals(adversarialClass, argMax(outcome.confidences.perturbed));
    // The class is asked for once more.
    assertEquals([forwards, backwards], [outcome.forwards + 1, outcome.backwards]);
  });
});

/** What a way's turns do, by what makes a difference. */
const turnsOf = (p: number, maxPasses: number) =>
  waysOf(p, maxPasses).straight.map(({ attack, ...turn }) => ({ ...turn, graph: attack.graph }));

Deno.test("budgets below 4,000 passes have one round, larger ones a second one in L1", () => {
  for (const p of [0, 1, 2, Infinity]) {
    const { straight } = waysOf(p, 3999);
    const [scan, , ...others] = straight;
    assertEquals(turnsOf(p, 3999), turnsOf(p, 2000));
    assertEquals([scan, ...others].length, portfolioOf(p).length);
    assert(straight.every(({ until }) => until === undefined));
    assertEquals(budgetAt(straight, straight.length - 1, 3999), { maxPasses: 3999, isLast: true });
    if (p !== 1) assertEquals(turnsOf(p, 8000), turnsOf(p, 2000));
  }
});

Deno.test("the first round of a large budget is all that half of it would do", () => {
  const [half, whole] = [waysOf(1, 2000).straight, waysOf(1, 4000).straight];
  half.forEach((stage, turn) => {
    const { until, ...same } = whole[turn]!;
    assertEquals([until, { ...same, attack: same.attack.graph }], [0.5, {
      ...stage,
      attack: stage.attack.graph,
    }]);
    assertEquals(budgetAt(whole, turn, 4000), budgetAt(half, turn, 2000));
  });
  const second = whole.slice(half.length);
  assertEquals(second.map(({ from }) => from), second.map((_, i) => i % 2 ? "last" : "best"));
  const [kick] = second;
  const known = { ...startKnown(0, clean, undefined), forwards: 2000 };
  const limits = { ...budgetAt(whole, half.length, 4000), passesOfStep: 2 };
  assertEquals(planTurn(known, kick!, limits)!.steps, 100);
});

Deno.test("each kick moves every pixel a little, by other numbers, each image by its own", () => {
  const kicks = waysOf(1, 4000).straight.filter(({ from, until }) => from === "best" && !until);
  const begin = (place: number, ids: number[]) =>
    tf.tidy(() => {
      const rows = images.gather<Tensor4D>(tf.tensor1d(ids, "int32"));
      const uniform = () => tf.concat<Tensor4D>(ids.map((id) => tf.fill([1, 28, 28, 1], id / 4)));
      const classes = tf.zeros<Rank.R1>([ids.length], "int32");
      const problem = {
        images: rows,
        references: classes,
        targets: classes,
        mode: "leave",
      } as const;
      const beginning = { point: rows, epsilon: undefined, steps: 10, uniform };
      const { point } = kicks[place]!.attack.start(problem, beginning);
      return [...tf.unstack(point.sub(rows) as Tensor4D)].map((one) => one.dataSync());
    });
  const [[first, second], [other], [alone]] = [begin(0, [0, 1]), begin(1, [0]), begin(0, [1])];
  assertLess(Math.max(...first!.map(Math.abs)), 0.2 + 1e-6);
  assertLess(0.1, Math.max(...first!));
  assertEquals(alone, second);
  for (const one of [second, other]) {
    assertLess(
      0.1,
      Math.max(...one!.map((x, i) => x - first![i]!)),
    );
  }
});

Deno.test("twice the budget finds no larger norm, and keeps within it", async () => {
  const digits = await test(6);
  const before = tf.memory().numTensors;
  const half = await minNorm(mlp, digits, { p: 1, maxPasses: 2000 });
  const whole = await minNorm(mlp, digits, { p: 1, maxPasses: 4000 });
  assertEquals(tf.memory().numTensors, before);
  whole.forEach(({ norm, forwards, backwards }, i) => {
    // But for rounding: points are judged alone in the end.
    assertLess(norm, half[i]!.norm * (1 + 1e-4));
    assertLess(forwards + backwards, 4001);
    assertLess(3600, forwards + backwards);
  });
});
