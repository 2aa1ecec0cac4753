/**
 * The linear-region attack and what it is made of, against HiGHS and TensorFlow.
 *
 * @module
 */
import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { CNN, CNN_bn, MLP } from "$lib/architectures.ts";
import { logitsAlone, marginOf } from "$lib/attacks/judge.ts";
import { linearRegion, type Start } from "$lib/attacks/linear_region.ts";
import { PiecewiseAffine } from "$lib/attacks/linear_region/affine.ts";
import { nearestL2 } from "$lib/attacks/linear_region/quadratic.ts";
import { DualSimplex, type Inequality } from "$lib/attacks/linear_region/simplex.ts";
import { type Tensor4D, tf } from "$lib/backend.ts";
import { type ProgramRow, solveProgram } from "$lib/lp.ts";
import { createNetwork, type Network } from "$lib/network.ts";
import { argMax } from "$lib/numbers.ts";
import { distance } from "$lib/norms.ts";
import { uniform } from "$lib/random.ts";

const count = 60;
const places = Array.from({ length: count }, (_, i) => i);

/**
 * An image of `count` pixels and inequalities that its perturbation must fulfil, some of them tight.
 *
 * @param grey Whether some pixels are neither black nor white.
 */
function problem(
  seed: number,
  grey = true,
): { image: Float64Array; inequalities: Inequality[] } {
  const draws = uniform(count, seed, 0);
  const [dark, light] = grey ? [0.4, 0.8] : [0.7, 0.7];
  const image = Float64Array.from(draws, (one) => one < dark ? 0 : one > light ? 1 : one);
  const inequalities = Array.from({ length: 12 }, (_, k) => ({
    row: Float64Array.from(uniform(count, seed, k + 1), (one) => 2 * one - 1),
    bound: k === 0 ? -2 : 0.05 * (k % 3) - 0.1,
  }));
  return { image, inequalities };
}

const asRow = ({ row, bound }: Inequality): ProgramRow => ({
  indices: places,
  values: [...row],
  upper: bound,
});

Deno.test("DualSimplex finds the optimum that HiGHS finds, as inequalities are added", async () => {
  for (const seed of [1, 2, 3, 4]) {
    const { image, inequalities } = problem(seed);
    const [down, up] = [image.map((one) => -one), image.map((one) => 1 - one)];
    const values = [down, new Float64Array(count), up];
    const simplex = new DualSimplex(new Float64Array(count), { values, thresholds: [1, -1] });
    const rows: ProgramRow[] = [];
    for (const inequality of inequalities) {
      simplex.add(inequality);
      assertEquals(simplex.solve(), { kind: "optimal" });
      const { indices, values, upper } = asRow(inequality);
      // Up and down are variables of their own, so that both can cost.
      const both = [...indices, ...indices.map((i) => i + count)];
      rows.push({
        indices: both,
        values: [...values, ...values.map((one) => -one)],
        upper: upper!,
      });
      const { status, value } = await solveProgram({
        cost: both.map(() => 1),
        lower: both.map(() => 0),
        upper: [...up, ...image],
        rows,
      });
      assertEquals(status, "optimal");
      assertAlmostEquals(distance(simplex.x, new Float64Array(count), 1), value, 1e-9);
    }
    assert(simplex.y.filter((one) => one > 0).length > 2);
  }
});

Deno.test("DualSimplex proves that inequalities contradict each other", () => {
  const { image, inequalities: [first, second] } = problem(5);
  const [down, up] = [image.map((one) => -one), image.map((one) => 1 - one)];
  const levels = { values: [down, new Float64Array(count), up], thresholds: [1, -1] };
  const simplex = new DualSimplex(new Float64Array(count), levels);
  simplex.add(first!);
  simplex.add(second!);
  simplex.add({ row: first!.row.map((one, i) => -one - second!.row[i]!), bound: 1.5 });
  const status = simplex.solve();
  if (status.kind !== "infeasible") throw new Error(status.kind);
  // No perturbation makes the proof's row as small as its bound.
  const least = status.row.reduce((sum, one, i) => sum + Math.min(one * down[i]!, one * up[i]!), 0);
  assert(least > status.bound + 1e-6, `${least} is not above ${status.bound}`);
});

