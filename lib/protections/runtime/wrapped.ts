/**
 * What all run-time protections are: a classifier around another one.
 *
 * @module
 */
import type { Tensor2D, Tensor4D } from "../../backend.ts";
import type { Classifier } from "../../network.ts";

/**
 * Puts a protection around a classifier, whose weights stay its own.
 *
 * @param spec The protection's name with its settings, `bits:1`: it is added to the classifier's name.
 * @param logits Differentiable, as those of any {@linkcode Classifier}.
 * @param classes @default those of the classifier
 */
export function wrapped(
  inner: Classifier,
  spec: string,
  logits: (images: Tensor4D) => Tensor2D,
  classes: number = inner.classes,
): Classifier {
  // Graphs are kept by revision: each wrapper needs its own, and another when the weights change.
  const revisions = new WeakMap<object, object>();
  return {
    name: `${inner.name}+${spec}`,
    classes,
    logits,
    get revision() {
      const revision = revisions.get(inner.revision) ?? {};
      revisions.set(inner.revision, revision);
      return revision;
    },
  };
}
