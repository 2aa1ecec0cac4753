/**
 * `deno task resistance`: what the school's second attack says of each of many images, into a table.
 *
 * @module
 */
import type { Subset } from "../loader.ts";
import { duration, formatP } from "../numbers.ts";
import type { ResistanceRecord } from "../resistance/table.ts";
import { type Call, type Command, runCommand } from "./command.ts";
import { checkImages, imagesOption, outOption } from "./measuring.ts";
import { choice, number } from "./options.ts";
import { startBar } from "./progress.ts";
import {
  datasetOption,
  loading,
  networkName,
  networkNames,
  openNetwork,
  seedOption,
  shortPath,
  warnOfBackend,
} from "./session.ts";

const countOf = (help: string, fallback: number) =>
  number("n", help, { min: 0, integer: true }, fallback);

const options = {
  images: imagesOption,
  right: countOf("of the images classified rightly only the first n; of the others all", 1e6),
  curves: countOf(
    "keep the curves of the first n images classified rightly, and of all others",
    1e6,
  ),
  examples: countOf("also attack the first n rightly classified images, and measure what comes", 0),
  "max-passes": countOf("passes of a short search for the smallest L2 norm; 0 for none", 0),
  steps: number("n", "steps of the second attack", { min: 1, integer: true }, 500),
  subset: choice<Subset>("S", "where the images are from", ["train", "test", "val"], "test"),
  dataset: datasetOption,
  seed: seedOption,
  out: outOption,
};

/** The command, as `--help` shows it. */
export const resistanceCommand: Command<typeof options> = {
  name: "resistance",
  summary: "Measures how much images resist the school's second attack (reference: prediction).",
  arguments: "NETWORK",
  options,
  examples: [
    ["resistance CNN --images 1000 --out out/CNN.parquet", "Res_N, Res_max, Res_min of 1,000"],
    [
      "resistance CNN_d --images 10000 --right 500 --out out/CNN_d.parquet",
      "of all mistakes among 10,000 images, and of the first 500 that are right",
    ],
    [
      "resistance MLP --images 200 --examples 50 --out out/MLP.parquet",
      "and of adversarial examples of 50 images",
    ],
  ],
  notes: async () => [
    `Networks: ${(await networkNames()).join(", ")}.`,
    "Interrupted or killed, the same command goes on: what the table has is not computed again.\n" +
    "Asked for more, as with --max-passes, --curves or another --seed, it replaces the rows that lack\n" +
    "it.",
    "JSON: rows, each with network, source, p, epsilon, images, wrong, infinite, and the medians\n" +
    "resN, resMax, resMin over all images (null if infinite); seconds, those of this run.",
  ],
  whenInterrupted: "the same command goes on where it was",
  run,
};

async function run(call: Call<typeof options>): Promise<Record<string, unknown>> {
  const { values, positionals, signal, say } = call;
  const name = await networkName(positionals);
  checkImages(values);
  const { Collection } = await import("../resistance/collect.ts");
  const { settingOf } = await import("../resistance/measure.ts");
  const { load } = await import("../loader.ts");
  const collection = await Collection.open(values.out);
  await warnOfBackend();
  const network = await openNetwork(name, undefined, values.dataset);
  const { images: range, subset, dataset, steps } = values;
  const digits = await load(subset, { ...loading(dataset, signal), ...range });
  const start = performance.now();
  try {
    const setting = await settingOf(network, { dataset, subset, steps });
    const group = { digits, first: range.from };
    const work = { collection, network, setting, group };
    await measureClean(call, work);
    if (values.examples > 0) await measureExamples(call, work);
    say(`Wrote ${shortPath(values.out)}`);
    const seconds = (performance.now() - start) / 1000;
    return { rows: await summaries(collection.records, setting.weightsSha256), seconds };
  } finally {
    network.dispose();
    digits.images.dispose();
    digits.labels.dispose();
  }
}

/** What is measured, and where it goes. */
interface Work {
  collection: import("../resistance/collect.ts").Collection;
  network: import("../network.ts").Network;
  setting: import("../resistance/measure.ts").Setting;
  group: { digits: import("../loader.ts").Digits; first: number };
}

async function measureClean(
  { values, signal, say }: Call<typeof options>,
  { collection, network, setting, group }: Work,
): Promise<void> {
  const { chosen, collect, lackingOf } = await import("../resistance/collect.ts");
  const wanted = chosen(network, group.digits, group.first, values);
  const maxPasses = values["max-passes"];
  const lacking = lackingOf(collection, setting, wanted, { maxPasses }).length;
  if (lacking < wanted.length) {
    say(`${shortPath(values.out)} has ${wanted.length - lacking} of ${wanted.length} already`);
  }
  const bar = startBar(`${network.name}, ${lacking} images`, Math.max(1, lacking));
  const started = performance.now();
  try {
    await collect(collection, network, group, wanted, setting, {
      ...{ maxPasses, signal },
      onProgress: ({ done }) => bar.update(done, left(started, done, lacking)),
    });
  } finally {
    bar.stop();
  }
}

async function measureExamples(
  { values, signal }: Call<typeof options>,
  { collection, network, setting, group }: Work,
): Promise<void> {
  const { collectExamples } = await import("../resistance/collect_examples.ts");
  const { exampleSources } = await import("../resistance/examples.ts");
  const bar = startBar(`${network.name}, adversarial examples`, exampleSources.length);
  const started = performance.now();
  try {
    await collectExamples(collection, network, group, exampleSources, setting, {
      ...{ count: values.examples, seed: values.seed, signal },
      onProgress: (done) => bar.update(done * exampleSources.length, left(started, done, 1)),
    });
  } finally {
    bar.stop();
  }
}

/** The time that is left, in words. */
function left(started: number, done: number, all: number): string {
  const seconds = (performance.now() - started) / 1000;
  return seconds < 5 || done <= 0 ? "" : `about ${duration(seconds * (all - done) / done)} left`;
}

/** A row for each source. */
async function summaries(
  records: readonly ResistanceRecord[],
  weightsSha256: string,
): Promise<Record<string, unknown>[]> {
  const { median } = await import("../statistics.ts");
  const own = records.filter((record) => record.weightsSha256 === weightsSha256);
  const groups = Map.groupBy(own, ({ source, p, epsilon }) => [source, p, epsilon].join());
  return [...groups.values()].map((group) => {
    const { network, source, p, epsilon } = group[0]!;
    const of = (key: "resN" | "resMax" | "resMin") => median(group.map((record) => record[key]));
    return {
      ...{ network, source, p: p === null ? null : formatP(p), epsilon, images: group.length },
      wrong: group.filter(({ label, prediction }) => label !== prediction).length,
      infinite: group.filter(({ adversarial }) => !adversarial).length,
      ...{ resN: of("resN"), resMax: of("resMax"), resMin: of("resMin") },
    };
  });
}

if (import.meta.main) Deno.exit(await runCommand(resistanceCommand, Deno.args));
