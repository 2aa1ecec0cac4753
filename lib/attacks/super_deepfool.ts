/**
 * SuperDeepFool: DeepFool, and from where it arrives to the nearest point of the boundary there.
 *
 * @module
 */
import { type Tensor4D, tf } from "../backend.ts";
import type { Attack } from "./attack.ts";
import { crossed, enough, nearestBoundary } from "./boundary.ts";
import { lowered } from "./hyperplane.ts";
import { each } from "./losses.ts";

/** Settings of {@linkcode superDeepfool}. */
export interface SuperDeepfoolOptions {
  /** The norm; there is no other. @default 2 */
  p?: number;
  /** How many other classes to look at in each step, as for DeepFool. @default 3 */
  rivals?: number;
}

type SuperDeepfoolState = { readonly point: Tensor4D };

/** By how much a step goes too far, the paper's; and what share of the way back to the boundary. */
const overshoot = 0.02;
const share = 0.5;

/**
 * Goes to the boundary as DeepFool does; from beyond it, back to the point nearest to the image of
 * the plane that runs through there along the boundary; and so on. It begins at the best point known.
 *
 * Departures from the paper: all steps give the nearest point within the box (first 200 test images,
 * an MLP: mean 0.732, and 0.740 with clipped ones). The plane runs half way between the point and
 * the boundary, in place of a last search towards the image (0.751 without either). Three rivals,
 * not nine, which is as good.
 *
 * @throws {RangeError} If `p` is not 2.
 * @see Abdolahpourrostam, Abroshan and Moosavi-Dezfooli, "Revisiting DeepFool: generalization and
 *   improvement" (2023), https://arxiv.org/abs/2303.12481
 */
export function superDeepfool(
  { p = 2, rivals = 3 }: SuperDeepfoolOptions = {},
): Attack<SuperDeepfoolState> {
  if (p !== 2) {
    throw new RangeError(`Cannot attack as SuperDeepFool needs p = 2: current value is ${p}`);
  }
  return {
    name: "super-deepfool",
    graph: `super-deepfool, rivals ${rivals}`,
    p,
    stopsWhenFound: false,
    start: (_, { point }) => ({ point }),
    step({ point }, problem, oracle) {
      const { images } = problem;
      const { gradient, margin, logits } = nearestBoundary(point, problem, oracle, rivals, p);
      const lack: Tensor4D = margin.add(each(enough(logits)));
      const along = gradient.mul(images.sub(point)).sum([1, 2, 3], true);
      const onwards = lowered(point, gradient, lack.mul(1 + overshoot), p);
      const back = lowered(images, gradient, along.add(lack.mul(share)), p);
      return { point: tf.where(crossed(logits, problem), back, onwards) };
    },
  };
}
