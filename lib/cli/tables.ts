/**
 * `deno task tables`: makes the tables of minimal norms that come with the lab, or what they lack.
 *
 * @module
 */
import { duration, formatP } from "../numbers.ts";
import { tablePasses } from "../results/budget.ts";
import { type Call, type Command, runCommand } from "./command.ts";
import { known, number, text } from "./options.ts";
import { startBar } from "./progress.ts";
import { architectureNames, seedOption, shortPath, warnOfBackend } from "./session.ts";

const whole = { min: 1, integer: true };

const options = {
  images: number("n", "the first n test images of each network", { ...whole, max: 10_000 }, 1000),
  "seed-images": number("n", "the same for networks trained with other seeds", {
    ...{ min: 0, max: 10_000, integer: true },
  }, 200),
  pictures: number("n", "the first n images keep their adversarial ones", {
    ...{ min: 0, integer: true },
  }, 200),
  "max-passes": number("n", "forward plus backward passes of each image at most", {
    ...{ min: 2, integer: true },
  }, tablePasses),
  seed: seedOption,
  out: text("DIR", "folder of the tables (default: data/min-norms)"),
};

/** The command, as `--help` shows it. */
export const tablesCommand: Command<typeof options> = {
  name: "tables",
  summary: "Computes what the committed tables of minimal norms lack, in four norms.",
  arguments: "[NETWORK...]",
  options,
  examples: [
    ["tables", "all seven networks, then those of models/seeds/"],
    ["tables MLP --images 20 --seed-images 10 --out out/tables", "a small one elsewhere"],
    ["verify data/min-norms/CNN.parquet", "confirms what it can"],
  ],
  notes: [
    "What the tables have is not computed again, so that the same command goes on after Ctrl-C.\n" +
    "Weights that changed, and other passes or seeds, give rows beside the old ones: remove the\n" +
    "file for a fresh start.",
  ],
  whenInterrupted: "the same command goes on where it was",
  run,
};

async function run({ values, positionals, say, signal }: Call<typeof options>) {
  const names = await architectureNames();
  const networks = positionals.length > 0
    ? [...new Set(positionals.map((given) => known(given, names, "NETWORK")))]
    : names;
  const { computeLacking, lackingWork } = await import("../results/lacking.ts");
  const { fileOf, tablesFolder, thinTable, trainings } = await import("../results/wanted.ts");
  await warnOfBackend();
  const { images, "seed-images": fewer, pictures, "max-passes": maxPasses, seed } = values;
  const out = values.out ?? tablesFolder();
  const folders = { committed: out, own: out };
  const files: string[] = [];
  for (const network of networks) {
    for (const training of await trainings(network)) {
      const count = training === 0 ? images : fewer;
      if (count === 0) continue;
      const wanted = { networks: [network], norms: [0, 1, 2, Infinity], images: count };
      const rest = { attack: "portfolio", maxPasses, seed, training };
      const work = await lackingWork({ ...wanted, ...rest }, folders);
      const name = training === 0 ? network : `${network}, seed ${training}`;
      const time = work.seconds > 0 ? `, about ${duration(work.seconds)}` : "";
      say(`${name}: ${work.rows} rows to compute${work.rows > 0 ? time : ""}`);
      const bar = startBar(name, Math.max(1, work.rows));
      try {
        await computeLacking(work, {
          ...{ own: out, signal },
          onProgress: ({ done, p }) => bar.update(done, `L${formatP(p)}`),
        });
      } finally {
        bar.stop();
      }
      const file = fileOf(out, network, training);
      await thinTable(file, pictures);
      files.push(shortPath(file));
    }
  }
  return { files };
}

if (import.meta.main) Deno.exit(await runCommand(tablesCommand, Deno.args));
