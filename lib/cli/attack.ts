/**
 * `deno task attack`: attacks one image, tells what came of it, and draws it.
 *
 * @module
 */
import { extname } from "node:path";
import type { Outcome } from "../attacks/driver.ts";
import type { AttackEntry } from "../attacks/index.ts";
import type { Tensor4D } from "../backend.ts";
import type { Subset } from "../loader.ts";
import type { Network } from "../network.ts";
import { argMax, formatP, withArticle } from "../numbers.ts";
import { type Call, type Command, runCommand } from "./command.ts";
import { choice, flag, known, noMore, number, text, UsageError } from "./options.ts";
import {
  attackOptions,
  checkImage,
  datasetOption,
  loading,
  networkName,
  networkNames,
  openNetwork,
  percent,
  shortPath,
  usable,
  warnOfBackend,
  weightsOption,
} from "./session.ts";

const options = {
  ...attackOptions,
  attack: text("NAME", "the attack; --list shows them", "school"),
  targeted: number("k", "class to reach (default: any other)", { min: 0, max: 9, integer: true }),
  subset: choice<Subset>(
    "S",
    "where the image is from",
    ["train", "test", "val"],
    "test",
  ),
  dataset: datasetOption,
  weights: weightsOption,
  out: text("FILE", "draw digit, perturbation and adversarial digit, as .svg or .png"),
  list: flag("list the attacks"),
};

/** The command, as `--help` shows it. */
export const attackCommand: Command<typeof options> = {
  name: "attack",
  summary: "Looks for a small perturbation of one image that changes a network's prediction.",
  arguments: "NETWORK",
  options,
  examples: [
    [
      "attack CNN_d --image 7 --p 2 --norm 3 --lr 0.01",
      "attacks the eighth image of the test split",
    ],
    ["attack CNN --image 0 --p inf --norm 0.2 --out attack.svg", "bounds each pixel; draws it"],
    ["attack MLP --image 3 --norm 3 --targeted 8", "makes it an 8"],
    ["attack MLP --image 3 --attack ddn", "looks for the smallest L2 norm; --norm plays no part"],
    ["attack MLP --image 3 --attack sparse-rs --p 0 --norm 20", "changes 20 pixels at most"],
    ["attack --list", "lists the attacks"],
  ],
  notes: async () => [
    `Networks: ${(await networkNames()).join(", ")}.`,
    "No adversarial image found is a result, too: exit code 0, found: false.",
    "JSON: network, image, label, prediction, p (null for inf), norm (of the clipped perturbation),\n" +
    "found, adversarialClass, confidences ({clean, perturbed}, ten each), steps, out.",
  ],
  run,
};

async function run(call: Call<typeof options>): Promise<Record<string, unknown>> {
  const { values, positionals, signal, say } = call;
  if (values.list) {
    noMore(positionals);
    return await list(say);
  }
  const name = await networkName(positionals);
  const { attacks } = await import("../attacks/index.ts");
  const { runner } = await import("../attacks/run.ts");
  const { image, p, norm, lr, targeted, steps, seed, subset, out } = values;
  const entry = attacks[known(values.attack, Object.keys(attacks), "--attack")]!;
  const attack = usable(() => runner(entry, { p, norm, learningRate: lr }));
  if (out !== undefined) formatOf(out);
  checkImage(values);
  await warnOfBackend();
  const network = await openNetwork(name, values.weights, values.dataset);
  const digit = await loadDigit(call);
  if (targeted === network.predict(digit.images).dataSync()[0]) {
    throw new UsageError(
      `Cannot use --targeted as image ${image} is already taken for it: current value is ${targeted}`,
    );
  }
  const [outcome] = await attack.run(network, digit.images, {
    ...{ ids: [image], steps, seed, signal },
    ...(targeted !== undefined && { target: targeted }),
  });
  const asked = entry.minimal ? undefined : norm;
  say(describe(outcome!, { network: name, label: digit.label, subset, asked }));
  if (out !== undefined) {
    await draw(network, outcome!, out);
    say(`Drawn in ${shortPath(out)}`);
  }
  const { prediction, found, adversarialClass, confidences } = outcome!;
  return {
    network: name,
    image,
    label: digit.label,
    prediction,
    p: p === Infinity ? null : p,
    norm: outcome!.norm,
    found,
    adversarialClass,
    confidences,
    steps: outcome!.steps,
    out: out ?? null,
  };
}

