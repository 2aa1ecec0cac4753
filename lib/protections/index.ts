/**
 * The table of training-time protections: what `--with` takes.
 *
 * @module
 */
import type { Classifier } from "../network.ts";
import { fgsmTraining, pgdTraining } from "./adversarial.ts";
import { consistency } from "./consistency.ts";
import { distillation, heated } from "./distillation.ts";
import { inputGradient } from "./input_gradient.ts";
import { intervalTraining } from "./interval.ts";
import type { TrainingProtection } from "./lesson.ts";
import { noise } from "./noise.ts";
import type { Ball } from "./ramp.ts";
import { trades } from "./trades.ts";
import { weightDecay } from "./weight_decay.ts";

/** A row of the table. */
export interface ProtectionEntry {
  readonly name: string;
  /** How it is written: `pgd:NORM:EPSILON[:STEPS]`. */
  readonly usage: string;
  /** What it does, in a few words. */
  readonly title: string;
  /** Where it comes from. */
  readonly paper: string;
  /** @throws {RangeError} If a setting is out of range. */
  make(settings: Settings, teacher?: Classifier): TrainingProtection;
}

/** All training-time protections by name. */
export const protections: Readonly<Record<string, ProtectionEntry>> = Object.fromEntries(
  ([{
    name: "pgd",
    usage: "pgd:NORM:EPSILON[:STEPS]",
    title: "learns from images moved by PGD within the ball",
    paper: "Madry et al. 2018",
    make: (settings) => pgdTraining({ ...settings.ball(), ...settings.optional("steps") }),
  }, {
    name: "fgsm",
    usage: "fgsm:linf:EPSILON",
    title: "learns from images moved by one step from a random point",
    paper: "Wong et al. 2020",
    make: (settings) => fgsmTraining(settings.ball()),
  }, {
    name: "trades",
    usage: "trades:NORM:EPSILON[:BETA]",
    title: "learns clean images, and a price for answers that change within the ball",
    paper: "Zhang et al. 2019",
    make: (settings) => trades({ ...settings.ball(), ...settings.optional("beta") }),
  }, {
    name: "interval",
    usage: "interval:linf:EPSILON",
    title: "learns from bounds of the logits over the ball",
    paper: "Gowal et al. 2018",
    make: (settings) => intervalTraining(settings.ball()),
  }, {
    name: "noise",
    usage: "noise:SIGMA",
    title: "learns from images with normal noise, not clipped",
    paper: "Bishop 1995, Cohen et al. 2019",
    make: (settings) => noise(settings.number("SIGMA")),
  }, {
    name: "consistency",
    usage: "consistency:SIGMA[:WEIGHT]",
    title: "learns from pairs of noisy copies, and a price for answers that differ between them",
    paper: "Jeong and Shin 2020",
    make: (settings) =>
      consistency({ sigma: settings.number("SIGMA"), ...settings.optional("weight") }),
  }, {
    name: "gradient",
    usage: "gradient:WEIGHT",
    title: "a price for losses that change quickly with the image",
    paper: "Ross and Doshi-Velez 2018",
    make: (settings) => inputGradient(settings.number("WEIGHT")),
  }, {
    name: "decay",
    usage: "decay:RATE",
    title: "weights shrink in each step",
    paper: "Loshchilov and Hutter 2019",
    make: (settings) => weightDecay(settings.number("RATE")),
  }, {
    name: "distillation",
    usage: "distillation:TEMPERATURE",
    title: "learns the softened answers of a teacher of its kind; looks strong, and is not",
    paper: "Papernot et al. 2016",
    make: (settings, teacher) => {
      const temperature = settings.number("TEMPERATURE");
      if (teacher) return distillation(teacher, temperature);
      throw new RangeError(
        "Cannot train with distillation as it needs a teacher: current value is none; " +
          "`deno task protect` trains one",
      );
    },
  }] satisfies ProtectionEntry[]).map((entry) => [entry.name, entry]),
);

/** How the teachers of distillation are trained: no protection, so not in the table. */
const teaching: ProtectionEntry = {
  name: "heated",
  usage: "heated:TEMPERATURE",
  title: "learns labels with logits divided by a temperature",
  paper: "Papernot et al. 2016",
  make: (settings) => heated(settings.number("TEMPERATURE")),
};

/**
 * Reads a protection: `pgd:linf:0.2`; or `heated:20`, how the teacher of distillation is trained.
 *
 * @param teacher For distillation: the network to learn from.
 * @throws {RangeError} If there is no such protection, a setting is missing, too many or out of range,
 *   or distillation has no teacher.
 *
 * @example
 * ```ts
 * import { protectionOf } from "$lib/protections/index.ts";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(protectionOf("PGD:Linf:.2").spec, "pgd:linf:0.2");
 * ```
 */
export function protectionOf(spec: string, teacher?: Classifier): TrainingProtection {
  const [name = "", ...words] = spec.trim().toLowerCase().split(":");
  const entry = name === teaching.name
    ? teaching
    : Object.hasOwn(protections, name)
    ? protections[name]!
    : undefined;
  if (!entry) {
    throw new RangeError(
      `Cannot protect as there must be a protection of that name: current value is ${spec}; ` +
        `known are ${Object.keys(protections).join(", ")}`,
    );
  }
  const settings = new Settings(spec, entry.usage, words);
  const protection = entry.make(settings, teacher);
  settings.end();
  return protection;
}

/** What stands behind a protection's name, taken from left to right. */
class Settings {
  readonly #words: string[];

  constructor(readonly spec: string, readonly usage: string, words: readonly string[]) {
    this.#words = [...words];
  }

  ball(): Ball {
    const norms: Record<string, number> = { l2: 2, linf: Infinity };
    const word = this.#take("NORM");
    const p = Object.hasOwn(norms, word) ? norms[word]! : this.#fail("NORM must be l2 or linf");
    return { p, epsilon: this.number("EPSILON") };
  }

  number(name: string): number {
    const word = this.#take(name);
    const value = word === "" ? NaN : Number(word);
    return Number.isFinite(value) ? value : this.#fail(`${name} must be a number`);
  }

  /** A number that may be left out. */
  optional<K extends string>(name: K): { [key in K]?: number } {
    if (this.#words.length === 0) return {};
    return { [name]: this.number(name.toUpperCase()) } as { [key in K]?: number };
  }

  end(): void {
    if (this.#words.length > 0) this.#fail("nothing may follow");
  }

  #take(name: string): string {
    return this.#words.shift() ?? this.#fail(`it needs ${name}`);
  }

  #fail(rule: string): never {
    throw new RangeError(
      `Cannot protect as ${rule} in ${this.usage}: current value is ${this.spec}`,
    );
  }
}
