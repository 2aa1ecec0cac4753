/**
 * The smallest norms that the portfolio finds, their time, and the peers' beside them.
 *
 * @module
 */
import { extname } from "node:path";
import { architectures } from "$lib/architectures.ts";
import { backend } from "$lib/backend.ts";
import { UsageError } from "$lib/cli/command.ts";
import { known } from "$lib/cli/options.ts";
import { dataFolder, type Digits, test } from "$lib/loader.ts";
import { type MinNorm, minNorm } from "$lib/minnorm.ts";
import { modelFile, modelsFolder } from "$lib/models.ts";
import { loadNetwork, type Network } from "$lib/network.ts";
import { formatP } from "$lib/numbers.ts";
import { anytimePeers } from "$lib/plots/anytime_peers.ts";
import { toPng } from "$lib/plots/figure.ts";
import { mean, median } from "$lib/statistics.ts";
import type { BenchCall } from "./bench.ts";
import { passesAt } from "./min_norm_options.ts";
import { line, type MinNormRow, type Ours, rowOf, verdicts } from "./min_norm_rows.ts";
import { bestIn, type BestNorms, type Moment, type PeerRun } from "./norm_comparison.ts";
import { type Peer, startMinNorms } from "./peer.ts";

/** Passes of the warm-up: enough that each attack takes some steps, in batches of the full size. */
const warmUpPasses = 600;
/** Moments are at least so far apart, in seconds: they take time themselves. */
const apart = 0.02;

/** `deno task bench --minnorm`. */
export async function benchMinNorms(call: BenchCall): Promise<{ rows: MinNormRow[] }> {
  const { values: { images, weights }, signal, say } = call;
  const names = networksOf(call.values);
  const best = call.values.best === undefined ? {} : await readBest(call.values.best);
  if (call.values.figure !== undefined) kindOf(call.values.figure);
  const digits = await test(images, { signal });
  const rows: MinNormRow[] = [];
  say(`TensorFlow ${backend.version}, ${backend.threads} threads, oneDNN ${backend.oneDNN}`);
  for (const name of names) {
    const path = weights ?? `${modelsFolder}${modelFile(name)}`;
    const network = await loadNetwork(path, { architecture: architectures[name]! });
    await using peer = call.values.peers
      ? await startMinNorms({
        ...{ weights: path, images, digits: `${dataFolder()}/MNIST` },
        ...{ threads: backend.threads, say, signal },
      })
      : undefined;
    if (peer) say(`${peer.version}, ${backend.threads} threads`);
    const own = await benchNetwork(call, { network, digits, peer, best });
    rows.push(...own);
    network.dispose();
    await drawAll(call, name, names.length > 1, own);
  }
  return { rows };
}

/** The networks to attack, checked. */
function networksOf({ network, weights, peers }: BenchCall["values"]): string[] {
  if (network === undefined && weights !== undefined) {
    throw new UsageError("Cannot use --weights as it needs --network: current value is none");
  }
  const names = Object.keys(architectures);
  const chosen = network === undefined ? ["MLP", "CNN"] : [known(network, names, "--network")];
  const plain = ["MLP", "MLP_d", "CNN", "CNN_d"];
  if (peers) { for (const name of chosen) known(name, plain, "--network with --peers"); }
  return chosen;
}

const readBest = async (path: string): Promise<BestNorms> =>
  JSON.parse(await Deno.readTextFile(path));

/** What is attacked, and with what it is compared. */
interface Sides {
  network: Network;
  digits: Digits;
  peer: Peer | undefined;
  best: BestNorms;
}

