/**
 * What protected networks were to reach, asked of the committed tables and networks.
 *
 * @module
 */
import { assert, assertEquals, fail } from "@std/assert";
import { join } from "node:path";
import { type Evaluated, gather, robustnessAt } from "$lib/evaluation/gathered.ts";
import { reportingHalf } from "$lib/evaluation/report.ts";
import { reportedCertificates } from "$lib/evaluation/reported_smoothed.ts";
import { modelFile, modelsFolder } from "$lib/models.ts";
import { certifiedAccuracy } from "$lib/protections/runtime/certificates.ts";
import { readSafetensors } from "$lib/safetensors.ts";
import { median } from "$lib/statistics.ts";

/** Least robust accuracy in L-infinity over 1,000 images, and least accuracy where one was set. */
const goals = [
  { name: "CNN+pgd:linf:0.1", epsilon: 0.1, robust: 0.95, clean: 0.988 },
  { name: "CNN+pgd:linf:0.2", epsilon: 0.2, robust: 0.92, clean: 0.985 },
  { name: "CNN+pgd:linf:0.3", epsilon: 0.3, robust: 0.8, clean: 0 },
  { name: "MLP+pgd:linf:0.1", epsilon: 0.1, robust: 0.8, clean: 0 },
];
const epsilons = new Map([[2, [0]], [Infinity, [0, 0.1, 0.2, 0.3]]]);

const names = ["CNN", "CNN+pgd:l2:2", ...goals.map(({ name }) => name)];
const evaluated = new Map((await gather(names, epsilons)).map((one) => [one.name, one]));

/** What is known of a network, by the table of its present weights. */
const named = (name: string): Evaluated =>
  evaluated.get(name) ?? fail(`${name} has no table of its present weights`);

/** @throws {AssertionError} If a share is below its goal; the message has both. */
function assertReached(share: number, goal: number, of: string): void {
  assert(share >= goal, `${of} must be at least ${goal}: current value is ${share}`);
}

/** The accuracy on all 10,000 test images, as the network's file tells. */
async function accuracyOf(name: string): Promise<number> {
  const { metadata } = await readSafetensors(join(modelsFolder, modelFile(name)));
  return Number(metadata.testAccuracy);
}

Deno.test("networks trained by PGD in L-infinity reach their goals, robust and clean", async () => {
  for (const { name, epsilon, robust, clean } of goals) {
    const cell = named(name).cells.find(({ p }) => p === Infinity)!;
    assertEquals(cell.images, 1000, name);
    const { share } = robustnessAt(cell, epsilon);
    assertReached(share, robust, `robust accuracy of ${name} at ${epsilon}`);
    assertReached(await accuracyOf(name), clean, `accuracy of ${name}`);
    assertReached(robustnessAt(cell, 0).share, clean, `accuracy of ${name} on the table's images`);
  }
});

Deno.test("PGD in L2 makes the median L2 norm 1.6 times the plain network's, image by image", async () => {
  const [plain, robust] = ["CNN", "CNN+pgd:l2:2"].map((name) =>
    new Map(named(name).worst.filter(({ p }) => p === 2).map((one) => [one.image, one.minNorm]))
  ) as [Map<number, number>, Map<number, number>];
  const both = [...plain.keys()].filter((image) => robust.has(image));
  assert(both.length >= 1000 && both.every((image) => image >= reportingHalf.from));
  const [before, after] = [plain, robust].map((norms) => median(both.map((i) => norms.get(i)!)));
  assertReached(after! / before!, 1.6, "the median's growth");
  assertReached(await accuracyOf("CNN+pgd:l2:2"), 0.985, "accuracy");
});

Deno.test("the best sigma certifies 92, 82 and 60 % of 500 images at L2 radii of 0.5, 1 and 1.5", async () => {
  const certificates = await reportedCertificates();
  const groups = [...Map.groupBy(certificates, ({ network, sigma }) => `${network} ${sigma}`)]
    .map(([, rows]) => rows).filter(({ length }) => length >= 500);
  for (const [radius, goal] of [[0.5, 0.92], [1, 0.82], [1.5, 0.6]] as const) {
    const best = Math.max(...groups.map((rows) => certifiedAccuracy(rows, radius)));
    assertReached(best, goal, `certified accuracy at ${radius}`);
  }
});
