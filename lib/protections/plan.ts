/**
 * What a protected training takes besides its protections: hyperparameters, and a teacher for
 * distillation.
 *
 * @module
 */
import { adam, type Architecture, architectures } from "../architectures.ts";
import type { Classifier } from "../network.ts";
import { protectionOf } from "./index.ts";
import { assertProtections, type TrainingProtection } from "./lesson.ts";

/**
 * The architecture with the hyperparameters of protected trainings: larger batches, since each step
 * costs several times as much, and a learning rate that falls to 0.
 *
 * @param epochs @default 30
 */
export const protectedArchitecture = (name: string, epochs = 30): Architecture => ({
  ...architectures[name]!,
  epochs,
  batchSize: 128,
  optimizer: adam({ learningRate: 1e-3, schedule: "linear" }),
});

/**
 * Reads protections with + between them, as `--with` has them, and makes them ready for `fit`.
 *
 * @param teacher For distillation: the network to learn from.
 * @throws {RangeError} If one is unknown or out of range, distillation has no teacher, or they do not
 *   fit together or the architecture.
 */
export function protectionsOf(
  text: string,
  architecture: Architecture,
  teacher?: Classifier,
): TrainingProtection[] {
  const protections = text.split("+").map((spec) => protectionOf(spec, teacher));
  const heated = protections.find(({ spec }) => spec.startsWith("heated:"))?.spec;
  if (heated) {
    throw new RangeError(
      "Cannot protect as heated is for teachers, which distillation trains itself: " +
        `current value is ${heated}`,
    );
  }
  assertProtections(protections, architecture);
  return protections;
}

/**
 * Reads the names of protections with + between them, as `--with` has them.
 *
 * @returns Each as its own name and settings are written: `pgd:linf:0.2`.
 * @throws {RangeError} As {@linkcode protectionsOf}, but distillation needs no teacher yet.
 */
export const readProtections = (text: string, architecture: Architecture): string[] =>
  protectionsOf(text, architecture, nobody).map(({ spec }) => spec);

/**
 * The standard deviation of the noise that a network was trained with, as its name tells:
 * `CNN+noise:0.5`.
 *
 * @returns `undefined` if it was trained without noise.
 * @throws {RangeError} As `protectionOf`.
 */
export const trainedSigma = (name: string): number | undefined =>
  name.split("+").slice(1).map((spec) => protectionOf(spec, nobody).sigma)
    .find((sigma) => sigma !== undefined);

/** In the teacher's place where only names are read. */
const nobody: Classifier = {
  ...{ name: "nobody", classes: 10, revision: {} },
  logits() {
    throw new TypeError(
      "Cannot learn from a teacher as it must be a network: current value is none",
    );
  },
};

/** The protections that the teacher is trained with; nothing if none is needed. */
export function teacherOf(specs: readonly string[]): string[] | undefined {
  if (!specs.some((spec) => spec.startsWith("distillation:"))) return undefined;
  return specs.map((spec) => spec.replace(/^distillation:/, "heated:"));
}
