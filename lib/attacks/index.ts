/**
 * The table of attacks: what `--list` shows and `--attack NAME` takes.
 *
 * @module
 */
import { alma } from "./alma.ts";
import type { Attack } from "./attack.ts";
import { ddn } from "./ddn.ts";
import { fmn } from "./fmn.ts";
import { school } from "./school.ts";
import { sigmaZero } from "./sigma_zero.ts";

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
  /** Whether it looks for the smallest norm, and so takes none. */
  readonly minimal: boolean;
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
    minimal: false,
    create: school,
  }, {
    name: "ddn",
    title: "smallest norm: direction by gradient steps, the norm shrinks and grows by itself",
    paper: "Rony et al. 2019",
    norms: "2",
    minimal: true,
    create: ({ p }) => ddn({ p }),
  }, {
    name: "fmn",
    title: "smallest norm: gradient steps in a ball that shrinks and grows",
    paper: "Pintor et al. 2021",
    norms: "0, 1, 2, inf",
    minimal: true,
    create: ({ p }) => fmn({ p }),
  }, {
    name: "sigma-zero",
    title: "smallest number of pixels: descent on a smooth count, small changes dropped",
    paper: "Cinà et al. 2025",
    norms: "0",
    minimal: true,
    create: ({ p }) => sigmaZero({ p }),
  }, {
    name: "alma",
    title: "smallest norm: descent on norm plus penalty, whose weight adapts",
    paper: "Rony et al. 2021",
    norms: "1, 2",
    minimal: true,
    create: ({ p }) => alma({ p }),
  }] satisfies AttackEntry[]).map((entry) => [entry.name, entry]),
);
