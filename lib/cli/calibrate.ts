/**
 * `deno task calibrate`: the threshold of a detector, from test images.
 *
 * @module
 */
import type { Digits } from "../loader.ts";
import type { Detector } from "../protections/runtime/calibration.ts";
import { type Call, type Command, runCommand, UsageError } from "./command.ts";
import { number, text } from "./options.ts";
import { startBar } from "./progress.ts";
import {
  datasetOption,
  loading,
  namedClassifier,
  usable,
  usableLater,
  warnOfBackend,
} from "./session.ts";

/** Images by default: resistance takes 500 steps of an attack on each. */
const counts: Readonly<Record<Detector, number>> = { squeeze: 5000, resistance: 1000 };

const options = {
  images: number(
    "n",
    `test images, the first ones (default: ${counts.squeeze}; for resistance ${counts.resistance})`,
    { min: 20, max: 5000, integer: true },
  ),
  dataset: datasetOption,
  out: text("FILE", "where the thresholds go (default: data/protections/calibration.json)"),
};

/** The command, as `--help` shows it. */
export const calibrateCommand: Command<typeof options> = {
  name: "calibrate",
  summary: "Finds a detector's threshold: 5 % of clean test images are rejected.",
  arguments: "NETWORK+DETECTOR...",
  options,
  examples: [
    ["calibrate CNN+squeeze", "puts the threshold into data/protections/calibration.json"],
    ["calibrate MLP+squeeze MLP+resistance --images 400", "several at once"],
  ],
  notes: [
    "Detectors: squeeze, resistance (whose threshold serves correction, too).",
    "Images are those of the first half of the test split, 0 to 4999, which choices are made on. A " +
    "network is\nsurer of those that it was trained on: thresholds from them reject over 6 % of others.",
    "JSON: rows, each with name, threshold, weightsSha256, falsePositives, images.",
  ],
  run,
};

async function run({ values, positionals, signal, say }: Call<typeof options>) {
  const wanted = await readWanted(positionals);
  await warnOfBackend();
  const { openClassifier } = await import("../protections/runtime/index.ts");
  // All are opened before the first is calibrated, which takes its time.
  for (const [name] of wanted) {
    (await usableLater(() => openClassifier(name, { dataset: values.dataset }))).network.dispose();
  }
  const { load } = await import("../loader.ts");
  const rows = [];
  for (const [name, detector] of wanted) {
    const images = values.images ?? counts[detector];
    const digits = await load("test", { ...loading(values.dataset, signal), to: images });
    try {
      const row = await calibrate(name, detector, digits, { ...values, signal });
      rows.push(row);
      say(`${row.name}: ${row.threshold.toPrecision(4)}`);
    } finally {
      digits.images.dispose();
      digits.labels.dispose();
    }
  }
  return { rows };
}

/**
 * The classifiers inside, and the detectors around them.
 *
 * @throws {UsageError} If a name has no detector at its end, or a network is not there.
 */
async function readWanted(positionals: readonly string[]): Promise<[string, Detector][]> {
  const { partsOf } = await import("../protections/runtime/index.ts");
  const wanted = positionals.map((given): [string, Detector] | undefined => {
    const found = /^(.+)\+(squeeze|resistance|correction)$/i.exec(given);
    if (!found) return undefined;
    usable(() => partsOf(given));
    return [found[1]!, found[2]!.toLowerCase() === "squeeze" ? "squeeze" : "resistance"];
  });
  if (wanted.length > 0 && !wanted.includes(undefined)) {
    return await Promise.all(wanted.map(async (one): Promise<[string, Detector]> => {
      const [inner, detector] = one!;
      return [await namedClassifier(inner), detector];
    }));
  }
  throw new UsageError(
    `Cannot calibrate as each name must end in +squeeze or +resistance: ` +
      `current value is ${positionals.join(" ") || "none"}`,
  );
}

/** Finds one threshold and puts it into the file. */
async function calibrate(
  inner: string,
  detector: Detector,
  { images }: Digits,
  { dataset, out, signal }: Pick<Call<typeof options>["values"], "dataset" | "out"> & {
    signal: AbortSignal;
  },
) {
  const { openClassifier } = await import("../protections/runtime/index.ts");
  const { calibrated, calibrationName, falsePositives, writeCalibration } = await import(
    "../protections/runtime/calibration.ts"
  );
  const { weightsSha256 } = await import("../safetensors.ts");
  const { toArrays } = await import("../weights.ts");
  const { classifier, network } = await openClassifier(inner, { dataset });
  const bar = startBar(`${inner}+${detector}`, 1);
  try {
    const onProgress = (done: number) => bar.update(done, "");
    const threshold = await calibrated(classifier, detector, images, { signal, onProgress });
    const hash = await weightsSha256(toArrays(network.weights));
    const row = { threshold, weightsSha256: hash, falsePositives, images: images.shape[0] };
    const name = calibrationName(`${classifier.name}+${detector}`, dataset);
    await writeCalibration(name, row, out);
    return { name, ...row };
  } finally {
    bar.stop();
    network.dispose();
  }
}

if (import.meta.main) Deno.exit(await runCommand(calibrateCommand, Deno.args));
