/**
 * What each of the figures that `figure` makes is: a title, the options that it takes, and the drawing.
 *
 * @module
 */
import type { Subset } from "../../loader.ts";
import type { Figure } from "../../plots/figure.ts";
import { imagesOption, normsOption } from "../measuring.ts";
import { choice, number, type Option, text, UsageError, type Values } from "../options.ts";
import { attackOptions, datasetOption } from "../session.ts";

/** An option without the default: each figure has its own. */
function unset<T>(option: Option<T>): Option<T | undefined> {
  return {
    ...option,
    help: option.help.replace(/ \(default: [^)]*\)$/, ""),
    read: (given, name) => given === undefined ? undefined : option.read(given, name),
  };
}

/** Names with commas between. */
const namesOption: Option<string[] | undefined> = {
  value: "NAMES",
  help: "Several networks, with commas between",
  read: (given) => given?.split(",").map((name) => name.trim()).filter((name) => name !== ""),
};

/** Numbers of images with commas between. */
const numbersOption: Option<number[] | undefined> = {
  value: "i,i",
  help: "Numbers of test images, with commas between",
  read(given) {
    if (given === undefined || /^\d{1,4}(,\d{1,4})*$/.test(given)) {
      return given?.split(",").map(Number);
    }
    throw new UsageError(
      `Cannot read --shown as it must be numbers of test images: current value is ${given}`,
    );
  },
};

const count = { min: 1, integer: true };
const { image, p, norm, lr, steps, seed } = attackOptions;

/** All options of all figures; each figure takes some, with defaults of its own. */
export const figureOptions = {
  network: text("NAME", "Network by name, or a .safetensors file"),
  networks: namesOption,
  dataset: unset(datasetOption),
  subset: unset(choice<Subset>("S", "Subset", ["train", "test", "val"], "test")),
  limit: number("n", "Only the first n images", count),
  attack: text("NAME", "Attack by name"),
  attacks: { ...namesOption, help: "Several attacks, or portfolio, with commas between" },
  image: unset(image),
  shown: numbersOption,
  p: unset(p),
  norms: unset(normsOption),
  norm: unset(norm),
  lr: unset(lr),
  steps: unset(steps),
  epochs: number("n", "Epochs of training", count),
  "max-passes": number("n", "Forward plus backward passes of each image at most", {
    ...{ min: 2, integer: true },
  }),
  epsilon: number("v", "Budget: the largest norm allowed", { above: 0 }),
  resistance: unset(
    choice<"resN" | "resMax" | "resMin">("R", "Which", ["resN", "resMax", "resMin"], "resN"),
  ),
  examples: number("n", "Rightly classified images whose attacks count", count),
  seed: unset(seed),
  rows: text("FILES", "Tables of minimal norms, as minnorm writes them: a.parquet,b.parquet"),
  images: {
    ...unset(imagesOption),
    help: "Of tables only images a to b - 1, or the first n (evaluate tells 5000:10000)",
  },
};

/** What the command line can tell a figure. */
export type FigureValues = Values<typeof figureOptions>;

/** The options that a figure takes, with their defaults; `undefined` where it can do without. */
export type Defaults = { [K in keyof FigureValues]?: FigureValues[K] | undefined };

/** The values of these options: those with a default are always there. */
export type Chosen<D extends Defaults> = {
  [K in keyof D & keyof FigureValues]: undefined extends D[K] ? FigureValues[K]
    : NonNullable<FigureValues[K]>;
};

/** One figure, its options read. */
export interface FigureEntry {
  /** What it shows, in a line. */
  readonly title: string;
  readonly defaults: Defaults;
  /** Draws it from the values given, its own defaults in place of the others. */
  draw(given: Defaults, signal: AbortSignal): Promise<Figure>;
}

/** Figures by the names that the command line knows them by. */
export type Figures = Readonly<Record<string, FigureEntry>>;

/**
 * Describes a figure.
 *
 * @param title What it shows, in a line.
 * @param defaults The options that it takes.
 * @param draw Prepares its rows, from what comes with the lab where nothing else is asked for.
 */
export function entry<D extends Defaults>(
  title: string,
  defaults: D,
  draw: (values: Chosen<D>, signal: AbortSignal) => Figure | Promise<Figure>,
): FigureEntry {
  return {
    title,
    defaults,
    draw: async (given, signal) => {
      const values = Object.entries(defaults).map(([name, fallback]) =>
        [name, given[name as keyof Defaults] ?? fallback] as const
      );
      // Entries have the names and types of the defaults, which fromEntries cannot express.
      return await draw(Object.fromEntries(values) as Chosen<D>, signal);
    },
  };
}

/**
 * Checks that a figure takes the options given.
 *
 * @throws {UsageError} If it has no use for one; the message names those that it has.
 */
export function assertTaken(name: string, { defaults }: FigureEntry, given: Defaults): void {
  for (const [option, value] of Object.entries(given)) {
    if (value === undefined || option in defaults) continue;
    const own = Object.keys(defaults).map((one) => `--${one}`).join(", ") || "none";
    throw new UsageError(
      `Cannot use --${option} for the figure ${name} as its options are ${own}: ` +
        `current value is ${JSON.stringify(value)}`,
    );
  }
}

/** A figure's options as a command line with its defaults. */
export function optionsLine({ defaults }: FigureEntry): string {
  const words = Object.entries(defaults).map(([name, value]) =>
    value === undefined
      ? `[--${name} ${figureOptions[name as keyof FigureValues].value}]`
      : `--${name} ${String(value).replace("Infinity", "inf")}`
  );
  return words.join(" ");
}
