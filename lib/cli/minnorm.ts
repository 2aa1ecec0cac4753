/**
 * `deno task minnorm`: the smallest perturbation of each of many images, into a table.
 *
 * @module
 */
import type { Subset } from "../loader.ts";
import type { Reference } from "../minnorm.ts";
import type { Network } from "../network.ts";
import { duration, formatP } from "../numbers.ts";
import type { Measurement } from "../results/measure.ts";
import type { Figures, Table } from "../results/table.ts";
import { type Call, type Command, runCommand } from "./command.ts";
import { checkImages, clock, imagesOption, normsOption, outOption } from "./measuring.ts";
import { choice, flag, known, number, text, UsageError } from "./options.ts";
import { startBar } from "./progress.ts";
import {
  attackDefaults,
  createAttack,
  datasetOption,
  loading,
  namedNetwork,
  networkNames,
  openNetwork,
  seedOption,
  shortPath,
  warnOfBackend,
  weightsOption,
} from "./session.ts";

const options = {
  norms: normsOption,
  images: imagesOption,
  subset: choice<Subset>("S", "where the images are from", ["train", "test", "val"], "test"),
  dataset: datasetOption,
  reference: choice<Reference>(
    "R",
    "the class to leave: the true one, or that predicted for the clean image",
    ["label", "prediction"],
    "label",
  ),
  attack: text("NAME", "an attack in place of the portfolio; `attack --list` shows them"),
  polish: flag(
    "improve on the portfolio's points within linear regions, for 15 % of the passes: some 10 ms " +
      "a point on MLPs, up to seconds on CNNs; not for L0",
  ),
  "max-passes": number("n", "forward plus backward passes of each image at most", {
    min: 2,
    integer: true,
  }, 2000),
  seed: seedOption,
  weights: text("FILE", weightsOption.help + "; takes one NETWORK"),
  out: outOption,
};

/** The command, as `--help` shows it. */
export const minNormCommand: Command<typeof options> = {
  name: "minnorm",
  summary: "Looks for the smallest perturbation of each image that changes a network's prediction.",
  arguments: "NETWORK...",
  options,
  examples: [
    ["minnorm CNN CNN_d --images 200 --out out/norms.parquet", "two networks, all four norms"],
    ["minnorm MLP --norms 2 --images 1000:1200 --out out/norms.parquet", "adds other images"],
    ["minnorm MLP --norms inf --attack fmn --out out/fmn.parquet", "one attack by itself"],
    ["minnorm MLP --norms 1,2,inf --polish --out out/norms.parquet", "as near as regions allow"],
    ["verify out/norms.parquet", "confirms every row"],
  ],
  notes: async () => [
    `Networks: ${(await networkNames()).join(", ")}.`,
    "Interrupted or killed, the same command goes on: what the table has is not computed again.\n" +
    "The table stays readable throughout.",
    "JSON: rows, each with network, p, images, found; mean, median, q1, q3 of the smallest norms\n" +
    "over all images (null if infinite, as where none was found); forwards and backwards, the mean\n" +
    "passes of an image; seconds, the time of all attacks, those of earlier runs included.",
  ],
  whenInterrupted: "the same command goes on where it was",
  run,
};

async function run(call: Call<typeof options>): Promise<Record<string, unknown>> {
  const { values, positionals } = call;
  const names = await namesOf(positionals, values.weights);
  checkImages(values);
  const attack = await attackName(values.attack, values.norms);
  checkPolish(values);
  if (values.polish && values.norms.includes(0)) {
    call.say("L0: not polished, as linear regions need norms 1, 2 or inf");
  }
  const { Table } = await import("../results/table.ts");
  const table = await Table.open(values.out);
  await warnOfBackend();
  const networks: Network[] = [];
  try {
    for (const name of names) {
      networks.push(await openNetwork(name, values.weights, values.dataset));
    }
    const measurements = await measurementsOf({ ...values, attack }, networks);
    return { rows: await measureAll(call, table, measurements) };
  } finally {
    networks.forEach((network) => network.dispose());
  }
}

/** The networks named, each once. */
async function namesOf(
  positionals: readonly string[],
  weights: string | undefined,
): Promise<string[]> {
  if (positionals.length === 0) {
    const names = await networkNames();
    throw new UsageError(`Cannot start as a NETWORK must be named: ${names.join(", ")}`);
  }
  const named = [...new Set(await Promise.all(positionals.map(namedNetwork)))];
  if (weights === undefined || named.length === 1) return named;
  throw new UsageError(
    `Cannot use --weights as one NETWORK must be named: current value is ${named.join(" ")}`,
  );
}

