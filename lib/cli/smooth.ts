/**
 * `deno task smooth`: certifies images of a network by randomized smoothing, or attacks them, into a
 * table.
 *
 * @module
 */
import { join } from "node:path";
import type { CertificateRow } from "../protections/runtime/certificates.ts";
import { root } from "../setup/paths.ts";
import { duration } from "../numbers.ts";
import type { Digits, Subset } from "../loader.ts";
import type { Network } from "../network.ts";
import { exists } from "../setup/host.ts";
import { type Call, type Command, flag, runCommand, UsageError } from "./command.ts";
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

const whole = (help: string, max?: number) =>
  number("n", help, { min: 1, integer: true, ...(max !== undefined && { max }) });

/** What is asked of a certificate, and of an attack, with what it is if nothing is said. */
const only = {
  certify: { n0: 100, n: 10_000, alpha: 0.001 },
  attack: { draws: 16, "max-passes": 120, votes: 1000 },
};

const options = {
  sigma: number(
    "v",
    "standard deviation of the noise, pixels in [0, 1] (default: that of the network's training)",
    { above: 0 },
  ),
  images: imagesOption,
  n0: whole("draws that choose the class (default: 100)"),
  n: whole("draws that bound its probability (default: 10000)"),
  alpha: number("v", "probability that a certificate is wrong, at most (default: 0.001)", {
    ...{ above: 0, max: 0.5 },
  }),
  attack: flag("attack the smoothed classifier instead, in L2: an upper bound beside the proof"),
  draws: whole("noisy copies that the attack sees (default: 16)", 1000),
  "max-passes": number("n", "passes of the attack, each of so many copies (default: 120)", {
    ...{ min: 2, integer: true },
  }),
  votes: whole("noisy copies by whose vote a point is judged (default: 1000)", 200_000),
  subset: choice<Subset>("S", "where the images are from", ["train", "test", "val"], "test"),
  dataset: datasetOption,
  seed: seedOption,
  out: {
    ...outOption,
    read: (given: string | undefined, name: string) => given && outOption.read(given, name),
  },
};

/** The command, as `--help` shows it. */
export const smoothCommand: Command<typeof options> = {
  name: "smooth",
  summary:
    "Certifies images by randomized smoothing: an L2 radius within which the answer stays, for each.\n" +
    "With --attack, the smallest L2 perturbation found after which it does not.",
  arguments: "NETWORK",
  options,
  examples: [
    ["smooth CNN+noise:0.5 --images 5000:5500", "the committed certificates of this network"],
    ["smooth CNN+noise:0.5 --attack --images 5000:5040", "the committed attacks on it"],
    ["smooth CNN+noise:0.25 --images 20 --n 1000 --out out/smooth.parquet", "a quick look"],
  ],
  notes: [
    "The answer is the class that most noisy copies of the image get. Networks that were not trained " +
    "with\nnoise are certified hardly anywhere: `deno task protect CNN --with consistency:0.5 --save` " +
    "makes one\nthat was.",
    "Interrupted or killed, the same command goes on: images that the table has are not computed again.",
    "The tables are data/protections/smoothing.parquet and smoothed-attacks.parquet, if --out names no\n" +
    "other; `deno task verify` confirms both.",
    "JSON: network, sigma, n, alpha, seed, images, abstained, certified (each radius, and the share of\n" +
    "images certified for their true class there), meanRadius, seconds, file.",
    "JSON with --attack: network, sigma, draws, maxPasses, votes, seed, images, found, median (of the\n" +
    "norms), certified (images that the committed certificates have, too), smallestRatio (of norm and\n" +
    "radius), below and refuted (images whose norm is below their radius; those whose votes, moreover,\n" +
    "prove that the certificate is wrong), seconds, file.",
  ],
  whenInterrupted: "the same command goes on where it was",
  run,
};

/** What both kinds of work are given. */
interface Work {
  values: Call<typeof options>["values"];
  sigma: number;
  network: Network;
  digits: Digits;
  signal: AbortSignal;
  onProgress: (done: number, of: number) => void;
  say: Call<typeof options>["say"];
}

async function run(call: Call<typeof options>): Promise<Record<string, unknown>> {
  const { values, positionals, signal, say } = call;
  const name = await networkName(positionals);
  const sigma = values.sigma ?? await sigmaOfTraining(name);
  checkImages(values);
  assertMeant(values);
  await assertEnough(values);
  const { load } = await import("../loader.ts");
  await warnOfBackend();
  const { images: range, dataset } = values;
  const network = await openNetwork(name, undefined, dataset);
  const digits = await load(values.subset, { ...loading(dataset, signal), ...range });
  const [started, all] = [performance.now(), range.to - range.from];
  const bar = startBar(`${name}, sigma ${sigma}`, all);
  const onProgress = (done: number, of: number) =>
    bar.update(all - of + done, left(started, done, of));
  try {
    const toSay: string[] = [];
    const result = await (values.attack ? attacking : certifying)({
      ...{ values, sigma, network, digits, signal, onProgress },
      say: (line) => toSay.push(line),
    });
    bar.stop();
    for (const line of toSay) say(line);
    return { network: name, sigma, ...result, seconds: (performance.now() - started) / 1000 };
  } finally {
    bar.stop();
    network.dispose();
    digits.images.dispose();
    digits.labels.dispose();
  }
}

