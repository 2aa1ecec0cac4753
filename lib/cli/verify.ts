/**
 * `deno task verify`: confirms each row of a table of minimal norms, certificates, or attacks on smoothed
 * classifiers.
 *
 * @module
 */
import type { RowSubject, Subject } from "../evaluation/subject.ts";
import type { Verification } from "../results/evidence.ts";
import { exists } from "../setup/host.ts";
import { type Call, type Command, runCommand } from "./command.ts";
import { number, text, UsageError } from "./options.ts";
import { startBar } from "./progress.ts";
import { loading, warnOfBackend } from "./session.ts";

const options = {
  weights: text("FILE,FILE", "weights to look among besides those in models/"),
  recount: number("n", "certificates whose draws are taken again, spread over the table", {
    ...{ min: 0, integer: true },
  }, 5),
};

/** Lines shown to people; the JSON has them all. */
const SHOWN = 20;

/** The command, as `--help` shows it. */
export const verifyCommand: Command<typeof options> = {
  name: "verify",
  summary: "Confirms each row of a table that `minnorm`, `evaluate` or `smooth` made.",
  arguments: "FILE.parquet",
  options,
  examples: [
    ["verify out/norms.parquet", "confirms every row"],
    ["verify data/protections/CNN+pgd_linf_0.1.parquet", "confirms an evaluation"],
    ["verify data/protections/smoothing.parquet", "confirms certificates"],
    ["verify norms.parquet --weights mine.safetensors", "knows these weights, too"],
  ],
  notes: [
    "Recomputed of each minimal norm: label and prediction; the image's norm in double precision (for\n" +
    "L0 the exact count), its pixels' range, and that it is adversarial by a margin of at most -1e-4,\n" +
    "judged alone; whether it survives rounding to 8 bits; on dense networks, that it is the nearest of\n" +
    "its linear region where the row says so. Weights are found by their SHA-256.",
    "A row without an image (none was found, or it was left out) counts as unwitnessed.",
    "Of each certificate: label, class and radius, exactly as it follows from the successes; of some\n" +
    "(--recount), all draws are taken again from the seed: these are the verified ones, the others count\n" +
    "as unwitnessed. Of each attack on a smoothed classifier: label, norm, the image's pixels, and the\n" +
    "vote, which is taken again from the seed.",
    "Exit code 1 if a row fails. JSON: rows, verified, unwitnessed, failed (each with network,\n" +
    "image, p and why).",
  ],
  run,
  fails: ({ failed }) => (failed as unknown[]).length > 0,
};

async function run(call: Call<typeof options>): Promise<Record<string, unknown>> {
  const { values, positionals: [file, ...others], signal, say } = call;
  if (file === undefined || others.length > 0) {
    throw new UsageError(
      "Cannot start as one FILE.parquet must be named: " +
        `current value is ${[file, ...others].join(" ") || "none"}`,
    );
  }
  const given = values.weights?.split(",") ?? [];
  for (const weights of given) {
    if (exists(weights)) continue;
    throw new UsageError(
      `Cannot use --weights as each must be a file: current value is ${weights || "empty"}`,
    );
  }
  const { verifyFile } = await import("../results/verify_file.ts");
  const { thresholdIn } = await import("../evaluation/subject.ts");
  const { loadBytes } = await import("../loader.ts");
  await warnOfBackend();
  const networks = new Map<string, ReturnType<typeof openBySha256>>();
  const bar = startBar("verified", 1);
  try {
    const { without, ...result } = await verifyFile(file, {
      async networkOf(row) {
        const { network, weightsSha256, options } = row;
        const key = `${network} ${weightsSha256} ${thresholdIn(options)}`;
        const found = networks.get(key) ?? openBySha256(row, given);
        networks.set(key, found);
        return (await found)?.classifier;
      },
      digitsOf: (dataset, subset) => loadBytes(subset, loading(dataset, signal)),
      recount: values.recount,
      signal,
      onProgress: (done, rows) => bar.update(done / rows, `${done} of ${rows} rows`),
    });
    bar.stop();
    tell(result, without, say);
    return { ...result };
  } finally {
    bar.stop();
    for (const network of networks.values()) (await network)?.dispose();
  }
}

/** Opens the classifier that a row is of, if its weights are here. */
async function openBySha256(
  row: RowSubject,
  given: readonly string[],
): Promise<Pick<Subject, "classifier" | "dispose"> | undefined> {
  const { openRow } = await import("../evaluation/subject.ts");
  const { findWeights } = await import("../results/weights.ts");
  const file = await findWeights(row.weightsSha256, given);
  return file === undefined ? undefined : await openRow(row, file);
}

function tell(
  { rows, verified, unwitnessed, failed }: Verification,
  without: string,
  say: (line: string) => void,
): void {
  for (const { network, image, p, why } of failed.slice(0, SHOWN)) {
    say(`${network}, image ${image}, L${p}: ${why}`);
  }
  if (failed.length > SHOWN) say(`... and ${failed.length - SHOWN} more; --json names all`);
  say(
    `${rows} rows: ${verified} verified, ${unwitnessed} without ${without}, ${failed.length} failed`,
  );
}

if (import.meta.main) Deno.exit(await runCommand(verifyCommand, Deno.args));
