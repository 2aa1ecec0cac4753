/**
 * The table of attacks as commands, the REPL and sweeps run it.
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { type AttackEntry, attacks } from "$lib/attacks/index.ts";
import { attackNamed, type EntryOptions, runner } from "$lib/attacks/run.ts";
import { type Tensor4D, tf } from "$lib/backend.ts";
import { listLines } from "$lib/cli/attack.ts";
import { test } from "$lib/loader.ts";
import { minNorm } from "$lib/minnorm.ts";
import { loadNetwork } from "$lib/network.ts";
import { distance } from "$lib/norms.ts";
import { formatP, parseP } from "$lib/numbers.ts";

const mlp = await loadNetwork("MLP");
const cnn = await loadNetwork("CNN");
const digit = await test(1);
const entries = Object.values(attacks);

/** Enough for the digit and a strong attack; what is within it is honest all the same. */
const asked = new Map([[0, 30], [1, 15], [2, 2], [3, 1], [Infinity, 0.2]]);
const settings = (p: number) => ({ p, norm: asked.get(p)!, learningRate: 0.01 });

/** The norms that an entry says it takes; of p >= 1 those that it is good at. */
const normsOf = ({ norms }: AttackEntry): number[] =>
  norms.startsWith("any") ? [2, 3, Infinity] : norms.split(", ").map(parseP);

for (const entry of entries) {
  for (const p of normsOf(entry)) {
    Deno.test(`${entry.name} attacks a digit, p = ${formatP(p)}, and tells the truth of it`, async () => {
      const options: EntryOptions = { steps: 120, maxPasses: 1500 };
      const [one] = await runner(entry, settings(p)).run(mlp, digit.images, options);
      const { clean, perturbed, norm, found, adversarialClass, prediction } = one!;
      assert(perturbed.every((pixel) => pixel >= 0 && pixel <= 1));
      assertEquals([one!.p, norm], [p, distance(perturbed, clean, p)]);
      if (!entry.minimal) assert(norm <= asked.get(p)!, `${norm} is more than was asked for`);
      const again = tf.tidy(() =>
        mlp.predict(tf.tensor4d(perturbed, [1, 28, 28, 1])).dataSync()[0]
      );
      assertEquals([found, found ? adversarialClass : null], [
        again !== prediction,
        found ? again : null,
      ]);
      assert(one!.forwards + one!.backwards <= 1500);
      // One image, a generous norm: whoever fails here has a fault.
      assertEquals(found, true);
    });
  }

  Deno.test(`${entry.name} says in one line which norms it takes`, () => {
    const taken = entry.norms.startsWith("any") ? [1, 2, 3, Infinity] : normsOf(entry);
    for (const p of [0, 1, 2, 3, Infinity].filter((p) => !taken.includes(p))) {
      const settings = { p, norm: 1, learningRate: 0.01 };
      const { message } = assertThrows(
        () => runner(entry, settings),
        RangeError,
        "Cannot attack as",
      );
      assert(!message.includes("\n"));
    }
  });
}

// TensorFlow's graph optimizer may abort the process on a graph that it can't take.
Deno.test("every attack's graph runs with convolutions too", async () => {
  for (const entry of entries) {
    const [p] = normsOf(entry) as [number];
    const options: EntryOptions = { steps: 2, maxPasses: 50 };
    const outcomes = await runner(entry, settings(p)).run(cnn, digit.images, options);
    assertEquals(outcomes.length, 1);
  }
});

Deno.test("runSync() gives what run() does, also where norms are searched", async () => {
  for (const name of ["school", "minimal"]) {
    const attack = runner(attackNamed(name), settings(2));
    const options: EntryOptions = { steps: 40, seed: 3 };
    assertEquals(
      attack.runSync(mlp, digit.images, options),
      await attack.run(mlp, digit.images, options),
    );
  }
});

