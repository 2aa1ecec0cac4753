/**
 * Accuracies on sealed images, from a table that holds all mistakes.
 *
 * @module
 */
import { assertEquals, assertRejects } from "@std/assert";
import { join } from "node:path";
import { recordedAccuracies } from "$lib/final/accuracy.ts";
import { openModel } from "$lib/final.ts";
import { type ResistanceRecord, writeResistances } from "$lib/resistance/table.ts";
import { inFolder } from "./in_folder.ts";

const model = await openModel("MLP");

function record(image: number, label: number, more: Partial<ResistanceRecord> = {}) {
  const own: ResistanceRecord = {
    ...{ network: "MLP", weightsSha256: model.weightsSha256, dataset: "MNIST", subset: "val" },
    ...{ image, label, prediction: 1, logits: new Float32Array(10), norm: null, steps: 500 },
    ...{ adversarial: true, resN: 1, resMax: 1, resMin: 1, adversarialClass: 2, minNorm: null },
    ...{ minNormOptions: null, seed: null, attackedFrom: null, attackedTo: null },
    ...{ norms: null, confidences: null, source: "clean", p: null, epsilon: null },
  };
  return { ...own, ...more };
}

Deno.test("recordedAccuracies() takes the table's mistakes from each half, and the file's shares", () =>
  inFolder(async (folder) => {
    const file = join(folder, "resistances.parquet");
    const rows = [record(3, 4), record(5, 1), record(4999, 2), record(7000, 3)];
    const others = [
      record(8, 4, { weightsSha256: "0" }),
      record(9, 4, { subset: "test" }),
      record(9, 4, { source: "fmn", p: 2 }),
    ];
    await writeResistances(file, [...rows, ...others]);
    const [train, test, ...val] = await recordedAccuracies([model], file);
    const { metadata } = model.network;
    assertEquals(train!.right, Math.round(50_000 * Number(metadata["accuracy"])));
    assertEquals(test!.right, Math.round(10_000 * Number(metadata["testAccuracy"])));
    assertEquals(val.map(({ set, right, images }) => [set, right, images]), [
      ["val", 9997, 10_000],
      ["val, first half", 4998, 5000],
      ["val, second half", 4999, 5000],
    ]);
    const other = { ...model, name: "other", weightsSha256: "1" };
    const says = "lacks it; `deno task final` makes it";
    await assertRejects(() => recordedAccuracies([other], file), Deno.errors.NotFound, says);
  }));
