/**
 * What a report rests on, as tasks: the networks, and the tables of what attacks left of them.
 *
 * @module
 */
import { modelFile } from "../models.ts";
import { tablePasses } from "../results/budget.ts";
import type { Step } from "./from_nothing.ts";

/** A network's minutes: of a training with all epochs, of its table of minimal norms, of its resistances. */
type Minutes = readonly [training: number, norms: number, resistances: number];

const search = ["--max-passes", "100"];
const adversarial = ["--examples", "64"];
const right = (images: number) => ["--right", String(images)];
const curves = (images: number) => ["--curves", String(images)];
const passes = ["--max-passes", String(tablePasses)];

/** What comes with the lab: minutes, and which resistances (`deno task resistance --help`). */
const networks: Record<string, { minutes: Minutes; resistances: readonly string[] }> = {
  MLP: { minutes: [1, 3, 2], resistances: [...curves(1000), ...search, ...adversarial] },
  MLP_d: { minutes: [1, 3, 2], resistances: [...curves(500), ...search, ...adversarial] },
  CNN: { minutes: [4.5, 12, 15], resistances: [...search, ...adversarial] },
  CNN_d: {
    minutes: [3.5, 12, 4],
    resistances: [...right(1000), ...curves(500), ...search, ...adversarial],
  },
  MLP_bn: { minutes: [1, 3, 2], resistances: [...curves(500), ...search, ...adversarial] },
  CNN_bn: {
    minutes: [9, 12, 5],
    resistances: [...right(1000), ...curves(500), ...search, ...adversarial],
  },
  AlexNet: {
    minutes: [5, 20, 15],
    resistances: [...right(2500), ...curves(1000), ...search, ...adversarial],
  },
};

/** Those that are trained with three seeds, to compare architectures. */
const seeded = ["MLP", "MLP_d", "CNN", "CNN_d"];

/** A network trained with protections. */
interface Protected {
  epochs: number;
  /** Of a training, and of its table in four norms. */
  minutes: readonly [training: number, table: number];
  /** How many test images from 5,000 on its table has. */
  images: number;
}

/** The same for networks trained with protections. */
const guarded: Record<string, Protected> = {
  "MLP+pgd:linf:0.1": { epochs: 30, minutes: [2.5, 4], images: 1000 },
  "CNN+pgd:linf:0.1": { epochs: 15, minutes: [11, 8], images: 1000 },
  "CNN+pgd:linf:0.2": { epochs: 30, minutes: [22, 8], images: 1000 },
  "CNN+pgd:linf:0.25": { epochs: 14, minutes: [11, 8], images: 1000 },
  "CNN+pgd:linf:0.3": { epochs: 15, minutes: [11, 8], images: 1000 },
  "CNN+pgd:l2:2": { epochs: 15, minutes: [11, 8], images: 1000 },
  "CNN+trades:linf:0.2": { epochs: 8, minutes: [7, 8], images: 1000 },
  "CNN+distillation:20": { epochs: 15, minutes: [2, 8], images: 1000 },
  "CNN+fgsm:linf:0.1": { epochs: 6, minutes: [1.5, 3], images: 300 },
  "CNN+interval:linf:0.1": { epochs: 20, minutes: [4, 3], images: 300 },
  "CNN+gradient:1": { epochs: 10, minutes: [2, 3], images: 300 },
  "CNN+decay:0.1": { epochs: 5, minutes: [1, 1], images: 100 },
  "CNN+noise:0.25": { epochs: 20, minutes: [1.5, 1], images: 100 },
  "CNN+noise:0.5": { epochs: 50, minutes: [4, 1], images: 100 },
  "CNN+noise:1": { epochs: 45, minutes: [4, 1], images: 100 },
  "CNN+consistency:0.5": { epochs: 30, minutes: [5, 1], images: 100 },
};

/** Tables of what is not trained so: images, and minutes. */
const unguarded: Record<string, Pick<Protected, "images"> & { minutes: number }> = {
  MLP: { images: 1000, minutes: 3 },
  CNN: { images: 1000, minutes: 8 },
  CNN_d: { images: 100, minutes: 1 },
  CNN_bn: { images: 100, minutes: 1 },
  "CNN+bits:1": { images: 100, minutes: 1 },
  "CNN+squeeze": { images: 100, minutes: 3 },
};

