/**
 * `deno task smooth`: certifies images of a network by randomized smoothing, into a table.
 *
 * @module
 */
import { join } from "node:path";
import type { CertificateRow } from "../protections/runtime/certificates.ts";
import { root } from "../setup/paths.ts";
import { duration } from "../numbers.ts";
import type { Subset } from "../loader.ts";
import { type Call, type Command, runCommand, UsageError } from "./command.ts";
import { checkImages, imagesOption, outOption } from "./measuring.ts";
import { choice, number } from "./options.ts";
import { startBar } from "./progress.ts";
import {
  datasetOption,
  loading,
  networkName,
  openNetwork,
  percent,
  seedOption,
  shortPath,
  warnOfBackend,
} from "./session.ts";

/** Where the committed certificates are. */
const table = join(root, "data", "protections", "smoothing.parquet");
/** Radii that the summary tells of. */
const radii = [0, 0.5, 1, 1.5];

const whole = (help: string, fallback: number) =>
  number("n", help, { min: 1, integer: true }, fallback);

const options = {
  sigma: number(
    "v",
    "standard deviation of the noise, pixels in [0, 1] (default: that of the network's training)",
    { above: 0 },
  ),
  images: imagesOption,
  n0: whole("draws that choose the class", 100),
  n: whole("draws that bound its probability", 10_000),
  alpha: number("v", "probability that a certificate is wrong, at most", {
    ...{ above: 0, max: 0.5 },
  }, 0.001),
  subset: choice<Subset>("S", "where the images are from", ["train", "test", "val"], "test"),
  dataset: datasetOption,
  seed: seedOption,
  out: { ...outOption, read: (given = table, name: string) => outOption.read(given, name) },
};

/** The command, as `--help` shows it. */
export const smoothCommand: Command<typeof options> = {
  name: "smooth",
  summary:
    "Certifies images by randomized smoothing: an L2 radius within which the answer stays, for each.",
  arguments: "NETWORK",
  options,
  examples: [
    ["smooth CNN+noise:0.5 --images 5000:5500", "the committed certificates of this network"],
    ["smooth CNN+noise:0.25 --images 20 --n 1000 --out out/smooth.parquet", "a quick look"],
  ],
  notes: [
    "The answer is the class that most noisy copies of the image get. Networks that were not trained " +
    "with\nnoise are certified hardly anywhere: `deno task protect CNN --with consistency:0.5 --save` " +
    "makes one\nthat was.",
    "Interrupted or killed, the same command goes on: images that the table has are not certified again.",
    "JSON: network, sigma, n, alpha, seed, images, abstained, certified (each radius, and the share of\n" +
    "images certified for their true class there), meanRadius, seconds, file.",
  ],
  whenInterrupted: "the same command goes on where it was",
  run,
};

async function run(call: Call<typeof options>): Promise<Record<string, unknown>> {
  const { values, positionals, signal, say } = call;
  const name = await networkName(positionals);
  const sigma = values.sigma ?? trainedSigma(name);
  checkImages(values);
  const certificates = await import("../protections/runtime/certificates.ts");
  const { load } = await import("../loader.ts");
  await warnOfBackend();
  const { images: range, dataset, out } = values;
  const network = await openNetwork(name, undefined, dataset);
  const digits = await load(values.subset, { ...loading(dataset, signal), ...range });
  const started = performance.now();
  const bar = startBar(`${name}, sigma ${sigma}`, range.to - range.from);
  try {
    const setting = await certificates.certificateSetting(network, { ...values, sigma });
    const rows = await certificates.certifyInto(out, network, digits, range.from, setting, {
      signal,
      onProgress: (done, of) =>
        bar.update(range.to - range.from - of + done, left(started, done, of)),
    });
    bar.stop();
    const seconds = (performance.now() - started) / 1000;
    const certified = radii.map((radius) => ({
      radius,
      share: certificates.certifiedAccuracy(rows, radius),
    }));
    for (const { radius, share } of certified) {
      say(`${percent(share)} of ${rows.length} images are certified at an L2 radius of ${radius}`);
    }
    say(`Wrote ${shortPath(out)}`);
    const { n, alpha, seed } = values;
    return {
      network: name,
      sigma,
      n,
      alpha,
      seed,
      ...summary(rows),
      certified,
      seconds,
      file: out,
    };
  } finally {
    bar.stop();
    network.dispose();
    digits.images.dispose();
    digits.labels.dispose();
  }
}

/** @throws {UsageError} If the network was not trained with noise. */
function trainedSigma(name: string): number {
  const sigma = name.match(/\+(?:noise|consistency):([^:+]+)/)?.[1];
  if (sigma) return Number(sigma);
  throw new UsageError(
    `Cannot smooth as --sigma must be given for a network trained without noise: ` +
      `current value is ${name}`,
  );
}

function summary(rows: readonly CertificateRow[]) {
  return {
    images: rows.length,
    abstained: rows.filter(({ prediction }) => prediction === null).length,
    meanRadius: rows.reduce((sum, { radius }) => sum + radius, 0) / rows.length,
  };
}

/** The time that is left, in words. */
function left(started: number, done: number, all: number): string {
  const seconds = (performance.now() - started) / 1000;
  return seconds < 5 || done <= 0 ? "" : `about ${duration(seconds * (all - done) / done)} left`;
}

if (import.meta.main) Deno.exit(await runCommand(smoothCommand, Deno.args));
