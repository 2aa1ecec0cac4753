/**
 * Attacks through a detector: a classifier that abstains is not deceived.
 *
 * @module
 */
import { type Outcome, runAttack } from "../attacks/driver.ts";
import { abstention } from "../attacks/judge.ts";
import { look } from "../attacks/look.ts";
import { tf } from "../backend.ts";
import type { MinNorm } from "../minnorm.ts";
import type { Classifier } from "../network.ts";
import { pick } from "../rows.ts";
import { median } from "../statistics.ts";
import type { Find } from "./find.ts";

/** How many wrong digits an image is led to. */
const promising = 3;

/** Whether a classifier has the class behind the digits by which it abstains. */
export const abstains = ({ classes }: Pick<Classifier, "classes">): boolean => classes > abstention;

/**
 * Looks for the smallest norms at which a wrong digit is given, detector and classifier together:
 * each image is led to the wrong digits of the largest logits, one after the other with an equal
 * share of the passes, and the smallest norm counts. An image that is given a wrong digit as it is
 * has norm 0; one that is rejected as it is has not.
 *
 * @param find What leads images to one digit, by `options.target`.
 */
export const pastDetector = (find: Find): Find => async (network, digits, options) => {
  const { p, maxPasses = 2000, onProgress, ...rest } = options;
  const labels = [...digits.labels.dataSync()];
  const ids = options.ids ?? [...labels.keys()];
  const clean = await runAttack(look(p), network, digits.images, { ids, labels, steps: 1 });
  const results = clean.map(asTheyAre);
  const tasks = clean.flatMap(({ logits }, i) =>
    results[i]!.found ? [] : wrongDigits(logits, labels[i]!).map((target) => ({ i, target }))
  );
  const norms = () => results.map(({ norm }) => norm);
  let done = 0;
  for (const [target, own] of Map.groupBy(tasks, ({ target }) => target)) {
    const some = pick(digits, own.map(({ i }) => i));
    try {
      const found = await find(network, some, {
        ...{ ...rest, p, target, ids: own.map(({ i }) => ids[i]!) },
        maxPasses: Math.max(2, Math.floor((maxPasses - 1) / promising)),
      });
      own.forEach(({ i }, k) => results[i] = better(results[i]!, found[k]!));
    } finally {
      tf.dispose([some.images, some.labels]);
    }
    done += own.length / tasks.length;
    const passes = () => results.reduce((sum, one) => sum + one.forwards + one.backwards, 0);
    onProgress?.({ done, norms, passes, median: median(norms()) });
  }
  return results;
};

/** What is known of an image that was only looked at: found if it is given a wrong digit. */
function asTheyAre(outcome: Outcome): MinNorm {
  const found = outcome.found && outcome.adversarialClass !== abstention;
  return {
    ...outcome,
    ...{ found, norm: found ? 0 : Infinity, attack: null, optimal: null, seconds: 0 },
    adversarialClass: found ? outcome.adversarialClass : null,
  };
}

/** The wrong digits of the largest logits. */
const wrongDigits = (logits: readonly number[], label: number): number[] =>
  [...logits.keys()].filter((digit) => digit !== label && digit !== abstention)
    .sort((a, b) => logits[b]! - logits[a]!)
    .slice(0, promising);

/** The smaller of two results, at the cost of both; what was said of the clean image stands. */
function better(known: MinNorm, found: MinNorm): MinNorm {
  const { logits, prediction } = known;
  return {
    ...(found.norm < known.norm ? { ...found, logits, prediction } : known),
    forwards: known.forwards + found.forwards,
    backwards: known.backwards + found.backwards,
    seconds: known.seconds + found.seconds,
  };
}