/** Those that three trainings of are compared, and of which seeds the others are. */
const retrained = ["MLP+pgd:linf:0.1", "CNN+fgsm:linf:0.1"];

/** Those that Sparse-RS shows to be masked in L0, where it is run on all of their images. */
const masked = [
  "CNN+pgd:linf:0.2",
  "CNN+pgd:linf:0.25",
  "CNN+pgd:linf:0.3",
  "CNN+trades:linf:0.2",
  "CNN+interval:linf:0.1",
];

/** Those that are certified by randomized smoothing. */
const smoothed = ["CNN+noise:0.25", "CNN+noise:0.5", "CNN+noise:1", "CNN+consistency:0.5"];

const seeds = ["1", "2"];

/** A range of test images that no choice was made on. */
const from5000 = (count: number) => ["--images", `5000:${5000 + count}`];

/** Trains with protections, then attacks everything. */
function protectedSteps(): Step[] {
  const protect = (name: string, minutes: number, where: readonly string[]): Step => {
    const [network = "", ...specs] = name.split("+");
    const epochs = String(guarded[name]?.epochs);
    return {
      task: ["protect", network, "--with", specs.join("+"), "--epochs", epochs, ...where],
      minutes,
    };
  };
  const evaluate = (name: string, minutes: number, images: number): Step => ({
    task: ["evaluate", name, ...from5000(images)],
    minutes,
  });
  return [
    ...Object.entries(guarded).map(([name, { minutes: [minutes] }]) =>
      protect(name, minutes, ["--save"])
    ),
    ...seeds.flatMap((seed) =>
      retrained.map((name) =>
        protect(name, guarded[name]?.minutes[0] ?? 0, [
          ...["--seed", seed, "--out", `models/seeds/${seed}`],
        ])
      )
    ),
    { remove: "data/protections" },
    {
      task: ["calibrate", "MLP+squeeze", "CNN+squeeze", "MLP+resistance", "CNN+resistance"],
      minutes: 2,
    },
    ...Object.entries(guarded).map(([name, { minutes: [, minutes], images }]) =>
      evaluate(name, minutes, images)
    ),
    ...Object.entries(unguarded).map(([name, { minutes, images }]) =>
      evaluate(name, minutes, images)
    ),
    ...masked.map((name): Step => {
      const { images = 0 } = guarded[name] ?? {};
      const tried = ["--norms", "0", "--black-box", String(images), ...from5000(images)];
      return { task: ["evaluate", name, ...tried], minutes: 2 };
    }),
    ...seeds.flatMap((seed) =>
      [...retrained, "MLP", "CNN"].map((name): Step => ({
        task: [
          ...["evaluate", name, "--weights", `models/seeds/${seed}/${modelFile(name)}`],
          ...[
            "--out",
            `data/protections/seeds/${seed}`,
            "--norms",
            "2,inf",
            "--pictures",
            "40",
            ...from5000(300),
          ],
        ],
        minutes: 2,
      }))
    ),
    ...smoothed.map((name): Step => ({ task: ["smooth", name, ...from5000(500)], minutes: 8 })),
    ...smoothed.map((name): Step => ({
      task: ["smooth", name, "--attack", ...from5000(40)],
      minutes: 3,
    })),
  ];
}

/** All steps in their order. */
export function steps(): Step[] {
  const all = Object.entries(networks);
  return [
    ...all.map(([name, { minutes: [minutes] }]): Step => (
      { task: ["train", name, "--save"], minutes }
    )),
    ...seeds.flatMap((seed) =>
      seeded.map((name): Step => ({
        task: ["train", name, "--seed", seed, "--out", `models/seeds/${seed}`],
        minutes: networks[name]?.minutes[0] ?? 0,
      }))
    ),
    { remove: "data/min-norms" },
    ...all.map(([name, { minutes: [, minutes] }]): Step => ({
      task: ["tables", name, ...passes],
      minutes,
    })),
    { remove: "data/resistances" },
    ...all.map(([name, { minutes: [, , minutes], resistances }]): Step => ({
      task: [
        ...["resistance", name, "--images", "10000", ...resistances],
        ...["--out", `data/resistances/${name}.parquet`],
      ],
      minutes,
    })),
    ...protectedSteps(),
    { remove: "data/final" },
    { task: ["final", ...passes], minutes: 30 },
  ];
}
