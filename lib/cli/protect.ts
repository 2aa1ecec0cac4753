/**
 * `deno task protect`: trains a network with protections, and saves it.
 *
 * @module
 */
import { join } from "node:path";
import { modelFile, modelsFolder, protectedName } from "../models.ts";
import type { TrainingProtection } from "../protections/lesson.ts";
import { root } from "../setup/paths.ts";
import type { TrainedOptions, Training } from "../trained.ts";
import { type Call, type Command, runCommand, text, UsageError } from "./command.ts";
import { flag } from "./options.ts";
import { type Bar, startBar } from "./progress.ts";
import {
  architectureName,
  architectureNames,
  datasetOption,
  shortPath,
  usable,
  warnOfBackend,
} from "./session.ts";
import { trainAndSave, trainingOptions } from "./training.ts";

const options = {
  with: text(
    "SPEC",
    "protections with + between them, such as pgd:linf:0.2 or noise:0.5+decay:0.01",
  ),
  list: flag("list the protections"),
  save: flag("put the result into models/protected/"),
  ...trainingOptions,
  fresh: flag(`${trainingOptions.fresh.help}, with another teacher where one is needed`),
  dataset: datasetOption,
};

/** The command, as `--help` shows it. */
export const protectCommand: Command<typeof options> = {
  name: "protect",
  summary:
    "Trains a network with protections on the train split and measures it on the test split.",
  arguments: "NETWORK --with SPEC",
  options,
  examples: [
    ["protect CNN --with pgd:linf:0.2 --save", "learns from images that PGD moved"],
    ["protect MLP --with fgsm:linf:0.1 --epochs 2 --limit 5000", "tries it out, in seconds"],
    ["protect --list", "lists the protections and their papers"],
  ],
  notes: async () => [
    `Networks: ${(await architectureNames()).join(", ")}.`,
    "Batches of 128 and Adam whose learning rate falls from 0.001 to 0, in place of the " +
    "architecture's.\nAn interrupted training goes on when the same command is given again.",
    "JSON: network, protections, seed, epochs, loss, accuracy, testAccuracy, seconds, file; with " +
    "--list,\nprotections.",
  ],
  whenInterrupted: "the same command goes on after the last complete epoch",
  run,
};

async function run({ values, positionals, signal, say }: Call<typeof options>) {
  if (values.list) return await list(say);
  const name = await architectureName(positionals);
  if (values.with === undefined) {
    throw new UsageError("Cannot protect as --with must name protections: --list lists them");
  }
  const { protectedArchitecture, readProtections } = await import("../protections/plan.ts");
  const architecture = protectedArchitecture(name, values.epochs);
  const specs = usable(() => readProtections(values.with!, architecture));
  await warnOfBackend();
  const { createNetwork } = await import("../network.ts");
  const { seed, dataset, out = join(root, "out"), limit: images = 50_000, fresh, save } = values;
  const { epochs } = architecture;
  const training = { network: name, dataset, images, epochs, seed, protections: specs };
  const protections = await prepare(training, { folder: out, fresh, signal }, say);
  const result = await trainAndSave(createNetwork(architecture, { seed }), training, {
    ...{ out, fresh, signal, say, protections },
    file: join(save ? modelsFolder : out, modelFile(protectedName(name, specs), dataset)),
    hint: save ? "" : "; --save puts the result into models/protected/",
  });
  return { network: name, protections: specs, ...result };
}

/** The protections of a training; where one needs a teacher, it is found or trained first. */
async function prepare(
  training: Training,
  options: Pick<TrainedOptions, "folder" | "fresh" | "signal">,
  say: (line: string) => void,
): Promise<TrainingProtection[]> {
  const { prepared } = await import("../trained.ts");
  let bar: Bar | undefined;
  const onProgress = (epochs: number, words: string) => {
    bar ??= startBar("the teacher", training.epochs);
    bar.update(epochs, words);
  };
  try {
    const { protections, teacher } = await prepared(training, { ...options, onProgress });
    bar?.stop();
    if (teacher) {
      say(`${teacher.fresh ? "Trained" : "Found"} the teacher: ${shortPath(teacher.file)}`);
    }
    return protections;
  } finally {
    bar?.stop();
  }
}

async function list(say: (line: string) => void) {
  const { protections } = await import("../protections/index.ts");
  const rows = Object.values(protections).map(({ name, usage, title, paper }) => ({
    ...{ name, usage, title, paper },
  }));
  for (const { usage, title, paper } of rows) say(`${usage.padEnd(26)}  ${title} (${paper})`);
  return { protections: rows };
}

if (import.meta.main) Deno.exit(await runCommand(protectCommand, Deno.args));
