/**
 * `deno task evaluate`: what all attacks together leave of networks, protected or not.
 *
 * @module
 */
import { dirname, join } from "node:path";
import type { Doubt } from "../attackable.ts";
import type { Notes } from "../evaluation/evaluate.ts";
import type { Subject } from "../evaluation/subject.ts";
import type { Cell } from "../evaluation/worst_case.ts";
import { formatP } from "../numbers.ts";
import { root } from "../setup/paths.ts";
import { type Call, type Command, runCommand } from "./command.ts";
import { checkImages, clock, imagesOption, normsOption } from "./measuring.ts";
import { number, text, UsageError } from "./options.ts";
import { startBar } from "./progress.ts";
import {
  datasetOption,
  loading,
  namedClassifier,
  networkNames,
  percent,
  seedOption,
  shortPath,
  usableLater,
  warnOfBackend,
  weightsOption,
} from "./session.ts";

const whole = { min: 0, integer: true };

/** `--images 5000:6000`. */
const images: typeof imagesOption = {
  value: "n|a:b",
  help: "test images: the first n, or those from a to b - 1 (default: 5000:6000)",
  read: (given = "5000:6000", name) => imagesOption.read(given, name),
};

const options = {
  images,
  dataset: datasetOption,
  norms: normsOption,
  "black-box": number("n", "run attacks without gradients on the first n of them", whole, 100),
  "max-passes": number("n", "passes of each image at most, for each attack with gradients", {
    ...{ min: 2, integer: true },
  }, 600),
  pictures: number("n", "the first n of the images keep their adversarial ones", whole, 200),
  seed: seedOption,
  weights: text("FILE", weightsOption.help + "; takes one NETWORK, and --out"),
  out: text("DIR", "folder of the tables (default: data/protections)"),
};

/** The command, as `--help` shows it. */
export const evaluateCommand: Command<typeof options> = {
  name: "evaluate",
  summary: "Attacks networks by all that there is, and says what is left: the worst case.",
  arguments: "NETWORK...",
  options,
  examples: [
    ["evaluate CNN+pgd:linf:0.1", "four norms, 1,000 images; some ten minutes on two cores"],
    ["evaluate CNN CNN+pgd:l2:2 --norms 2 --images 5000:5200", "two networks in one norm"],
    ["evaluate CNN+bits:1", "through a run-time protection, with straight-through gradients"],
    [
      "evaluate CNN --weights models/seeds/1/CNN.safetensors --out data/protections/seeds/1",
      "a network trained with another seed",
    ],
    ["verify data/protections/CNN+pgd_linf_0.1.parquet", "confirms each row"],
  ],
  notes: async () => [
    `Networks: ${(await networkNames()).join(", ")}.`,
    "Of each image the smallest norm over all attacks counts: the portfolio; APGD in L2 and Linf;\n" +
    "what deceives the unprotected network, scaled; on fewer images Square, HopSkipJump and Sparse-RS.\n" +
    "Where one of those without the network's own gradients beats all that have them on more than 2 %\n" +
    'of the images, or gradients vanish, a figure is marked "masking suspected": it is an upper\n' +
    "bound, and perhaps a loose one. Where APGD beats the portfolio so often, that is remarked.",
    "Rows go to NETWORK.parquet in the folder, or NETWORK-FashionMNIST.parquet, what checkAttackable\n" +
    "notices to NETWORK.json. What is there is not computed again, nor changed: interrupted or killed,\n" +
    "the same command goes on.",
    "Told is of the whole table, but for images below 5000, on which choices were made: where a range\n" +
    "begins there, of its images alone.",
    "JSON: cells, each with network, p, images, median, robustness (epsilon, share, low and high),\n" +
    "duels (attack, against, images, wins), reasons and remarks; doubts by network; files.",
  ],
  whenInterrupted: "the same command goes on where it was",
  run,
};

