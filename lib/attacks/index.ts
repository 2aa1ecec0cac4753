/**
 * The table of attacks: what `--list` shows and `--attack NAME` takes.
 *
 * @module
 */
import type { Attack } from "./attack.ts";
import { school } from "./school.ts";

/** Settings that commands and the REPL pass on; each attack takes what it knows. */
export interface AttackSettings {
  p: number;
  norm: number;
  learningRate: number;
}

/** A row of the table. */
export interface AttackEntry {
  readonly name: string;
  /** What it does, in a few words. */
  readonly title: string;
  /** Where it comes from. */
  readonly paper: string;
  /** The norms that it takes, for people. */
  readonly norms: string;
  /** @throws {RangeError} If a setting is out of the attack's range. */
  readonly create: (settings: AttackSettings) => Attack;
}

/** All attacks by name. */
export const attacks: Readonly<Record<string, AttackEntry>> = Object.fromEntries(
  ([{
    name: "school",
    title: "gradient descent on the confidence, the norm fixed",
    paper: "the school's report",
    norms: "any p >= 1, inf",
    create: school,
  }] satisfies AttackEntry[]).map((entry) => [entry.name, entry]),
);
