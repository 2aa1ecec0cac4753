/**
 * The words of the school's report beside ours.
 *
 * @module
 */

/** One word of the report. */
export interface Term {
  /** The report's, as it writes it. HTML. */
  theirs: string;
  /** Ours: in prose, in code. HTML. */
  ours: string;
  /** What it means, and where we depart from the report. HTML. */
  meaning: string;
}

/** The report's terms, in the order in which it brings them. */
export const terms: readonly Term[] = [
  {
    theirs: "<i>img</i>",
    ours: "image",
    meaning: "28 × 28 pixels, each from 0 (paper) to 1 (ink).",
  },
  {
    theirs: "<i>Pred</i>",
    ours: "prediction",
    meaning: "The class that a network gives an image: that of its largest logit.",
  },
  {
    theirs: "<i>Conf<sub>c</sub></i>",
    ours: "confidence in class <i>c</i>",
    meaning: "The network's own probability of class <i>c</i>: the softmax of its logits. " +
      "In attacks <i>c</i> is the class predicted for the clean image.",
  },
  {
    theirs: "exemple adversaire",
    ours: "adversarial image",
    meaning:
      "An image near a clean one which the network gives another class than the reference. " +
      "The reference is the class predicted for the clean image, as in the report, or the true " +
      "class (<code>label</code>): then a misclassified image needs no change at all.",
  },
  {
    theirs: "perturbation <i>r</i>",
    ours: "perturbation",
    meaning: "Adversarial image − clean image. Its size is a norm: L0 counts changed pixels, L1 " +
      "adds the changes up, L2 is the Euclidean length, L∞ the largest change.",
  },
  {
    theirs: "attaque adversaire",
    ours: "attack",
    meaning: "A procedure that looks for an adversarial image. “Not found” says nothing about " +
      "whether there is one.",
  },
  {
    theirs: "<i>Loss</i><sub>2</sub>",
    ours: "the loss of the school’s second attack (<code>school2</code>)",
    meaning: "With <i>c</i> = <i>Conf<sub>c</sub></i>(<i>img</i> + <i>r</i>): ‖<i>r</i>‖ where " +
      "<i>c</i> ≤ 0.2; <i>c</i> + ‖<i>r</i>‖ where <i>c</i> ≤ 0.9; else <i>c</i> − ‖<i>r</i>‖, " +
      "which drives <i>r</i> outwards.",
  },
  {
    theirs: "<i>Pert<sub>N</sub></i>",
    ours: "perturbation after <i>N</i> steps",
    meaning: "What Adam (learning rate 10<sup>−3</sup>) has made of <i>r</i> = 0 after <i>N</i> " +
      "steps on <i>Loss</i><sub>2</sub>.",
  },
  {
    theirs: "<i>Res</i><sub>∞</sub>",
    ours:
      "minimal perturbation; <code>minNorm</code> from above, <code>certifiedNorm</code> from below",
    meaning: "The norm of the smallest perturbation that changes the prediction. It can’t be " +
      "computed in general: <code>minNorm</code> is the smallest <i>found</i>, an upper bound; " +
      "<code>certifiedNorm</code> a proven lower bound.",
  },
  {
    theirs: "<i>Res<sub>N</sub></i>",
    ours: "resistance: final norm (<code>resN</code>)",
    meaning:
      "‖<i>Pert<sub>N</sub></i>‖ at the end, with <i>N</i> = 500. Infinite where the final " +
      "image is not adversarial: the attack failed, and the value is censored, not measured.",
  },
  {
    theirs: "<i>Res</i><sub>max</sub>",
    ours: "resistance: largest norm (<code>resMax</code>)",
    meaning: "The peak of ‖<i>Pert<sub>n</sub></i>‖ over the steps <i>n</i> = 0 … 500. Infinite " +
      "where the attack failed.",
  },
  {
    theirs: "<i>Res</i><sub>min</sub>",
    ours: "resistance: steps needed (<code>resMin</code>)",
    meaning: "The first step at which the confidence is at most 0.2: a number of steps, not a " +
      "norm. Infinite where the attack failed.",
  },
  {
    theirs: "images <i>V</i>, <i>F</i>, <i>A</i>",
    ours: "correct, misclassified, adversarial images",
    meaning: "The three populations whose resistances are compared.",
  },
  {
    theirs: "assurance, <i>Conf2<sub>c</sub></i>",
    ours: "resistance score",
    meaning:
      "(<i>Res</i>/<i>K</i>) / (1 + <i>Res</i>/<i>K</i>), with a threshold <i>K</i> between " +
      "correct and misclassified images. From 0 to 1, but no probability until it is calibrated.",
  },
  {
    theirs: "correction adversaire",
    ours: "adversarial correction",
    meaning: "Taking the class of the adversarial image for the answer where the prediction is " +
      "doubted: an attack on a misclassified image mostly ends in the right class.",
  },
  {
    theirs: "erreur <i>Top</i> 1, <i>Top</i> 2",
    ours: "error; top-2 error",
    meaning: "The share of images whose true class is not the first answer, or not among two. " +
      "The control for corrections: is the corrected class just the second best?",
  },
  {
    theirs: "réseau discriminateur",
    ours: "discriminator",
    meaning: "A second network that reads the course of an attack and tells whether the first " +
      "network was right.",
  },
  {
    theirs: "bases <i>train</i>, <i>test</i>, <i>val</i>",
    ours: "<code>train</code>, <code>test</code>, <code>val</code>",
    meaning:
      "Here: the first 50,000 images of MNIST’s training set, its last 10,000, and MNIST’s " +
      "10,000 official test images. The report’s figures on resistance are from the official test " +
      "images, our <code>val</code>.",
  },
];

/** Words of our own, in the order in which they are needed. */
export const words: readonly Omit<Term, "theirs">[] = [
  {
    ours: "epsilon (ε)",
    meaning: "A budget: the largest norm allowed.",
  },
  {
    ours: "logits; margin",
    meaning: "The network’s outputs before softmax; the logit of the true class less the best of " +
      "the others. A negative margin is a mistake.",
  },
  {
    ours: "robust accuracy at ε",
    meaning:
      "The share of images whose <code>minNorm</code> exceeds ε. As <code>minNorm</code> is " +
      "an upper bound, so is this.",
  },
  {
    ours: "portfolio",
    meaning: "Several attacks in turn on each image; the smallest perturbation of all counts.",
  },
  {
    ours: "found; confirmed",
    meaning:
      "Every point is judged again alone, in a batch of one, and must be misclassified by a " +
      "margin of at least 10<sup>−4</sup>.",
  },
];

/** Both lists as HTML. */
export function glossaryHtml(): string {
  const row = (...cells: string[]) =>
    `<tr>${
      cells.map((cell, i) => i === 0 ? `<th scope="row">${cell}</th>` : `<td>${cell}</td>`).join("")
    }</tr>`;
  const table = (head: string[], rows: string[]) =>
    `<div class="scroll"><table class="words">
<thead><tr>${head.map((name) => `<th scope="col">${name}</th>`).join("")}</tr></thead>
<tbody>
${rows.join("\n")}
</tbody></table></div>`;
  return `<p>The lab follows a report written in French at a school. Its words, in its order, beside
those of the chapters and of the code.</p>
${
    table(
      ["The report’s", "Ours", "Meaning"],
      terms.map((term) => row(term.theirs, term.ours, term.meaning)),
    )
  }
<p>And words that the report does without.</p>
${table(["Ours", "Meaning"], words.map((word) => row(word.ours, word.meaning)))}`;
}