/** The attack's name, if there is one that takes these norms. */
async function attackName(
  given: string | undefined,
  norms: readonly number[],
): Promise<string | undefined> {
  if (given === undefined) return undefined;
  const { attacks } = await import("../attacks/index.ts");
  const name = known(given, Object.keys(attacks), "--attack");
  for (const p of norms) createAttack(attacks[name]!, { ...attackDefaults, p });
  return name;
}

/** Checks that a polish has something to work on. */
function checkPolish({ polish, attack }: Call<typeof options>["values"]): void {
  if (!polish || attack === undefined) return;
  throw new UsageError(
    `Cannot use --polish as it is for the portfolio's points: current value is --attack ${attack}`,
  );
}

/** Each network in each norm. */
async function measurementsOf(
  values: Call<typeof options>["values"],
  networks: readonly Network[],
): Promise<Measurement[]> {
  const { toArrays } = await import("../weights.ts");
  const { weightsSha256: hash } = await import("../safetensors.ts");
  const { rememberWeights } = await import("../results/weights.ts");
  const { norms, subset, dataset, reference, attack, seed, "max-passes": maxPasses } = values;
  // What can't be polished is the same with and without.
  const polishOf = (p: number) => values.polish && p > 0;
  const shared = { dataset, subset, reference, attack, maxPasses, seed };
  const measurements: Measurement[] = [];
  for (const network of networks) {
    const weightsSha256 = await hash(toArrays(network.weights));
    // So that `verify` finds them again.
    if (values.weights !== undefined) await rememberWeights(weightsSha256, values.weights);
    const of = (p: number) => ({ network, weightsSha256, p, ...shared, polish: polishOf(p) });
    measurements.push(...norms.map(of));
  }
  return measurements;
}

/** Measures, and shows how it goes. @returns The rows of the JSON. */
async function measureAll(
  { values, signal, say }: Call<typeof options>,
  table: Table,
  measurements: readonly Measurement[],
): Promise<Record<string, unknown>[]> {
  const { loadBytes } = await import("../loader.ts");
  const { lackingOf, measure } = await import("../results/measure.ts");
  const { images, subset, dataset, out } = values;
  const bytes = await loadBytes(subset, { ...loading(dataset, signal), ...images });
  const range = { first: images.from, bytes };
  const lacking = measurements.map((one) => lackingOf(table, one, range).length);
  const [work, all] = [lacking.reduce((a, b) => a + b), measurements.length * bytes.count];
  if (work < all) say(`${shortPath(out)} has ${all - work} of ${all} results already`);
  const left = clock(work, say);
  const rows: Record<string, unknown>[] = [];
  for (const [i, measurement] of measurements.entries()) {
    const before = lacking.slice(0, i).reduce((a, b) => a + b, 0);
    const bar = startBar(`${measurement.network.name} L${formatP(measurement.p)}`, bytes.count);
    try {
      const figures = await measure(table, measurement, range, {
        signal,
        onProgress: ({ done, computed, median }) =>
          bar.update(done, `median ${short(median)}${left(before + computed)}`),
      });
      rows.push(await summary(measurement, figures, say));
    } finally {
      bar.stop();
    }
  }
  say(`Wrote ${shortPath(out)}`);
  return rows;
}

/** A measurement in figures, over all its images. */
async function summary(
  { network, p }: Measurement,
  figures: readonly Figures[],
  say: (line: string) => void,
): Promise<Record<string, unknown>> {
  const { mean, quantile } = await import("../statistics.ts");
  const norms = figures.map(({ minNorm }) => minNorm);
  const [q1, median, q3] = [0.25, 0.5, 0.75].map((share) => quantile(norms, share)) as [
    number,
    number,
    number,
  ];
  const row = {
    network: network.name,
    p: formatP(p),
    images: figures.length,
    found: figures.filter(({ found }) => found).length,
    mean: mean(norms),
    median,
    q1,
    q3,
    forwards: mean(figures.map(({ forwards }) => forwards)),
    backwards: mean(figures.map(({ backwards }) => backwards)),
    seconds: figures.reduce((sum, { seconds }) => sum + seconds, 0),
  };
  say(
    `${row.network} L${row.p}: found ${row.found} of ${row.images}, mean ${short(row.mean)}, ` +
      `median ${short(median)}, quartiles ${short(q1)} and ${short(q3)}; ` +
      `${Math.round(row.forwards)} + ${Math.round(row.backwards)} passes an image, ` +
      duration(row.seconds),
  );
  return row;
}

/** A norm for people. */
const short = (norm: number): string => norm === Infinity ? "infinite" : norm.toPrecision(4);

if (import.meta.main) Deno.exit(await runCommand(minNormCommand, Deno.args));
