/**
 * `deno task calibrate`: the threshold of a detector, from train images.
 *
 * @module
 */
import { type Call, type Command, runCommand, UsageError } from "./command.ts";
import { number } from "./options.ts";
import { startBar } from "./progress.ts";
import { loading, usable, warnOfBackend } from "./session.ts";

const options = {
  images: number(
    "n",
    "train images, the first ones",
    { min: 20, max: 50_000, integer: true },
    1000,
  ),
};

/** The command, as `--help` shows it. */
export const calibrateCommand: Command<typeof options> = {
  name: "calibrate",
  summary: "Finds a detector's threshold: 5 % of clean train images are rejected.",
  arguments: "NETWORK+DETECTOR...",
  options,
  examples: [
    ["calibrate CNN+squeeze", "puts the threshold into data/protections/calibration.json"],
    ["calibrate MLP+squeeze MLP+resistance --images 400", "several at once"],
  ],
  notes: [
    "Detectors: squeeze, resistance (whose threshold serves correction, too).",
    "JSON: rows, each with name, threshold, weightsSha256, falsePositives, images.",
  ],
  run,
};

async function run({ values, positionals, signal, say }: Call<typeof options>) {
  const names = positionals.map((name) => name.replace(/\+correction$/i, "+resistance"));
  const detectors = names.map((name) => /\+(squeeze|resistance)$/i.exec(name)?.[1]?.toLowerCase());
  if (names.length === 0 || detectors.includes(undefined)) {
    throw new UsageError(
      `Cannot calibrate as each name must end in +squeeze or +resistance: ` +
        `current value is ${positionals.join(" ") || "none"}`,
    );
  }
  const { openClassifier, partsOf } = await import("../protections/runtime/index.ts");
  names.forEach((name) => usable(() => partsOf(name)));
  await warnOfBackend();
  const { load } = await import("../loader.ts");
  const { calibrated, falsePositives, writeCalibration } = await import(
    "../protections/runtime/calibration.ts"
  );
  const { weightsSha256 } = await import("../safetensors.ts");
  const { toArrays } = await import("../weights.ts");
  const digits = await load("train", { ...loading("MNIST", signal), to: values.images });
  const rows = [];
  try {
    for (const [i, name] of names.entries()) {
      const detector = detectors[i] as "squeeze" | "resistance";
      const { classifier: inner, network } = await openClassifier(
        name.slice(0, name.lastIndexOf("+")),
      );
      const bar = startBar(name, 1);
      try {
        const threshold = await calibrated(inner, detector, digits.images, {
          signal,
          onProgress: (done) => bar.update(done, ""),
        });
        const hash = await weightsSha256(toArrays(network.weights));
        const row = { threshold, weightsSha256: hash, falsePositives, images: values.images };
        const full = `${inner.name}+${detector}`;
        await writeCalibration(full, row);
        rows.push({ name: full, ...row });
        bar.stop();
        say(`${full}: ${threshold.toPrecision(4)}`);
      } finally {
        bar.stop();
        network.dispose();
      }
    }
  } finally {
    digits.images.dispose();
    digits.labels.dispose();
  }
  return { rows };
}

if (import.meta.main) Deno.exit(await runCommand(calibrateCommand, Deno.args));
