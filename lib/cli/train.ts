/**
 * `deno task train`: trains a network, shows how it goes, and saves it.
 *
 * @module
 */
import { join } from "node:path";
import { removeIfThere } from "../files.ts";
import type { Digits } from "../loader.ts";
import type { Network } from "../network.ts";
import { duration } from "../numbers.ts";
import { exists } from "../setup/host.ts";
import { root } from "../setup/paths.ts";
import type { Epoch, FitOptions, Step } from "../trainer.ts";
import { type Call, type Command, runCommand } from "./command.ts";
import { flag, number, text } from "./options.ts";
import { type Bar, startBar } from "./progress.ts";
import {
  datasetOption,
  loading,
  networkName,
  networkNames,
  percent,
  seedOption,
  shortPath,
  warnOfBackend,
} from "./session.ts";

const positive = { min: 1, integer: true };

const options = {
  save: flag("replace models/NETWORK.safetensors by the result"),
  epochs: number("n", "epochs to train (default: the architecture's)", positive),
  limit: number("n", "train on the first n images (default: all 50000)", {
    ...positive,
    max: 50_000,
  }),
  seed: seedOption,
  dataset: datasetOption,
  out: text("DIR", "folder for the result and its checkpoints (default: out/ of the checkout)"),
  fresh: flag("start over instead of going on with an interrupted training"),
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
    `Networks: ${(await networkNames()).join(", ")}.`,
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
  const { createNetwork, modelFile, modelsFolder, saveNetwork } = await import("../network.ts");
  const { load } = await import("../loader.ts");
  await warnOfBackend();
  const { seed, dataset, out = join(root, "out"), limit = 50_000 } = values;
  const architecture = architectures[name]!;
  const epochs = values.epochs ?? architecture.epochs;
  const digits = await load("train", { ...loading(dataset, signal), to: limit });
  const testDigits = await load("test", loading(dataset, signal));
  const network = createNetwork(architecture, { seed });

  const { checkpointFile, metadataOf } = await import("../trained.ts");
  const training = { network: name, dataset, images: limit, epochs, seed };
  const checkpoint = checkpointFile(out, training);
  if (values.fresh) await removeIfThere(checkpoint);
  say(`Training ${name} on ${limit} images of ${dataset}, ${epochs} epochs, seed ${seed}`);
  const history = await showEpochs(
    network,
    digits,
    { seed, epochs, testDigits, signal, checkpoint },
    say,
  );

  const { loss, accuracy, testAccuracy } = history.at(-1)!;
  const seconds = history.reduce((sum, epoch) => sum + epoch.seconds, 0);
  const result = { seed, epochs, loss, accuracy, testAccuracy, seconds };
  say(`Trained ${name} in ${duration(seconds)}: ${figures(history.at(-1)!)}`);
  const file = join(save ? modelsFolder : out, modelFile(name, dataset));
  const replaced = exists(file);
  await saveNetwork(network, file, metadataOf(training, history));
  // Only now: a kill before this point finds the checkpoint, and repeats nothing but the saving.
  await removeIfThere(checkpoint);
  const hint = save ? "" : "; --save puts the result into models/";
  say(`${replaced ? "Replaced" : "Wrote"} ${shortPath(file)}${hint}`);
  return { network: name, ...result, file: shortPath(file) };
}

/** Reads `NETWORK` and, behind it, `true`: the old way to ask for `--save`. */
async function readPositionals(positionals: readonly string[], flagged: boolean) {
  const [network, word, ...others] = positionals;
  const old = word === "true" || word === "false";
  const name = await networkName(old ? [network ?? "", ...others] : positionals);
  return { name, save: flagged || word === "true" };
}

/** Trains, with a bar for each epoch and a line at its end. */
async function showEpochs(
  network: Network,
  digits: Digits,
  options: FitOptions,
  say: (line: string) => void,
): Promise<Epoch[]> {
  const { fit } = await import("../trainer.ts");
  const { epochs } = options;
  let bar: Bar | undefined;
  let restored = 0;
  const tellRestored = () => {
    if (restored > 0) {
      say(`Going on after epoch ${restored}, from ${shortPath(options.checkpoint!)}`);
    }
    restored = 0;
  };
  const onStep = ({ epoch, step, steps, loss }: Step) => {
    tellRestored();
    bar ??= startBar(`epoch ${epoch}/${epochs}`, steps);
    bar.update(step, `loss ${loss.toFixed(4)}`);
  };
  const history: Epoch[] = [];
  try {
    for await (const epoch of fit(network, digits, { ...options, onStep })) {
      bar?.stop();
      bar = undefined;
      history.push(epoch);
      if (epoch.restored) restored = epoch.epoch;
      else say(epochLine(epoch));
    }
    tellRestored();
  } catch (error) {
    // The checkpoint is at fault if training failed before it began.
    if (history.length > 0 || !exists(options.checkpoint ?? "") || options.signal?.aborted) {
      throw error;
    }
    throw new Error(`${(error as Error).message}; --fresh starts over`, { cause: error });
  } finally {
    bar?.stop();
  }
  return history;
}

function epochLine(epoch: Epoch): string {
  const { epochs, samplesPerSecond, seconds, remainingSeconds } = epoch;
  const number = String(epoch.epoch).padStart(String(epochs).length);
  const speed = `${Math.round(samplesPerSecond).toLocaleString("en")} samples/s`;
  const left = epoch.epoch === epochs ? "" : `  ${duration(remainingSeconds)} left`;
  return `epoch ${number}/${epochs}  ${figures(epoch)}  ${speed}  ${duration(seconds)}${left}`;
}

function figures({ loss, accuracy, testAccuracy }: Epoch): string {
  const test = testAccuracy === null ? "" : `, test accuracy ${percent(testAccuracy)}`;
  return `loss ${loss.toFixed(4)}, accuracy ${percent(accuracy)}${test}`;
}

if (import.meta.main) Deno.exit(await runCommand(trainCommand, Deno.args));
