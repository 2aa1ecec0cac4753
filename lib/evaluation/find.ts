/**
 * What looks for the smallest norms of images.
 *
 * @module
 */
import type { Digits } from "../loader.ts";
import type { MinNorm, MinNormOptions } from "../minnorm.ts";
import type { Classifier } from "../network.ts";

/** A search for the smallest norms, such as `minNorm`: one result for each image, in their order. */
export type Find = (
  network: Classifier,
  digits: Digits,
  options: MinNormOptions,
) => Promise<MinNorm[]>;
