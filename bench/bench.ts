/**
 * `deno task bench`: times the project, and with `--peers` PyTorch beside it.
 *
 * @module
 */
import type { Comparison, Side } from "./alternate.ts";
import type { MemoryRow } from "./memory.ts";
import type { TracingRow } from "./tracing.ts";
import type { Work } from "./works.ts";
import { type Call, type Command, runCommand } from "$lib/cli/command.ts";
import { flag, number, text } from "$lib/cli/options.ts";
import { normsOption, passesOption } from "./min_norm_options.ts";

const count = { min: 1, integer: true };

const options = {
  peers: flag("time PyTorch on the same works, turn by turn (installs it first: some gigabytes)"),
  only: text("WORDS", "only works whose name holds these words"),
  epoch: flag("time whole epochs of CNN_d beside PyTorch's instead"),
  memory: flag("measure memory instead of time"),
  tracing: flag("measure what a compiled function's first call costs instead"),
  rounds: number("n", "rounds of each side", { min: 3, integer: true }, 15),
  minnorm: flag("look for smallest norms instead, with --peers beside adversarial-library"),
  scaling: flag("with --minnorm: time and memory of 100, 1,000 and 10,000 images"),
  network: text("NAME", "with --minnorm: the network (default: MLP and CNN)"),
  weights: text("FILE", "with --minnorm: weights in place of those in models/"),
  norms: normsOption,
  images: number("n", "with --minnorm: the first n test images", { ...count, max: 10_000 }, 200),
  "max-passes": passesOption,
  best: text("FILE", "with --minnorm: JSON of norms to compare with, image by image"),
  figure: text("FILE", "with --minnorm: draw the norms against time, as .svg or .png"),
};

/** What the parts of the command are called with. */
export type BenchCall = Call<typeof options>;

/** A row of the table; times in milliseconds of one run, null where there is no peer. */
interface Row {
  work: string;
  ours: number;
  peer: number | null;
  /** Median of the rounds' ratios peer / ours: how many times faster we are. */
  ratio: number | null;
  ratioQuartiles: [number, number] | null;
  /** What our side reached. */
  gflops: number;
}

const benchCommand: Command<typeof options> = {
  name: "bench",
  summary: "Times training steps, input gradients and inference.",
  arguments: "",
  options,
  examples: [
    ["bench", "the project's side, and eager tfjs-node"],
    ["bench --peers", "PyTorch on the same works, in alternating rounds"],
    ["bench --memory", "how much a training and an attack hold"],
    ["bench --peers --only CNN --json", "one JSON object for machines"],
    [
      "bench --minnorm --peers --network CNN --figure out/cnn.svg",
      "smallest norms beside the peers'",
    ],
  ],
  notes: ["Nothing else should run meanwhile. What the figures mean: bench/README.md."],
  run,
};

async function run(call: BenchCall): Promise<Record<string, unknown>> {
  if (call.values.minnorm) {
    return call.values.scaling
      ? await (await import("./scaling.ts")).benchScaling(call)
      : await (await import("./min_norms.ts")).benchMinNorms(call);
  }
  if (call.values.memory) return await measureMemory(call);
  if (call.values.epoch) return await measureEpoch(call);
  return call.values.tracing ? await measureTracing(call) : await measureTime(call);
}

/** Whole epochs of CNN_d with their evaluation, turn by turn with PyTorch's. */
async function measureEpoch({ say, signal }: BenchCall) {
  const { quantile } = await import("./alternate.ts");
  const { architectures } = await import("$lib/architectures.ts");
  const { createNetwork } = await import("$lib/network.ts");
  const { test, train } = await import("$lib/loader.ts");
  const { fit } = await import("$lib/trainer.ts");
  await using torch = await openTorch(say, signal);
  const network = createNetwork(architectures["CNN_d"]!);
  const epochs = fit(network, await train(), { epochs: 3, testDigits: await test(), signal });
  const times: [ours: number, peer: number][] = [];
  for await (const { seconds } of epochs) {
    times.push([1000 * seconds, await torch.side("epoch CNN_d")(1)]);
  }
  const median = (side: 0 | 1) => quantile(times.map((pair) => pair[side]), 0.5);
  const row = {
    ours: median(0),
    peer: median(1),
    ratio: quantile(times.map(([a, b]) => b / a), 0.5),
  };
  const work = "epoch with evaluation of 60,000 images: CNN_d";
  const minutes = (time: number) => `30 epochs ${(30 * time / 60_000).toFixed(1)} min`;
  say(
    `${work}  ${(row.ours / 1000).toFixed(1)} s (${minutes(row.ours)})  ` +
      `peer ${(row.peer / 1000).toFixed(1)} s (${minutes(row.peer)})  ratio ${
        row.ratio.toFixed(2)
      }`,
  );
  return { rows: [{ work, ...row }] };
}

