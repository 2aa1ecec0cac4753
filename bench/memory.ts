/**
 * Memory of long work: how much the process holds, and whether it grows.
 *
 * @module
 */
import { type Tensor4D, tf } from "$lib/backend.ts";
import { adamStep, nextPowers, startMoments, startPowers } from "$lib/adam.ts";
import { architectures } from "$lib/architectures.ts";
import { compileLoop } from "$lib/compile.ts";
import { load } from "$lib/loader.ts";
import { crossEntropy } from "$lib/loss.ts";
import { createNetwork } from "$lib/network.ts";
import { TrainingRun } from "$lib/trainer.ts";

/** What a work held, in MiB of resident memory. */
export interface MemoryRow {
  work: string;
  /** The most at any time, the process itself and the digits included. */
  peak: number;
  /** How much more was held at the end than after the first quarter. */
  growth: number;
}

const resident = () => Deno.memoryUsage().rss / 2 ** 20;

function watch(work: string, steps: number, step: () => void): MemoryRow {
  let [peak, quarter] = [0, 0];
  for (let i = 0; i < steps; i++) {
    step();
    const now = resident();
    peak = Math.max(peak, now);
    // The largest seen so far: what the allocator keeps for the next step is no growth.
    if (i === Math.floor(steps / 4)) quarter = peak;
  }
  return { work, peak, growth: peak - quarter };
}

/** Training steps of the CNN, then steps of an attack on 10,000 images at once. */
export async function* memoryRows(): AsyncGenerator<MemoryRow> {
  const digits = await load("train", { to: 50_000 });
  const network = createNetwork(architectures["CNN"]!);
  const training = new TrainingRun(network, digits, { seed: 0, epochs: 1 });
  let number = 0;
  const rows = Int32Array.from({ length: 32 }, (_, i) => i);
  yield watch("training step, batch 32: CNN, 3,000 steps", 3000, () => {
    training.advance(rows, ++number);
  });
  training.dispose();

  const images = tf.slice(digits.images, 0, 10_000) as Tensor4D;
  const labels = tf.slice(digits.labels, 0, 10_000);
  const attack = compileLoop(
    (state: { x: Tensor4D; moments: ReturnType<typeof startMoments<Tensor4D>> }) => {
      const loss = (x: Tensor4D) => crossEntropy(network.logits(x), labels).sum().neg();
      const gradient = tf.grad((x) => loss(x as Tensor4D))(state.x) as Tensor4D;
      const powers = nextPowers(startPowers());
      const next = adamStep(state.x, state.moments, gradient, powers, { learningRate: 0.01 });
      return [next, gradient.abs().max()] as const;
    },
    { x: images, moments: startMoments(images) },
    { name: "the attack step" },
  );
  yield watch("attack step, 10,000 images: CNN, 20 steps", 20, () => attack.step().dispose());
  attack.dispose();
}
