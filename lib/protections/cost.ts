/**
 * What a step of training costs.
 *
 * @module
 */
import type { Architecture } from "../architectures.ts";
import type { Digits } from "../loader.ts";
import { createNetwork } from "../network.ts";
import { median } from "../statistics.ts";
import { TrainingRun } from "../trainer.ts";
import { assertProtections, type TrainingProtection } from "./lesson.ts";

/** Settings of {@linkcode stepSeconds}. */
export interface StepOptions {
  /** @default none */
  protections?: readonly TrainingProtection[];
  /** Steps that are timed, after a first one that is not: it makes the graph. @default 5 */
  steps?: number;
}

/**
 * Measures the time of one step of training, in seconds: the median of some.
 *
 * @param digits At least a batch of them; all steps learn from the first batch.
 * @throws {RangeError} If `steps` is not a whole number >= 1, or there is less than a batch; and as
 *   `assertProtections`.
 */
export function stepSeconds(
  architecture: Architecture,
  digits: Digits,
  { protections = [], steps = 5 }: StepOptions = {},
): number {
  if (!(Number.isInteger(steps) && steps >= 1)) {
    throw new RangeError(
      `Cannot time steps as there must be a whole number of them: current value is ${steps}`,
    );
  }
  const { batchSize } = architecture;
  if (digits.labels.size < batchSize) {
    throw new RangeError(
      `Cannot time steps as a batch needs ${batchSize} images: current value is ${digits.labels.size}`,
    );
  }
  assertProtections(protections, architecture);
  const network = createNetwork(architecture);
  const run = new TrainingRun(network, digits, { seed: 0, epochs: 1, protections });
  const rows = Int32Array.from({ length: batchSize }, (_, i) => i);
  try {
    run.advance(rows, 1);
    return median(Array.from({ length: steps }, () => {
      const start = performance.now();
      run.advance(rows, 1);
      return (performance.now() - start) / 1000;
    }));
  } finally {
    run.dispose();
    network.dispose();
  }
}
