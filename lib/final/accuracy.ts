/**
 * Accuracies for the last figures without a look at the images: from tables and what files recorded.
 *
 * @module
 */
import {
  type AccuracyRow,
  existing,
  halves,
  lacks,
  type Model,
  tables,
  trainRow,
} from "../final.ts";
import { readResistances } from "../resistance/table.ts";

/** Images of the test split. */
const TEST = 10_000;

/**
 * Counts the right answers of networks: on `train` and `test` as their files recorded, on `val` and its
 * halves by the table of resistances, which holds all mistakes there.
 *
 * @throws {Deno.errors.NotFound} If the table lacks a network; the message says how to get it.
 * @throws {TypeError} If a network's file does not tell its accuracies.
 */
export async function recordedAccuracies(
  models: readonly Model[],
  file: string = tables.resistances,
): Promise<AccuracyRow[]> {
  const records = (await readResistances(existing(file)))
    .filter(({ subset, source }) => subset === "val" && source === "clean");
  return models.flatMap((model) => {
    const own = records.filter(({ weightsSha256 }) => weightsSha256 === model.weightsSha256);
    if (own.length === 0) throw lacks(model, file);
    const wrong = new Set(
      own.filter((one) => one.label !== one.prediction).map((one) => one.image),
    );
    const ranges = {
      "val": { from: halves.first.from, to: halves.second.to },
      "val, first half": halves.first,
      "val, second half": halves.second,
    };
    return [
      trainRow(model),
      testRow(model),
      ...Object.entries(ranges).map(([set, { from, to }]): AccuracyRow => {
        const mistakes = [...wrong].filter((image) => image >= from && image < to).length;
        return { network: model.name, set, right: to - from - mistakes, images: to - from };
      }),
    ];
  });
}

function testRow({ name, network: { metadata } }: Model): AccuracyRow {
  const share = Number(metadata["testAccuracy"]);
  if (share >= 0 && share <= 1) {
    return { network: name, set: "test", right: Math.round(share * TEST), images: TEST };
  }
  throw new TypeError(
    `Cannot show ${name} as its file must tell of its test accuracy: current value is ` +
      metadata["testAccuracy"],
  );
}