Deno.test("minimal runs the dichotomy; fgsm and school2 make no steps in vain", async () => {
  const steps = async (name: string, p: number, options: EntryOptions) => {
    const [outcome] = await runner(attackNamed(name), settings(p)).run(mlp, digit.images, options);
    return outcome!;
  };
  const { norm, forwards, backwards } = await steps("minimal", 2, { steps: 500 });
  assert(norm < 1 && forwards + backwards > 2000, `norm ${norm} after ${forwards + backwards}`);
  assertEquals((await steps("fgsm", Infinity, { steps: 500 })).steps, 1);
  assertEquals((await steps("school2", 2, { steps: 700 })).steps, 500);
});

Deno.test("steps asked for are made, though they take more than 2,000 passes", async () => {
  const attack = runner(attackNamed("ddn"), settings(2));
  const [long] = await attack.run(mlp, digit.images, { steps: 1100 });
  assertEquals(long!.steps, 1100);
  const [short] = await attack.run(mlp, digit.images, { steps: 1100, maxPasses: 100 });
  assertEquals(short!.steps, 49);
});

Deno.test("a dichotomy of few passes has short rounds, and ends near one of many", async () => {
  const [few, many] = await Promise.all(
    [500, 5000].map((maxPasses) => minNorm(mlp, digit, { p: 2, attack: "minimal", maxPasses })),
  );
  assert(few![0]!.forwards + few![0]!.backwards <= 500);
  assert(many![0]!.norm <= few![0]!.norm);
  assert(few![0]!.norm < 1.05 * many![0]!.norm, `${few![0]!.norm} and ${many![0]!.norm}`);
});

Deno.test("progress rises to 1 and tells norms and passes", async () => {
  for (const [name, end] of [["ddn", 1], ["minimal", 0]] as const) {
    const seen: number[] = [];
    let [norms, passes]: [number[], number] = [[], 0];
    await runner(attackNamed(name), settings(2)).run(mlp, digit.images, {
      steps: 30,
      onProgress: (progress) => {
        seen.push(progress.done);
        [norms, passes] = [progress.norms(), progress.passes()];
      },
    });
    assertEquals(seen, seen.toSorted((a, b) => a - b), name);
    assert(seen.at(-1)! >= end && seen.at(-1)! <= 1);
    assert(norms.length === 1 && passes > 20, `${name}: ${norms}, ${passes}`);
  }
});

Deno.test("progress is the share of steps that are made, however few the images", async () => {
  const { images } = await test(3);
  const shares = async (count: number, batchSize?: number) => {
    const seen: number[] = [];
    const some: Tensor4D = images.slice([0], [count]);
    await runner(attackNamed("ddn"), settings(2)).run(mlp, some, {
      steps: 10,
      ...(batchSize && { batchSize }),
      onProgress: ({ done }) => seen.push(done),
    });
    some.dispose();
    return seen.map((done) => done.toFixed(9));
  };
  const even = (from: number, to: number) =>
    Array.from({ length: 10 }, (_, i) => (from + (to - from) * (i + 1) / 10).toFixed(9));
  assertEquals(await shares(1), even(0, 1));
  assertEquals(await shares(3), even(0, 1));
  assertEquals(await shares(3, 2), [...even(0, 2 / 3), ...even(2 / 3, 1)]);
});

Deno.test("an unknown attack is named with those that there are", () => {
  for (const name of ["none", "constructor"]) {
    assertThrows(() => attackNamed(name), RangeError, `one of school, minimal,`);
  }
});

Deno.test("the list is aligned, at most 100 letters wide, and has every attack once", () => {
  const lines = listLines(entries);
  assertEquals(lines.filter((line) => line.length > 100), []);
  const rows = lines.filter((line) => /^[a-z]/.test(line));
  assertEquals(rows.map((row) => row.split(" ")[0]!).toSorted(), Object.keys(attacks).toSorted());
  const [column] = entries.map(({ name, norms }) =>
    rows.find((row) => row.startsWith(`${name} `))!.indexOf(` ${norms} `)
  );
  for (const { name, norms } of entries) {
    const row = rows.find((row) => row.startsWith(`${name} `))!;
    assertEquals(row.indexOf(` ${norms} `, name.length), column, row);
  }
  for (const line of lines) assertEquals(line, line.trimEnd());
});
