/**
 * What an attack refuses before it begins.
 *
 * @module
 */
import type { Tensor4D } from "../backend.ts";
import type { Classifier } from "../network.ts";
import { assertOptions, type Names } from "../options.ts";
import { assertSeed } from "../random.ts";
import { inBox } from "./box.ts";
import type { RunOptions } from "./driver.ts";

const names: Names<RunOptions> = {
  ...{ steps: true, maxPasses: true, seed: true, ids: true, labels: true, target: true },
  ...{ aims: true, beginnings: true, epsilons: true, batchSize: true, signal: true, onStep: true },
};

/** @throws {TypeError} If there is no option of a name. */
export const checkNames = (options: RunOptions): void => assertOptions(options, names, "attack");

/**
 * Checks images and options, before any are attacked.
 *
 * @throws {RangeError} If there are no images, pixels are outside [0, 1], or an option is out of
 *   range.
 */
export function checkInput(
  images: Tensor4D,
  { classes }: Classifier,
  { ids, labels, targets, beginnings, epsilons, steps, maxPasses, batchSize, seed }:
    & RunOptions
    & Required<Pick<RunOptions, "ids" | "steps" | "maxPasses" | "batchSize" | "seed">>
    & { targets: readonly number[] | undefined },
): void {
  const fail = (rule: string, value: unknown) =>
    new RangeError(`Cannot attack as ${rule}: current value is ${value}`);
  const count = images.shape[0];
  if (images.rank !== 4) throw fail("images must have rank 4", images.rank);
  if (count === 0) throw fail("there must be images", count);
  if (ids.length !== count) throw fail("each image needs one of the ids", ids.length);
  const odd = ids.find((id) => !Number.isInteger(id));
  if (odd !== undefined) throw fail("ids must be whole numbers", odd);
  if (labels && labels.length !== count) throw fail("each image needs a label", labels.length);
  if (!(Number.isInteger(steps) && steps >= 1)) throw fail("steps must be at least 1", steps);
  if (!((Number.isInteger(maxPasses) || maxPasses === Infinity) && maxPasses >= 2)) {
    throw fail("maxPasses must be at least 2", maxPasses);
  }
  assertSeed(seed, "attack");
  if (!(Number.isInteger(batchSize) && batchSize >= 1)) {
    throw fail("batchSize must be at least 1", batchSize);
  }
  const known = (of: number) => Number.isInteger(of) && of >= 0 && of < classes;
  if (targets && targets.length !== count) {
    throw fail("each image needs a target", targets.length);
  }
  const [target, label] = [targets, labels].map((all) => all?.find((one) => !known(one)));
  if (target !== undefined) throw fail(`target must be a class from 0 to ${classes - 1}`, target);
  if (label !== undefined) throw fail(`labels must be from 0 to ${classes - 1}`, label);
  if (epsilons && epsilons.length !== count) {
    throw fail("each image needs an epsilon", epsilons.length);
  }
  const epsilon = epsilons?.find((one) => !(one >= 0 && one < Infinity));
  if (epsilon !== undefined) throw fail("epsilons must be finite and >= 0", epsilon);
  if (!inBox(images)) throw fail("pixels must be in [0, 1]", "outside");
  if (!beginnings) return;
  if (String(beginnings.shape) !== String(images.shape)) {
    throw fail(`beginnings must have the images' shape [${images.shape}]`, beginnings.shape);
  }
  if (!inBox(beginnings)) throw fail("beginnings must be in [0, 1]", "outside");
}
