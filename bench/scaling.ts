/**
 * Whether cost grows in proportion to images, and memory does not.
 *
 * @module
 */
import { architectures } from "$lib/architectures.ts";
import { test } from "$lib/loader.ts";
import { minNorm } from "$lib/minnorm.ts";
import { loadNetwork } from "$lib/network.ts";
import { formatP } from "$lib/numbers.ts";
import { UsageError } from "$lib/cli/command.ts";
import { known } from "$lib/cli/options.ts";
import type { BenchCall } from "./bench.ts";
import { passesAt } from "./min_norm_options.ts";

/** What some images took. */
interface ScalingRow {
  work: string;
  p: string;
  images: number;
  /** Milliseconds in all, as in all benchmarks. */
  ours: number;
  secondsPerImage: number;
  /** Resident memory at most, and how much more that is than before, in MiB. */
  peak: number;
  growth: number;
}

const counts = [100, 1000, 10_000];

const resident = () => Deno.memoryUsage().rss / 2 ** 20;

/** `deno task bench --minnorm --scaling`: of the MLP, if no network is named. */
export async function benchScaling(call: BenchCall): Promise<{ rows: ScalingRow[] }> {
  const { values, say, signal } = call;
  const name = known(values.network ?? "MLP", Object.keys(architectures), "--network");
  if (values.peers || values.figure !== undefined || values.best !== undefined) {
    throw new UsageError("Cannot use --scaling as it takes neither --peers, --figure nor --best");
  }
  const network = await loadNetwork(values.weights ?? name, { architecture: architectures[name]! });
  const rows: ScalingRow[] = [];
  for (const [place, p] of values.norms.entries()) {
    const maxPasses = passesAt(values, place);
    const run = async (count: number, onStep?: () => void) => {
      const digits = await test(count, { signal });
      const start = performance.now();
      await minNorm(network, digits, {
        ...{ p, maxPasses, signal },
        ...(onStep && { onProgress: onStep }),
      });
      digits.images.dispose();
      digits.labels.dispose();
      return performance.now() - start;
    };
    for (const images of counts.slice(0, 2)) await run(images); // tracing, of batches of both sizes
    for (const images of counts) {
      const before = resident();
      let peak = before;
      const ours = await run(images, () => peak = Math.max(peak, resident()));
      const row = {
        work: `smallest L${formatP(p)} norms, ${images} images: ${network.name}`,
        ...{ p: formatP(p), images, ours, secondsPerImage: ours / 1000 / images },
        ...{ peak, growth: peak - before },
      };
      say(
        `${row.work.padEnd(45)} ${(ours / 1000).toFixed(2)} s, ` +
          `${(ours / images).toFixed(3)} ms an image, peak ${peak.toFixed(0)} MiB ` +
          `(${row.growth.toFixed(0)} more than before)`,
      );
      rows.push(row);
    }
  }
  network.dispose();
  return { rows };
}