async function openTorch(say: (line: string) => void, signal: AbortSignal) {
  const { backend } = await import("$lib/backend.ts");
  const { dataFolder } = await import("$lib/loader.ts");
  const { startTorch } = await import("./peer.ts");
  const digits = `${dataFolder()}/MNIST`;
  return await startTorch({ digits, threads: backend.threads, say, signal });
}

async function measureTracing({ say, signal }: BenchCall) {
  const { tracingRows } = await import("./tracing.ts");
  const rows: TracingRow[] = [];
  for (const row of tracingRows()) {
    signal.throwIfAborted();
    const [eager, first, second, extra] = [row.eager, row.first, row.second, row.extra]
      .map((time) => time.toFixed(0));
    say(
      `${row.work.padEnd(40)} eager ${eager} ms, first call ${first} ms, second ${second} ms: ` +
        `extra ${extra} ms`,
    );
    rows.push(row);
  }
  return { rows };
}

async function measureMemory({ say, signal }: BenchCall) {
  const { memoryRows } = await import("./memory.ts");
  const rows: MemoryRow[] = [];
  for await (const row of memoryRows()) {
    signal.throwIfAborted();
    const { work, peak, growth } = row;
    say(`${work.padEnd(58)} peak ${peak.toFixed(0)} MiB, growth ${growth.toFixed(0)} MiB`);
    rows.push(row);
  }
  return { rows };
}

async function measureTime({ values, say, signal }: BenchCall) {
  const { alternate, timed } = await import("./alternate.ts");
  const { eagerWorks, peak, works } = await import("./works.ts");
  const { backend } = await import("$lib/backend.ts");
  const { startTfjs } = await import("./peer.ts");
  if (backend.warning) console.error(`Warning: ${backend.warning}`);
  const { rounds } = values;
  await using torch = values.peers ? await openTorch(say, signal) : undefined;
  say(
    `TensorFlow ${backend.version}, ${backend.threads} threads, oneDNN ${backend.oneDNN}` +
      (torch ? `; PyTorch ${torch.version}` : ""),
  );
  await using tfjs = await startTfjs(signal);
  const wanted = ({ name }: Work) => name.includes(values.only ?? "");
  const rows: Row[] = [];
  for (const work of [peak, ...works, ...eagerWorks].filter(wanted)) {
    signal.throwIfAborted();
    const ours = timed(await work.prepare());
    const theirs = work.beside
      ? timed(await work.beside.prepare())
      : (eagerWorks.includes(work) ? tfjs : torch)?.side(work.peer);
    const row = theirs
      ? { work: work.name, ...await alternate(ours, theirs, { rounds }) }
      : await alone(work, ours, rounds);
    rows.push({ ...row, gflops: work.flop / row.ours / 1e6 });
    say(line(rows.at(-1)!));
  }
  return { rows };
}

async function alone({ name }: Work, ours: Side, rounds: number) {
  const { quantile, repeatsFor } = await import("./alternate.ts");
  const repeats = await repeatsFor(ours, 150);
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) times.push(await ours(repeats));
  return { work: name, ours: quantile(times, 0.5), peer: null, ratio: null, ratioQuartiles: null };
}

function line({ work, ours, peer, ratio, ratioQuartiles, gflops }: Row | Row & Comparison): string {
  const ms = (time: number) => `${time.toPrecision(3)} ms`.padStart(9);
  const mine = `${work.padEnd(58)} ${ms(ours)} ${gflops.toFixed(0).padStart(4)} GFLOP/s`;
  if (peer === null || ratio === null || ratioQuartiles === null) return mine;
  const [low, high] = ratioQuartiles.map((one) => one.toFixed(2));
  return `${mine}  peer ${ms(peer)}  ratio ${ratio.toFixed(2)} (${low} to ${high})`;
}

if (import.meta.main) Deno.exit(await runCommand(benchCommand, Deno.args));
