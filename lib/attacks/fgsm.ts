/**
 * FGSM: one step of the length of the whole budget along the gradient's signs.
 *
 * @module
 */
import { type Tensor4D, tf } from "../backend.ts";
import type { Attack } from "./attack.ts";
import { assertEpsilon, budget } from "./budget.ts";
import { logOdds } from "./losses.ts";

/** Settings of {@linkcode fgsm}. */
export interface FgsmOptions {
  /** The norm; there is no other. @default Infinity */
  p?: number;
  /** Each pixel moves by that much. @default 0.1 */
  epsilon?: number;
}

type FgsmState = { readonly point: Tensor4D; readonly epsilon: Tensor4D };

/**
 * Moves each pixel by epsilon along the sign of the gradient at the clean image. One step is all:
 * where more are made, each repeats it.
 *
 * Departure from the paper: the gradient is that of the log-odds, which has the cross-entropy's
 * direction and does not vanish where that saturates.
 *
 * @throws {RangeError} If a setting is out of range.
 * @see Goodfellow, Shlens and Szegedy, "Explaining and harnessing adversarial examples" (2015),
 *   https://arxiv.org/abs/1412.6572
 */
export function fgsm({ p = Infinity, epsilon = 0.1 }: FgsmOptions = {}): Attack<FgsmState> {
  if (p !== Infinity) {
    throw new RangeError(`Cannot attack as FGSM needs p = inf: current value is ${p}`);
  }
  assertEpsilon(epsilon, "FGSM");
  return {
    name: "fgsm",
    graph: "fgsm",
    p,
    stopsWhenFound: true,
    start: (problem, beginning) => ({
      point: problem.images,
      epsilon: budget(problem, beginning, epsilon, p),
    }),
    step({ epsilon }, problem, oracle) {
      const { images } = problem;
      const { gradient } = oracle.gradient(images, (logits) => logOdds(logits, problem));
      const r: Tensor4D = gradient.sign().mul(epsilon);
      return { point: tf.clipByValue(images.sub(r), 0, 1), epsilon };
    },
  };
}