Deno.test("nearestL2() finds the optimum that HiGHS finds", async () => {
  for (const seed of [1, 2, 3, 4, 5, 6]) {
    const { image, inequalities } = problem(seed, seed < 5);
    const [down, up] = [image.map((one) => -one), image.map((one) => 1 - one)];
    const solver = nearestL2(inequalities[0]!, down, up);
    for (const one of inequalities.slice(1)) solver.add(one);
    assertEquals(solver.solve(), "solved");
    const { status, value } = await solveProgram({
      cost: places.map(() => 0),
      square: places.map(() => 1),
      lower: [...down],
      upper: [...up],
      rows: inequalities.map(asRow),
    });
    assertEquals(status, "optimal");
    assertAlmostEquals(distance(solver.x, new Float64Array(count), 2) ** 2 / 2, value, 1e-6);
    assert(Array.from(solver.y).filter((one) => one > 0).length > 1);
  }
});

const images = uniform(3 * 784, 8, 0).map((one) => one < 0.5 ? 0 : 2 * one - 1);
const imageAt = (i: number): Float32Array => images.slice(i * 784, (i + 1) * 784);

for (const architecture of [MLP, CNN, CNN_bn]) {
  Deno.test(`PiecewiseAffine computes logits and gradients as TensorFlow does (${architecture.name})`, () => {
    const network = createNetwork(architecture, { seed: 4 });
    const net = new PiecewiseAffine(network);
    const image = imageAt(0);
    const pattern = net.patternAt(image);
    const logits = net.values(pattern, image).at(-1)!;
    logitsOf(network, image).forEach((one, i) => assertAlmostEquals(logits[i]!, one, 1e-5));
    const gradient = net.gradient(pattern, net.stages.length - 1, new Map([[3, 1], [7, -2]]));
    const [logit3, logit7] = [3, 7].map((place) =>
      tf.tidy(() => {
        const logit = (x: Tensor4D) => network.logits(x).slice([0, place], [-1, 1]).sum();
        return tf.grad((x) => logit(x as Tensor4D))(tf.tensor4d(image, [1, 28, 28, 1])).dataSync();
      })
    );
    gradient.forEach((one, i) => assertAlmostEquals(one, logit3![i]! - 2 * logit7![i]!, 1e-5));
    network.dispose();
  });
}

const logitsOf = (network: Network, image: Float32Array) =>
  Array.from(logitsAlone(network, image, [28, 28, 1]));

const mlp = createNetwork(MLP, { seed: 1 });

/** Starts between the first image and others of other classes, close behind the border. */
function starts(network: Network, targeted: boolean): Start[] {
  const classOf = (image: Float32Array) => argMax(logitsOf(network, image));
  const image = imageAt(0);
  const reference = classOf(image);
  return [1, 2].map(imageAt).filter((one) => classOf(one) !== reference).map((one) => {
    const target = classOf(one);
    const between = (share: number) => image.map((pixel, i) => pixel + share * (one[i]! - pixel));
    const shares = Array.from({ length: 21 }, (_, i) => i / 20);
    const share = shares.find((share) =>
      marginOf(logitsOf(network, between(share)), target) > 1e-3
    );
    return { image, point: between(share!), reference, ...(targeted ? { target } : {}) };
  });
}

for (const p of [1, 2, Infinity]) {
  Deno.test(`linearRegion() improves on a point, judged alone and in the box (p ${p})`, async () => {
    for (const targeted of [false, true]) {
      const from = starts(mlp, targeted);
      assert(from.length > 0);
      const results = await linearRegion(mlp, from, { p, maxPrograms: 3 });
      results.forEach(({ point, norm, optimal, programs, forwards, backwards }, i) => {
        const { image, reference, target } = from[i]!;
        const logits = logitsOf(mlp, point);
        assert(
          (target === undefined ? -marginOf(logits, reference) : marginOf(logits, target)) >= 1e-4,
        );
        assertEquals(norm, distance(point, image, p));
        assert(norm < 0.9 * distance(from[i]!.point, image, p));
        assert(point.every((pixel) => pixel >= 0 && pixel <= 1));
        assert(optimal && programs <= 3 && forwards > programs && backwards >= programs);
      });
    }
  });
}

Deno.test("linearRegion() says what it can't work on", async () => {
  const [start] = starts(mlp, false) as [Start];
  const clean = { ...start, point: start.image };
  await assertRejects(() => linearRegion(mlp, [clean], { p: 2 }), RangeError, "reach its goal");
  await assertRejects(() => linearRegion(mlp, [start], { p: 0 }), RangeError, "p = 1, 2 or inf");
  const signal = AbortSignal.abort(new Error("enough"));
  await assertRejects(() => linearRegion(mlp, [start], { p: 2, signal }), Error, "enough");
});
