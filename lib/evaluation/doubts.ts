/**
 * Doubts of an evaluation: what is measured, from where on it raises one, and what to do about it.
 *
 * @module
 */

/** One thing that was looked into. */
export interface Doubt {
  doubt: DoubtName;
  /** Whether there is reason to doubt the evaluation. */
  raised: boolean;
  /** What was measured; the message says of what. */
  value: number;
  message: string;
  /** What to do if it is raised. */
  remedy: string;
}

/** What `checkAttackable` looks into, in this order. */
export type DoubtName = keyof typeof doubts;

/** For each doubt the largest value that raises none, what was measured, and what to do about it. */
const doubts = {
  "pixels-outside": {
    limit: 0,
    what: "share of images with pixels outside [0, 1]",
    remedy: "divide the pixels by 255, and do not standardise them: the network should",
  },
  "logits-not-finite": {
    limit: 0,
    what: "share of images with logits that are NaN or infinite",
    remedy: "look for divergence in training, and for logarithms of 0",
  },
  "logits-constant": {
    limit: 0,
    what: "whether all images get the same logits (1) or not (0)",
    remedy: "check that the weights were loaded, and that the input reaches the output",
  },
  "outputs-differ": {
    limit: 1e-5,
    what: "largest difference of logits between two calls, as a share of the largest logit",
    remedy: "switch dropout and noise off, or attack the mean of many calls",
  },
  "batch-dependent": {
    limit: 0,
    what: "share of images whose class changes with the images beside it",
    remedy: "use running statistics in batch normalisation, not those of the batch",
  },
  "softmax-outputs": {
    limit: 0.5,
    what: "share of images whose outputs are in [0, 1] and add up to 1, as a softmax's do",
    remedy: "take the softmax off: attacks need the logits before it",
  },
  "vanished-gradients": {
    limit: 0.1,
    what: "share of images where the gradient of the attack's loss vanishes",
    remedy: "descend on a margin of logits, and take out what has no gradient (rounding, softmax)",
  },
  "vanished-cross-entropy": {
    limit: 0.1,
    what: "share of images where the gradient of the cross-entropy vanishes",
    remedy: "do not descend on it; on a margin of logits, where that does not vanish as well",
  },
  "success-falls": {
    limit: 0.02,
    what: "largest fall of the attack's success as epsilon grows",
    remedy: "choose the step size in proportion to epsilon, and restart from other points",
  },
  "half-leaves-classes": {
    limit: 1,
    what:
      "classes that the attack leaves right at an epsilon of 0.5, where grey is in reach of all",
    remedy: "the attack does not work on this network: look at its gradients",
  },
  "more-steps-gain": {
    limit: 0.1,
    what: "share of images that fall to ten times the steps alone",
    remedy: "make more steps, or longer ones",
  },
  "black-box-wins": {
    limit: 0.02,
    what: "share of images that fall to random search but not to the attack",
    remedy: "the gradients mislead: attack without them, or through a smooth stand-in",
  },
  "transfer-wins": {
    limit: 0.02,
    what: "share of images that fall to the points transferred but not to the attack",
    remedy: "the gradients mislead: attack by those of another network",
  },
} as const;

/** What was measured, and whether it raises a doubt. */
export function judge(doubt: DoubtName, value: number): Doubt {
  const { limit, what, remedy } = doubts[doubt];
  const message = `${what}: ${Number(value.toPrecision(3))}`;
  return { doubt, raised: !(value <= limit), value, message, remedy };
}
