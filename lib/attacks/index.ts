/**
 * The table of attacks: what `--list` shows and `--attack NAME` takes.
 *
 * @module
 */
import { alma } from "./alma.ts";
import { apgd } from "./apgd.ts";
import type { Attack } from "./attack.ts";
import { brendelBethge } from "./brendel_bethge.ts";
import { carliniWagner } from "./carlini_wagner.ts";
import { ddn } from "./ddn.ts";
import { deepfool } from "./deepfool.ts";
import { fab } from "./fab.ts";
import { fgsm } from "./fgsm.ts";
import { fmn } from "./fmn.ts";
import { hopSkipJump } from "./hop_skip_jump.ts";
import { regionBeginner } from "./linear_region/attack.ts";
import { linearRegionName } from "./linear_region/polish.ts";
import type { Descent } from "./losses.ts";
import { dichotomy } from "./minimal.ts";
import { pdpgd } from "./pdpgd.ts";
import { pgd } from "./pgd.ts";
import { school } from "./school.ts";
import { school2 } from "./school2.ts";
import type { SearchOptions } from "./search.ts";
import { sigmaZero } from "./sigma_zero.ts";
import { sparseRs } from "./sparse_rs.ts";
import { square } from "./square.ts";
import { superDeepfool } from "./super_deepfool.ts";

/** Settings that commands and the REPL pass on; each attack takes what it knows. */
export interface AttackSettings {
  p: number;
  norm: number;
  learningRate: number;
  /** What the school's attacks descend on. @default each attack's own */
  descent?: Descent;
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
  /** If it does so by a search over the norms of what `create` makes: the search's settings. */
  readonly search?: SearchOptions;
  /** Whether what `create` makes is only the beginning: its points are improved on in linear regions. */
  readonly intoRegions?: boolean;
  /** How many steps it has, if more are in vain. */
  readonly steps?: number;
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
    name: "minimal",
    title: "smallest norm: dichotomy over the norms of school, on the log-odds",
    paper: "the school's report",
    norms: "any p >= 1, inf",
    minimal: true,
    search: dichotomy,
    create: ({ p, learningRate, descent = "log" }) => school({ p, learningRate, descent }),
  }, {
    name: "school2",
    title: "smallest norm: one descent on norm and confidence in turn, on the log-odds",
    paper: "the school's report",
    norms: "2",
    minimal: true,
    steps: 500,
    create: ({ p, descent = "log" }) => school2({ p, descent }),
  }, {
    name: "fgsm",
    title: "one step along the gradient's signs",
    paper: "Goodfellow et al. 2015",
    norms: "inf",
    minimal: false,
    steps: 1,
    create: ({ p, norm }) => fgsm({ p, epsilon: norm }),
  }, {
    name: "pgd",
    title: "gradient steps of one length from a random point, projected into the ball",
    paper: "Madry et al. 2018",
    norms: "2, inf",
    minimal: false,
    create: ({ p, norm }) => pgd({ p, epsilon: norm }),
  }, {
    name: "apgd",
    title: "projected gradient steps with momentum, whose length halves where progress stalls",
    paper: "Croce and Hein 2020, 2021",
    norms: "1, 2, inf",
    minimal: false,
    create: ({ p, norm }) => apgd({ p, epsilon: norm }),
  }, {
    name: "apgd-dlr",
    title: "apgd on the difference of logits ratio",
    paper: "Croce and Hein 2020, 2021",
    norms: "1, 2, inf",
    minimal: false,
    create: ({ p, norm }) => apgd({ p, epsilon: norm, loss: "dlr" }),
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
  }, {
    name: "fab",
    title: "smallest norm: projections onto the linearised boundary",
    paper: "Croce and Hein 2020",
    norms: "1, 2, inf",
    minimal: true,
    create: ({ p }) => fab({ p }),
  }, {
    name: "pdpgd",
    title: "smallest norm: descent on the margin, shrinkage, and a game for their weights",
    paper: "Matyasko and Chau 2021",
    norms: "1",
    minimal: true,
    create: ({ p }) => pdpgd({ p }),
  }, {
    name: "deepfool",
    title: "small norm, quickly: straight to the nearest boundary",
    paper: "Moosavi-Dezfooli et al. 2016",
    norms: "2, inf",
    minimal: true,
    steps: 50,
    create: ({ p }) => deepfool({ p }),
  }, {
    name: "super-deepfool",
    title: "smallest norm: to the nearest boundary and along it to where it is nearest",
    paper: "Abdolahpourrostam et al. 2023",
    norms: "2",
    minimal: true,
    create: ({ p }) => superDeepfool({ p }),
  }, {
    name: "carlini-wagner",
    title: "smallest norm: descent on norm plus margin, and a search for its weight",
    paper: "Carlini and Wagner 2017",
    norms: "2",
    minimal: true,
    create: ({ p }) => carliniWagner({ p }),
  }, {
    name: "brendel-bethge",
    title: "smallest norm: along the boundary to where it is nearest",
    paper: "Brendel et al. 2019",
    norms: "0, 1, 2, inf",
    minimal: true,
    create: ({ p }) => brendelBethge({ p }),
  }, {
    name: linearRegionName,
    title: "smallest norm: the nearest point of a linear region, then of the next; exact programs",
    paper: "Croce et al. 2020",
    norms: "1, 2, inf",
    minimal: true,
    intoRegions: true,
    create: ({ p }) => regionBeginner(p),
  }, {
    name: "square",
    title: "random search by squares of pixels; needs no gradients",
    paper: "Andriushchenko et al. 2020",
    norms: "2, inf",
    minimal: false,
    create: ({ p, norm }) => square({ p, epsilon: norm }),
  }, {
    name: "sparse-rs",
    title: "random search over sets of pixels; needs no gradients",
    paper: "Croce et al. 2022",
    norms: "0",
    minimal: false,
    create: ({ p, norm }) => sparseRs({ p, epsilon: norm }),
  }, {
    name: "hop-skip-jump",
    title: "smallest norm: from boundary point to boundary point; needs no logits",
    paper: "Chen et al. 2020",
    norms: "2, inf",
    minimal: true,
    create: ({ p }) => hopSkipJump({ p }),
  }] satisfies AttackEntry[]).map((entry) => [entry.name, entry]),
);