async function benchNetwork(call: BenchCall, sides: Sides): Promise<MinNormRow[]> {
  const { values, say } = call;
  const { network, digits, peer, best } = sides;
  const list: Record<string, string[]> = peer ? JSON.parse(await peer.ask("list")) : {};
  const rows: MinNormRow[] = [];
  for (const [place, p] of values.norms.entries()) {
    const maxPasses = passesAt(values, place);
    const label = `${network.name} L${formatP(p)}`;
    await minNorm(network, digits, {
      ...{ p, maxPasses: Math.min(warmUpPasses, maxPasses), signal: call.signal },
    });
    await pause();
    const ours = await runOurs(network, digits, { p, maxPasses }, call);
    say(`${label}  ${line({ name: "ours", ...ours })}, ${Math.round(ours.passes)} passes an image`);
    const peers: PeerRun[] = [];
    for (const name of list[formatP(p)] ?? []) {
      call.signal.throwIfAborted();
      await pause();
      peers.push(await runPeer(peer!, formatP(p), name));
      say(`${label}  ${line(peers.at(-1)!)}`);
    }
    const row = rowOf(network.name, p, ours, peers, bestIn(best, network.name, formatP(p)));
    for (const verdict of verdicts(row)) say(`${label}  ${verdict}`);
    rows.push(row);
  }
  return rows;
}

/** The other side's threads may still spin for a while. */
const pause = () => new Promise((resolve) => setTimeout(resolve, 500));

async function runOurs(
  network: Network,
  digits: Digits,
  { p, maxPasses }: { p: number; maxPasses: number },
  { values: { images }, signal }: BenchCall,
): Promise<Ours> {
  const moments: Moment[] = [];
  const start = performance.now();
  const now = () => (performance.now() - start) / 1000;
  const momentOf = (norms: number[], passes: number): Moment => {
    const all = [...norms, ...new Array<number>(images - norms.length).fill(Infinity)];
    return { seconds: now(), passes: passes / images, mean: mean(all), median: median(all) };
  };
  const results = await minNorm(network, digits, {
    ...{ p, maxPasses, signal },
    onProgress({ norms, passes }) {
      if (now() < (moments.at(-1)?.seconds ?? 0) + apart) return;
      moments.push(momentOf(norms(), passes()));
    },
  });
  const norms = results.map(({ found, norm }) => found ? norm : Infinity);
  moments.push(momentOf(norms, passesOf(results)));
  const { seconds, passes } = moments.at(-1)!;
  return { norms, seconds, passes, moments };
}

const passesOf = (results: readonly MinNorm[]): number =>
  results.reduce((sum, { forwards, backwards }) => sum + forwards + backwards, 0);

async function runPeer(peer: Peer, p: string, name: string): Promise<PeerRun> {
  const answer: { seconds: number; norms: (number | null)[] } = JSON.parse(
    await peer.ask(`${p} ${name}`),
  );
  return { name, seconds: answer.seconds, norms: answer.norms.map((norm) => norm ?? Infinity) };
}

/** `.svg` or `.png`. */
function kindOf(path: string): string {
  const kind = extname(path).toLowerCase();
  if (kind === ".svg" || kind === ".png") return kind;
  throw new UsageError(
    `Cannot draw as --figure must end in .svg or .png: current value is ${path}`,
  );
}

/** Writes both figures of a network: against seconds, with the peers, and against passes. */
async function drawAll(
  { values: { figure: path, images }, say }: BenchCall,
  network: string,
  isOneOfMany: boolean,
  rows: readonly MinNormRow[],
): Promise<void> {
  if (path === undefined) return;
  const kind = kindOf(path);
  const stem = path.slice(0, -kind.length) + (isOneOfMany ? `-${network}` : "");
  const curves = rows.map(({ p, moments, peers }) => ({
    p: p === "inf" ? Infinity : Number(p),
    moments,
    peers: peers.map(({ name, seconds, norms }) => ({
      ...{ name, seconds, mean: mean(norms), median: median(norms) },
    })),
  }));
  for (const against of ["seconds", "passes"] as const) {
    const drawn = anytimePeers(curves, { network, images, against });
    const file = `${stem}${against === "passes" ? "-passes" : ""}${kind}`;
    await Deno.writeFile(
      file,
      kind === ".png" ? toPng(drawn) : new TextEncoder().encode(drawn.svg),
    );
    say(`${file}: ${drawn.label}`);
  }
}
