/**
 * `deno task train`: trains a network, shows how it goes, and saves it.
 *
 * @module
 */
import { join } from "node:path";
import { modelFile, modelsFolder } from "../models.ts";
import { root } from "../setup/paths.ts";
import { type Call, type Command, runCommand } from "./command.ts";
import { flag } from "./options.ts";
import { architectureName, architectureNames, datasetOption, warnOfBackend } from "./session.ts";
import { trainAndSave, trainingOptions } from "./training.ts";

const options = {
  save: flag("replace models/NETWORK.safetensors by the result"),
  ...trainingOptions,
  dataset: datasetOption,
};

/** The command, as `--help` shows it. */
export const trainCommand: Command<typeof options> = {
  name: "train",
  summary: "Trains a network on the train split and measures it on the test split.",
  arguments: "NETWORK [true]",
  options,
  examples: [
    ["train CNN_d --save", "trains CNN_d in full and replaces models/CNN_d.safetensors"],
    ["train CNN_d true", "the same, as it used to be written"],
    ["train MLP --epochs 2 --limit 5000", "tries it out, in seconds: out/MLP.safetensors"],
  ],
  notes: async () => [
    `Networks: ${(await architectureNames()).join(", ")}.`,
    "A training that was interrupted or killed goes on by itself, after its last complete epoch, " +
    "when\nthe same command is given again, and ends with the same weights as without a break.",
    "JSON: network, seed, epochs, loss, accuracy, testAccuracy, seconds, file.",
  ],
  whenInterrupted: "the same command goes on after the last complete epoch",
  run,
};

async function run({ values, positionals, signal, say }: Call<typeof options>) {
  const { name, save } = await readPositionals(positionals, values.save);
  const { architectures } = await import("../architectures.ts");
  const { createNetwork } = await import("../network.ts");
  await warnOfBackend();
  const { seed, dataset, out = join(root, "out"), limit = 50_000, fresh } = values;
  const { epochs = architectures[name]!.epochs } = values;
  const hint = save ? "" : "; --save puts the result into models/";
  const file = join(save ? modelsFolder : out, modelFile(name, dataset));
  const training = { network: name, dataset, images: limit, epochs, seed };
  const network = createNetwork(architectures[name]!, { seed });
  const result = await trainAndSave(network, training, { out, file, fresh, hint, signal, say });
  return { network: name, ...result };
}

/** Reads `NETWORK` and, behind it, `true`: the old way to ask for `--save`. */
async function readPositionals(positionals: readonly string[], flagged: boolean) {
  const [network, word, ...others] = positionals;
  const old = word === "true" || word === "false";
  const name = await architectureName(old ? [network ?? "", ...others] : positionals);
  return { name, save: flagged || word === "true" };
}

if (import.meta.main) Deno.exit(await runCommand(trainCommand, Deno.args));