async function certifying({ values, sigma, network, digits, say, ...others }: Work) {
  const certificates = await import("../protections/runtime/certificates.ts");
  const { n0, n, alpha } = { ...only.certify, ...given(values) };
  const { dataset, subset, seed, images, out = table } = values;
  const setting = await certificates.certificateSetting(network, {
    ...{ dataset, subset, sigma, n0, n, alpha, seed },
  });
  const rows = await certificates.certifyInto(out, network, digits, images.from, setting, others);
  const certified = radii.map((radius) => ({
    radius,
    share: certificates.certifiedAccuracy(rows, radius),
  }));
  for (const { radius, share } of certified) {
    say(`${percent(share)} of ${rows.length} images are certified at an L2 radius of ${radius}`);
  }
  say(`Wrote ${shortPath(out)}`);
  return { n, alpha, seed, ...summary(rows), certified, file: out };
}

async function attacking({ values, sigma, network, digits, say, ...others }: Work) {
  const tables = await import("../evaluation/smoothed_table.ts");
  const { againstCertificates } = await import("../evaluation/smoothed.ts");
  const { readCertificates } = await import("../protections/runtime/certificates.ts");
  const { median } = await import("../statistics.ts");
  const { draws, "max-passes": maxPasses, votes } = { ...only.attack, ...given(values) };
  const { dataset, subset, seed, images, out = tables.smoothedAttacksFile } = values;
  const how = { draws, maxPasses, votes, seed };
  const setting = await tables.smoothedAttackSetting(network, { dataset, subset, sigma, ...how });
  const rows = await tables.attackInto(out, network, digits, images.from, setting, others);
  const both = againstCertificates(exists(table) ? await readCertificates(table) : [], rows);
  const found = rows.filter(({ norm }) => norm < Infinity).length;
  const middle = median(rows.map(({ norm }) => norm));
  const smallestRatio = both.reduce((least, { ratio }) => Math.min(least, ratio), Infinity);
  const below = both.filter((one) => one.below).length;
  const refuted = both.filter((one) => one.refuted).length;
  say(
    `${found} of ${rows.length} images are deceived, at a median L2 norm of ${middle.toFixed(3)}`,
  );
  if (both.length > 0) {
    say(
      `${below} of the ${both.length} that are certified lie below their radius (${refuted} refute it); ` +
        `the smallest norm is ${smallestRatio.toFixed(3)} times the radius`,
    );
  }
  say(`Wrote ${shortPath(out)}`);
  const compared = { certified: both.length, smallestRatio, below, refuted };
  return { ...how, images: rows.length, found, median: middle, ...compared, file: out };
}

/** The options that stand on the command line. */
const given = (values: Work["values"]) =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    // What is given has its own type, which fromEntries cannot express.
    [K in keyof Work["values"]]?: NonNullable<Work["values"][K]>;
  };

/** @throws {UsageError} If an option is given that is of no use. */
function assertMeant(values: Work["values"]): void {
  const idle = Object.keys(values.attack ? only.certify : only.attack) as (keyof typeof values)[];
  const stray = idle.find((name) => values[name] !== undefined);
  if (stray === undefined) return;
  throw new UsageError(
    `Cannot use --${stray} as it is for ${values.attack ? "certificates" : "--attack"}: ` +
      `current value is ${values[stray]}`,
  );
}

/** @throws {UsageError} If not even draws that all agree could prove anything. */
async function assertEnough(values: Work["values"]): Promise<void> {
  const { leastDraws } = await import("../protections/runtime/clopper_pearson.ts");
  const { alpha, n, votes } = { ...only.certify, ...only.attack, ...given(values) };
  const { LEVEL } = await import("../evaluation/smoothed.ts");
  const [name, value] = values.attack ? ["votes", votes] : ["n", n];
  const least = leastDraws(values.attack ? LEVEL / 2 : alpha);
  if (value >= least) return;
  throw new UsageError(
    `Cannot smooth as --${name} must be >= ${least} to prove anything: current value is ${value}`,
  );
}

/** @throws {UsageError} If the network was not trained with noise. */
async function sigmaOfTraining(name: string): Promise<number> {
  const { trainedSigma } = await import("../protections/plan.ts");
  const sigma = trainedSigma(name);
  if (sigma !== undefined) return sigma;
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
