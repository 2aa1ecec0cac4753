/**
 * What `train` and `protect` share: a training with its checkpoint, shown as it goes, and its file.
 *
 * @module
 */
import { removeIfThere } from "../files.ts";
import type { Digits } from "../loader.ts";
import type { Network } from "../network.ts";
import { duration } from "../numbers.ts";
import type { TrainingProtection } from "../protections/lesson.ts";
import { exists } from "../setup/host.ts";
import type { Training } from "../trained.ts";
import type { Epoch, FitOptions, Step } from "../trainer.ts";
import { flag, number, text } from "./options.ts";
import { type Bar, startBar } from "./progress.ts";
import { loading, percent, seedOption, shortPath } from "./session.ts";

const positive = { min: 1, integer: true };

/** Options of a training. */
export const trainingOptions = {
  epochs: number("n", "epochs to train (default: the architecture's)", positive),
  limit: number("n", "train on the first n images (default: all 50000)", {
    ...positive,
    max: 50_000,
  }),
  seed: seedOption,
  out: text("DIR", "folder for the result and its checkpoints (default: out/ of the checkout)"),
  fresh: flag("start over instead of going on with an interrupted training"),
};

/** Where a training's files lie, and who hears of it. */
interface Place {
  /** Folder of its checkpoints. */
  out: string;
  /** Where the network goes. */
  file: string;
  /** Whether to start over instead of going on. */
  fresh: boolean;
  /** What is said behind the file's name. */
  hint: string;
  protections?: readonly TrainingProtection[];
  signal: AbortSignal;
  say: (line: string) => void;
}

/** Trains a network as asked for and saves it; goes on from its checkpoint if there is one. */
export async function trainAndSave(network: Network, training: Training, place: Place) {
  const { out, file, fresh, hint, protections, signal, say } = place;
  const { load } = await import("../loader.ts");
  const { saveNetwork } = await import("../network.ts");
  const { checkpointFile, metadataOf } = await import("../trained.ts");
  const { dataset, images, epochs, seed } = training;
  const digits = await load("train", { ...loading(dataset, signal), to: images });
  const testDigits = await load("test", loading(dataset, signal));
  const checkpoint = checkpointFile(out, training);
  if (fresh) await removeIfThere(checkpoint);
  const protected_ = training.protections ? ` with ${training.protections.join(" and ")}` : "";
  const name = network.architecture.name;
  say(
    `Training ${name}${protected_} on ${images} images of ${dataset}, ${epochs} epochs, seed ${seed}`,
  );
  const options = { seed, epochs, protections, testDigits, signal, checkpoint };
  const history = await showEpochs(network, digits, options, say);
  const { loss, accuracy, testAccuracy } = history.at(-1)!;
  const seconds = history.reduce((sum, epoch) => sum + epoch.seconds, 0);
  say(`Trained ${name} in ${duration(seconds)}: ${figures(history.at(-1)!)}`);
  const replaced = exists(file);
  await saveNetwork(network, file, metadataOf(training, history));
  // Only now: a kill before this point finds the checkpoint, and repeats nothing but the saving.
  await removeIfThere(checkpoint);
  say(`${replaced ? "Replaced" : "Wrote"} ${shortPath(file)}${hint}`);
  return { seed, epochs, loss, accuracy, testAccuracy, seconds, file: shortPath(file) };
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
