/**
 * The command `figure`: makes one of the lab's figures as SVG, PNG or PDF.
 *
 * @module
 */
import { extname } from "node:path";
import { architectures, summary } from "../architectures.ts";
import { attacks } from "../attacks/index.ts";
import type { Outcome } from "../attacks/driver.ts";
import { pictures } from "../attacks/pictures.ts";
import { runner } from "../attacks/run.ts";
import { backend } from "../backend.ts";
import { writeAtomic } from "../files.ts";
import { load, type Subset } from "../loader.ts";
import { loadNetwork, type Network } from "../network.ts";
import { architectureFigure } from "../plots/architecture.ts";
import { attackPictures } from "../plots/attack_pictures.ts";
import { attackTrace, type TraceRow } from "../plots/attack_trace.ts";
import { classBalance } from "../plots/class_balance.ts";
import { confidenceLine } from "../plots/confidence_line.ts";
import { confusionMatrix } from "../plots/confusion_matrix.ts";
import { digitGrid, meanDigits, mistakes } from "../plots/digits.ts";
import { progress } from "../notebook.ts";
import { type Figure, toPng } from "../plots/figure.ts";
import { toPdf } from "../plots/pdf.ts";
import { sweep, sweepPictures } from "../plots/sweep.ts";
import { type HistoryRow, trainingHistory } from "../plots/training_history.ts";
import {
  classCounts,
  confidentMistakes,
  confusionCounts,
  digitRows,
  lineRows,
  meanRows,
  predictionRows,
  sweepRows,
} from "../rows.ts";
import { type Call, type Command, runCommand } from "./command.ts";
import { rowFigures, rowOptions } from "./figure_rows.ts";
import { choice, known, number, text, UsageError } from "./options.ts";
import { attackOptions, checkImage, datasetOption, loading, usable } from "./session.ts";

const options = {
  out: text("FILE", "File to write: .svg, .png or .pdf"),
  network: text("NAME", "Network by name, or a .safetensors file", "CNN_d"),
  dataset: datasetOption,
  subset: choice<Subset>("S", "Subset", ["train", "test", "val"], "test"),
  limit: number("n", "Only the first n images", { min: 1, integer: true }),
  attack: choice("NAME", "Attack", Object.keys(attacks), "school"),
  ...attackOptions,
  ...rowOptions,
  scale: number("v", "PNG pixels for one pixel of the SVG", { min: 0.25, max: 8 }, 2),
};

type Request = Call<typeof options>;

/** How each figure is made. */
const figures: Record<string, (request: Request) => Promise<Figure>> = {
  async "digits"(request) {
    const rows = digitRows(await images(request, 50));
    return digitGrid(rows, { title: `The first ${rows.length} images of ${source(request)}` });
  },
  async "mean-digits"(request) {
    const subtitle = `Each pixel is its mean over the class; ${source(request)}`;
    return meanDigits(meanRows(await images(request)), { subtitle });
  },
  async "class-balance"(request) {
    const { dataset } = request.values;
    const counts = [];
    for (const subset of ["train", "test"] as const) {
      const digits = await load(subset, loading(dataset, request.signal));
      counts.push(...classCounts(subset, digits));
      digits.images.dispose();
    }
    // Without val: nothing looks at it unasked.
    return classBalance(counts, { title: `Class balance of ${dataset}` });
  },
  "architecture"({ values: { network } }) {
    const name = known(network.split("+", 1)[0]!, Object.keys(architectures), "--network");
    return Promise.resolve(architectureFigure(name, summary(architectures[name]!)));
  },
  async "history"(request) {
    const { values } = request;
    const { name, metadata } = await opened(request);
    const { history } = metadata;
    if (history === undefined) {
      throw new TypeError(`Cannot draw how ${values.network} was trained: its file does not tell`);
    }
    const rows: HistoryRow[] = JSON.parse(history);
    return trainingHistory(rows, { title: `Training of ${name}` });
  },
  async "confusion"(request) {
    const classifier = await opened(request);
    const rows = predictionRows(classifier, await images(request));
    const title = `Confusion matrix of ${classifier.name}, ${source(request)}`;
    return confusionMatrix(confusionCounts(rows), { title });
  },
  async "mistakes"(request) {
    const classifier = await opened(request);
    const rows = confidentMistakes(predictionRows(classifier, await images(request))).slice(0, 10);
    const title = `The most confident mistakes of ${classifier.name}, ${source(request)}`;
    return mistakes(rows, { title });
  },
  async "attack"(request) {
    const { network, outcome } = await attacked(request);
    const subtitle = `${described(network, request)}, learning rate ${request.values.lr}, ` +
      `${outcome.steps} steps`;
    return attackPictures(pictures(network, outcome), { subtitle });
  },
  async "trace"(request) {
    const { p, norm, attack } = request.values;
    if (attacks[attack]!.search) {
      throw new UsageError(`Cannot draw steps as many attacks are run: current value is ${attack}`);
    }
    const { network, outcome, trace } = await attacked(request);
    return attackTrace(trace, {
      p,
      label: outcome.prediction,
      epsilon: norm,
      title: `The attack, step by step: ${described(network, request)}`,
    });
  },
  async "line"(request) {
    const { network, outcome } = await attacked(request);
    const title = `From the image to the adversarial image: ${described(network, request)}`;
    return confidenceLine(lineRows(network, outcome), { title });
  },
  async "sweep"(request) {
    const { network, rows } = await swept(request);
    return sweep(rows, { title: `How much it takes: ${described(network, request)}` });
  },
  async "sweep-pictures"(request) {
    const { network, rows } = await swept(request);
    return sweepPictures(rows, { title: `What the attack makes: ${described(network, request)}` });
  },
  ...rowFigures,
};

