/**
 * What a protected training takes besides its protections: hyperparameters, and a teacher for
 * distillation.
 *
 * @module
 */
import { adam, type Architecture, architectures } from "../architectures.ts";
import { protectionOf } from "./index.ts";
import { assertProtections } from "./lesson.ts";

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
 * Reads protections with + between them, as `--with` has them.
 *
 * @returns Each as its own name and settings are written: `pgd:linf:0.2`.
 * @throws {RangeError} If one is unknown or out of range, or they do not fit together or the
 *   architecture.
 */
export function readProtections(text: string, architecture: Architecture): string[] {
  const protections = text.split("+").map((spec) => protectionOf(spec));
  assertProtections(protections, architecture);
  return protections.map(({ spec }) => spec.replace(/^heated:/, "distillation:"));
}

/** The protections that the teacher is trained with; nothing if none is needed. */
export function teacherOf(specs: readonly string[]): string[] | undefined {
  if (!specs.some((spec) => spec.startsWith("distillation:"))) return undefined;
  return specs.map((spec) => spec.replace(/^distillation:/, "heated:"));
}