async function run(call: Call<typeof options>): Promise<Record<string, unknown>> {
  const { values, positionals, say } = call;
  if (positionals.length === 0) {
    throw new UsageError(
      `Cannot start as a NETWORK must be named: ${(await networkNames()).join(", ")}`,
    );
  }
  checkImages({ ...values, subset: "test" });
  const names = [...new Set(await Promise.all(positionals.map(namedClassifier)))];
  checkWeights(values, names);
  const { tableOf } = await import("../evaluation/names.ts");
  await warnOfBackend();
  const { openSubject } = await import("../evaluation/subject.ts");
  const { dataset, weights } = values;
  const open = (name: string) => openSubject(name, { dataset, ...(weights && { weights }) });
  // All are opened before any is attacked, which takes its time.
  for (const name of names) (await usableLater(() => open(name))).dispose();
  // Its progress is shown where it is not there yet.
  await (await import("../loader.ts")).loadBytes("test", loading(dataset, call.signal));
  const { readCells, reportingHalf } = await import("../evaluation/report.ts");
  // Images on which something was chosen are told of alone, and never with the others.
  const told = values.images.from < reportingHalf.from ? values.images : reportingHalf;
  const files: string[] = [];
  const cells: Cell[] = [];
  const doubts: Record<string, Doubt[]> = {};
  for (const name of names) {
    const file = tableOf(values.out ?? join(root, "data", "protections"), name, dataset);
    const subject = await open(name);
    try {
      const notes = await evaluated(call, subject, file);
      const { weightsSha256, threshold } = subject;
      const own = await readCells(file, weightsSha256, { images: told, dataset, threshold });
      tell(own, say);
      cells.push(...own);
      doubts[name] = notes.doubts;
      files.push(shortPath(file));
    } finally {
      subject.dispose();
    }
  }
  return { cells: cells.map((cell) => ({ ...cell, p: formatP(cell.p) })), doubts, files };
}

/** Checks that weights of one's own have one name, and a folder of their own. */
function checkWeights(
  { weights, out }: Call<typeof options>["values"],
  names: readonly string[],
): void {
  if (weights === undefined) return;
  if (names.length > 1) {
    throw new UsageError(
      `Cannot use --weights as one NETWORK must be named: current value is ${names.join(" ")}`,
    );
  }
  if (out === undefined) {
    throw new UsageError(
      "Cannot use --weights as --out DIR must be given: data/protections/ is for models/",
    );
  }
}

/** Fills a network's table. @returns What was noticed of it. */
async function evaluated(
  { values, signal, say }: Call<typeof options>,
  subject: Subject,
  file: string,
): Promise<Notes> {
  const { evaluate, lackingResults, noticed, notesOf } = await import("../evaluation/evaluate.ts");
  const { trialsOf } = await import("../evaluation/plan.ts");
  const { rememberWeights } = await import("../results/weights.ts");
  const { Table } = await import("../results/table.ts");
  await Deno.mkdir(dirname(file), { recursive: true });
  const { "black-box": blackBox, "max-passes": maxPasses, pictures, images } = values;
  const { classifier: { name }, weightsSha256, dataset } = subject;
  // So that `verify` finds them again.
  if (values.weights !== undefined) await rememberWeights(weightsSha256, values.weights);
  const table = await Table.open(file);
  const trials = trialsOf(subject, { ...values, blackBox, maxPasses });
  const lacking = lackingResults(table, trials).reduce((a, b) => a + b, 0);
  say(`${name}: ${lacking} results to compute, into ${shortPath(file)}`);
  const left = clock(lacking, say);
  const bar = startBar(name, Math.max(1, lacking));
  try {
    await evaluate(table, trials, {
      ...{ dataset, pictures, signal },
      onProgress({ attack, p, done, images, computed }) {
        const of = `${attack} L${formatP(p)}, ${Math.floor(done)} of ${images} images`;
        bar.update(computed, of + left(computed));
      },
    });
  } finally {
    bar.stop();
  }
  return await noticed(subject, notesOf(file), images, { signal });
}

/** Shows what is left of a network. */
function tell(cells: readonly Cell[], say: (line: string) => void): void {
  for (const { network, p, images, median, robustness, ...seen } of cells) {
    const shares = robustness.map(({ epsilon, share, low, high }) =>
      `${percent(share)} at ${epsilon} (${percent(low)} to ${percent(high)})`
    );
    say(`${network} L${formatP(p)}, ${images} images: median ${median.toPrecision(4)}, robust`);
    say(`  ${shares.join(", ")}`);
    for (const [against, duels] of Map.groupBy(seen.duels, ({ against }) => against)) {
      const wins = duels.map(({ attack, images, wins }) => `${attack} on ${wins} of ${images}`);
      const beaten = against === "portfolio"
        ? "the portfolio is"
        : "all attacks with gradients are";
      say(`  ${beaten} beaten by ${wins.join(", ")}`);
    }
    if (seen.remarks.length > 0) say(`  the portfolio is weak here: ${seen.remarks.join("; ")}`);
    if (seen.reasons.length > 0) {
      say(`  upper bound, masking suspected: ${seen.reasons.join("; ")}`);
    }
  }
}

if (import.meta.main) Deno.exit(await runCommand(evaluateCommand, Deno.args));