function images({ values: { subset, dataset, limit }, signal }: Request, most?: number) {
  return load(subset, { ...loading(dataset, signal), to: limit ?? most });
}

function opened({ values: { network, dataset } }: Request): Promise<Network> {
  return loadNetwork(network, { dataset });
}

function source({ values: { dataset, subset } }: Request): string {
  return `${dataset}'s ${subset} images`;
}

function described(network: Network, { values }: Request): string {
  return `${network.name}, ${values.subset} image ${values.image}, ${values.attack}'s attack`
    .replace("school's attack", "the school's attack");
}

async function oneImage({ values, signal }: Request) {
  const { subset, dataset, image } = values;
  return (await load(subset, { ...loading(dataset, signal), from: image, to: image + 1 })).images;
}

/** Runs the attack asked for, and remembers how it went. */
async function attacked(
  request: Request,
): Promise<{ network: Network; outcome: Outcome; trace: TraceRow[] }> {
  const { values, signal } = request;
  const { attack, p, norm, lr: learningRate, image, steps, seed } = values;
  const network = await opened(request);
  const trace: TraceRow[] = [];
  const run = usable(() => runner(attacks[attack]!, { p, norm, learningRate }));
  const [outcome] = await run.run(network, await oneImage(request), {
    ids: [image],
    steps,
    seed,
    signal,
    onStep: ({ step, images: [point] }) => point && trace.push({ step, ...point }),
  });
  return { network, outcome: outcome!, trace };
}

/** Runs the attack for the report's norms, each at sixths of a norm that most digits give way to. */
async function swept(request: Request) {
  const { attack, lr: learningRate, image, steps, seed } = request.values;
  const network = await opened(request);
  const most: [p: number, norm: number][] = [[2, 3], [3, 1.5], [5, 0.9], [10, 0.6], [
    Infinity,
    0.3,
  ]];
  const norms = new Map(most.map(([p, norm]) => [
    p,
    [1, 2, 3, 4, 5, 6].map((i) => Number((norm * i / 6).toPrecision(3))),
  ]));
  const bar = progress(most.length * 6, "sweep");
  const rows = await sweepRows(network, await oneImage(request), {
    ...{ norms, attack, learningRate, steps, seed, ids: [image] },
    signal: request.signal,
    onProgress: (done) => bar.update(done),
  });
  await bar.end();
  return { network, rows };
}

const command: Command<typeof options> = {
  name: "figure",
  summary: "Makes one of the lab's figures.",
  arguments: "NAME --out FILE",
  options,
  examples: [
    ["figure attack --network CNN_d --out attack.svg", "the attack's three pictures"],
    ["figure history --network MLP --out history.png", "how a network was trained"],
    ["figure architecture --network CNN --out cnn.pdf", "vectors, for a paper"],
    ["figure robust-accuracy --rows norms.parquet --out robust.svg", "of a table by minnorm"],
  ],
  notes: [`Figures: ${Object.keys(figures).join(", ")}.`],
  async run(call) {
    const { values, positionals, say } = call;
    const [given, ...more] = positionals;
    if (given === undefined) throw new UsageError("Cannot make a figure as its name is missing");
    if (more.length > 0) {
      throw new UsageError(`Cannot make more than one figure: current value is ${positionals}`);
    }
    const name = known(given, Object.keys(figures), "the figure");
    const out = outputFile(values.out);
    checkImage(values);
    if (backend.warning && name !== "architecture") console.error(backend.warning);
    const drawn = await figures[name]!(call);
    await writeAtomic(out, await inFormat(drawn, out, values.scale));
    say(`${out}: ${drawn.label}`);
    return { figure: name, out, width: drawn.width, height: drawn.height, label: drawn.label };
  },
};

/** The figure in the format that the file's ending names. */
async function inFormat(drawn: Figure, out: string, scale: number): Promise<string | Uint8Array> {
  const format = extname(out).toLowerCase();
  if (format === ".pdf") return await toPdf(drawn);
  return format === ".png" ? toPng(drawn, scale) : drawn.svg;
}

function outputFile(out: string | undefined): string {
  if (out === undefined) throw new UsageError("Cannot write the figure as --out FILE is missing");
  if (![".svg", ".png", ".pdf"].includes(extname(out).toLowerCase())) {
    throw new UsageError(
      `Cannot write the figure as its file must end in .svg, .png or .pdf: current value is ${out}`,
    );
  }
  return out;
}

if (import.meta.main) Deno.exit(await runCommand(command, Deno.args));
