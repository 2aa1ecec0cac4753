/**
 * Votes of a network over noisy copies of an image, and what they decide.
 *
 * @module
 */
import { type Tensor1D, type Tensor4D, tf } from "../../backend.ts";
import { compile } from "../../compile.ts";
import type { Classifier } from "../../network.ts";
import { statelessNormal } from "../../random.ts";
import { lowerBound } from "./clopper_pearson.ts";

/** Draws that share a stream of random numbers, whatever is run together. */
export const BLOCK = 100;

/** How many blocks so many draws take. */
export const blocks = (draws: number): number => Math.ceil(draws / BLOCK);

/**
 * Counts the classes of noisy copies of an image `[1, 28, 28, 1]`: so many draws, from blocks that are
 * numbered from `stream` on, an int32.
 */
export type Counter = (image: Tensor4D, stream: number, draws: number) => number[];

/**
 * Makes a counter of a network's answers under normal noise.
 *
 * @param noise Its deviation `sigma` in pixel units, its `seed`, and the draws run together, a multiple
 *   of 100 on which no count depends.
 */
export function counterOf(
  network: Classifier,
  { sigma, seed, batch = 1000 }: { sigma: number; seed: number; batch?: number },
): Counter {
  const classesOf = compile((image: Tensor4D, streams: Tensor1D) => {
    const shape = image.shape.slice(1);
    const noise = tf.split<Tensor1D>(streams, streams.shape[0]).map((stream) =>
      statelessNormal([BLOCK, ...shape], tf.concat1d([tf.tensor1d([seed], "int32"), stream]))
    );
    const noisy = image.add<Tensor4D>(tf.concat(noise).mul(sigma));
    return network.logits(noisy).argMax<Tensor1D>(1);
  }, { name: "votes of noisy copies" });
  return (image, stream, draws) => {
    const votes = new Array<number>(network.classes).fill(0);
    for (let done = 0; done < draws; done += batch) {
      const count = Math.min(batch, draws - done);
      const from = stream + done / BLOCK;
      const classes = tf.tidy(() => {
        const streams = Array.from({ length: blocks(count) }, (_, block) => from + block);
        return classesOf(image, tf.tensor1d(streams, "int32")).dataSync();
      });
      // Blocks are drawn whole: the last draws of the last one may be none of those asked for.
      for (const found of classes.slice(0, count)) votes[found]!++;
    }
    return votes;
  };
}

/**
 * What the smoothed classifier answers by a vote: the class with most votes, or null, which is to
 * abstain, where the second one might have as many in truth.
 *
 * Where it answers, another class is the most probable one with a probability of `level` at most.
 *
 * @param counts Votes of each class, at least one in all.
 * @param level Of the two-sided binomial test between the first two classes, in (0, 1).
 * @see Cohen, Rosenfeld and Kolter, "Certified adversarial robustness via randomized smoothing" (2019),
 *   PREDICT, https://arxiv.org/abs/1902.02918
 */
export function decision(counts: readonly number[], level: number): number | null {
  const [first, second] = [...counts.keys()].sort((a, b) => counts[b]! - counts[a]!);
  const [most, next] = [counts[first!]!, counts[second!] ?? 0];
  // The bound lies at one half or above just where the test's probability is the level or below.
  return lowerBound(most, most + next, level / 2) >= 0.5 ? first! : null;
}