/** Shows the table of attacks, one below the other. */
async function list(say: (line: string) => void): Promise<Record<string, unknown>> {
  const { attacks } = await import("../attacks/index.ts");
  const rows = Object.values(attacks).map(({ name, norms, title, paper, minimal }) => ({
    name,
    norms,
    title,
    paper,
    minimal,
  }));
  for (const line of listLines(rows)) say(line);
  return { attacks: rows };
}

type Listed = Pick<AttackEntry, "name" | "norms" | "title" | "paper" | "minimal">;

/** The rows in aligned columns, at most 100 letters wide; first the attacks that take a norm. */
export function listLines(rows: readonly Listed[]): string[] {
  const column = (texts: string[]) => Math.max(...texts.map((text) => text.length)) + 2;
  const widths = [column(rows.map(({ name }) => name)), column(rows.map(({ norms }) => norms))];
  const [first, second] = widths as [number, number];
  const lines = ({ name, norms, title, paper }: Listed) =>
    // The paper's name is not broken.
    folded(
      [...title.replace(/^smallest norm: /, "").split(" "), `(${paper})`],
      100 - first - second,
    )
      .map((line, i) =>
        (i === 0 ? name.padEnd(first) + norms.padEnd(second) : " ".repeat(first + second)) + line
      );
  return [
    "Within a norm that you choose by --norm:",
    ...rows.filter(({ minimal }) => !minimal).flatMap(lines),
    "",
    "Looking for the smallest norm; --norm plays no part:",
    ...rows.filter(({ minimal }) => minimal).flatMap(lines),
  ];
}

/** Words in lines of so many letters at most. */
function folded(words: readonly string[], width: number): string[] {
  const lines = [""];
  for (const word of words) {
    const longer = `${lines.at(-1)} ${word}`.trimStart();
    if (longer.length <= width) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}

async function loadDigit(
  { values: { image, subset, dataset }, signal }: Call<typeof options>,
): Promise<{ images: Tensor4D; label: number }> {
  const { load } = await import("../loader.ts");
  const digits = await load(subset, {
    ...loading(dataset, signal),
    from: image,
    to: image + 1,
  });
  return { images: digits.images, label: digits.labels.dataSync()[0]! };
}

/** What people are told of an attack's outcome. */
export function describe(
  outcome: Outcome,
  { network, label, subset, asked }: {
    network: string;
    label: number;
    subset: string;
    /** The norm asked for, if the attack doesn't look for the smallest. */
    asked: number | undefined;
  },
): string {
  const { image, prediction, found, confidences, p, norm, steps } = outcome;
  const seen = (shares: number[]) => {
    const predicted = argMax(shares);
    return `predicted ${predicted}, confidence ${percent(shares[predicted]!)}`;
  };
  const limit = asked === undefined ? "" : `, at most ${asked} asked for`;
  const size = `L${formatP(p)} norm = ${p === 0 ? norm : norm.toPrecision(5)}${limit}`;
  // A confidence of 1 - 1e-6 has a gradient a million times smaller than one of a half.
  const saturated = asked !== undefined && !found &&
    confidences.perturbed[prediction]! > 1 - 1e-6;
  const wrong = prediction === label ? "" : " (wrong before any attack)";
  return [
    `${network}, image ${image} of ${subset}, ${withArticle(label)}${wrong}`,
    `  digit                ${seen(confidences.clean)}`,
    `  digit + perturbation ${seen(confidences.perturbed)}`,
    `  ${found ? "found" : "no adversarial digit found"} after ${steps} step${
      steps === 1 ? "" : "s"
    }: ${size}`,
    saturated &&
    "  the confidence is saturated, so its gradient vanishes: no proof that there is none",
  ].filter(Boolean).join("\n");
}

/** Reads a picture's format from its name. */
function formatOf(file: string): "svg" | "png" {
  const extension = extname(file).toLowerCase();
  if (extension === ".svg" || extension === ".png") return extension === ".svg" ? "svg" : "png";
  throw new UsageError(
    `Cannot read --out as the file must end in .svg or .png: current value is ${file}`,
  );
}

/** Draws digit, perturbation and adversarial digit into an SVG or PNG file. */
export async function draw(network: Network, outcome: Outcome, file: string): Promise<void> {
  const format = formatOf(file);
  const { pictures } = await import("../attacks/pictures.ts");
  const { writeAtomic } = await import("../files.ts");
  const { attackPictures } = await import("../plots/attack_pictures.ts");
  const { toPng } = await import("../plots/figure.ts");
  const figure = attackPictures(pictures(network, outcome));
  await writeAtomic(file, format === "svg" ? figure.svg : toPng(figure));
}

if (import.meta.main) Deno.exit(await runCommand(attackCommand, Deno.args));
