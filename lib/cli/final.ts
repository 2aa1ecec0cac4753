/**
 * `deno task final`: fills the tables of the last figures, on `val`.
 *
 * @module
 */
import { tablePasses } from "../results/budget.ts";
import { type Call, type Command, runCommand } from "./command.ts";
import { known, number, text } from "./options.ts";
import { type Bar, startBar } from "./progress.ts";
import { shortPath, warnOfBackend } from "./session.ts";

const whole = { min: 1, integer: true };

const options = {
  images: number("n", "images of each half of val", { ...whole, max: 5000 }, 100),
  "max-passes": number("n", "forward plus backward passes of each image at most", {
    min: 2,
    integer: true,
  }, tablePasses),
  steps: number("n", "steps of the second attack", whole, 500),
  out: text("DIR", "folder of the tables (default: data/final/ of the checkout)"),
};

/** The command, as `--help` shows it. */
export const finalCommand: Command<typeof options> = {
  name: "final",
  summary:
    "Measures the networks of models/ on val: minimal norms and resistances, for the last notebook.",
  arguments: "[NETWORK...]",
  options,
  examples: [
    ["final", "all networks: what the tables lack"],
    ["final CNN CNN_d --images 5 --max-passes 100 --out out/final", "tries it out"],
  ],
  notes: [
    "Nothing else looks at val, MNIST's official test images: run this when all is decided.\n" +
    "Interrupted or killed, the same command goes on: what the tables have is not computed again.",
    "JSON: networks, files.",
  ],
  whenInterrupted: "the same command goes on where it was",
  run,
};

async function run({ values, positionals, signal, say }: Call<typeof options>) {
  const { modelNames, openModel, tables } = await import("../final.ts");
  const { collectNorms, collectResistances } = await import("../final/collect.ts");
  const { basename, join } = await import("node:path");
  const all = await modelNames();
  const names = positionals.map((given) => known(given, all, "NETWORK"));
  await warnOfBackend();
  const models = await Promise.all((names.length > 0 ? names : all).map((one) => openModel(one)));
  const { images, steps, out, "max-passes": maxPasses } = values;
  const place = (file: string) => out === undefined ? file : join(out, basename(file));
  const files = [place(tables.minNorms), place(tables.resistances)] as const;
  try {
    await withBar(
      "minimal norms",
      (onProgress) =>
        collectNorms(models, { images, maxPasses, file: files[0], signal, onProgress }),
    );
    say(`Wrote ${shortPath(files[0])}`);
    await withBar(
      "resistances",
      (onProgress) =>
        collectResistances(models, { images, steps, file: files[1], signal, onProgress }),
    );
    say(`Wrote ${shortPath(files[1])}`);
  } finally {
    models.forEach(({ network }) => network.dispose());
  }
  return { networks: models.map(({ name }) => name), files: files.map(shortPath) };
}

/** Works with a bar, which is taken away whatever comes of it. */
async function withBar(
  title: string,
  work: (onProgress: (done: number, total: number, words: string) => void) => Promise<void>,
): Promise<void> {
  let bar: Bar | undefined;
  try {
    await work((done, total, words) => {
      bar ??= startBar(title, total);
      bar.update(done, words);
    });
  } finally {
    bar?.stop();
  }
}

if (import.meta.main) Deno.exit(await runCommand(finalCommand, Deno.args));
