/**
 * `deno task repl`: a network, the digits and `attack()` in a read-eval-print loop.
 *
 * The task has the loop call {@linkcode start}, and puts what it returns at top level.
 *
 * @module
 */
import type { Outcome } from "../attacks/driver.ts";
import { attacks } from "../attacks/index.ts";
import { runner } from "../attacks/run.ts";
import { type Tensor4D, tf } from "../backend.ts";
import { type Digits, load } from "../loader.ts";
import type { Network } from "../network.ts";
import { describe, draw } from "./attack.ts";
import { type Call, type Command, runCommand } from "./command.ts";
import { known } from "./options.ts";
import {
  attackDefaults,
  datasetOption,
  loading,
  networkName,
  networkNames,
  openNetwork,
  warnOfBackend,
  weightsOption,
} from "./session.ts";

/** What `attack()` takes; the names and defaults are those of `deno task attack`. */
export interface AttackCall {
  /** @default 5 */
  image?: number;
  /** @default "test" */
  subset?: "train" | "test";
  /** @default 2 */
  p?: number;
  /** @default 1.5 */
  norm?: number;
  /** @default 0.01 */
  lr?: number;
  /** @default "school" */
  attack?: string;
  /** Class to reach. @default any other */
  targeted?: number;
  /** @default 500 */
  steps?: number;
  /** @default 0 */
  seed?: number;
}

/** An outcome that the loop shows in words. */
export interface ShownOutcome extends Outcome {
  /** Draws the three pictures into an SVG or PNG file. */
  draw(file: string): Promise<void>;
}

/** What stands at top level in the loop. */
export interface Session {
  network: Network;
  train: Digits;
  test: Digits;
  /** Attacks one image at once: a plain call shows its outcome, and so does `await`. */
  attack(call?: AttackCall): ShownOutcome;
}

const options = { dataset: datasetOption, weights: weightsOption };

const replCommand: Command<typeof options> = {
  name: "repl",
  summary: "Opens a read-eval-print loop with a network, the digits and attack().",
  arguments: "NETWORK",
  options,
  examples: [
    ["repl CNN_d", "then type attack()"],
    ["repl MLP", 'then type await attack({ image: 7, p: 2, norm: 1.5 }).draw("attack.svg")'],
  ],
  notes: async () => [
    `Networks: ${(await networkNames()).join(", ")}.`,
    "At top level: network, train, test, and attack({ image, subset, p, norm, lr, attack, targeted,\n" +
    "steps, seed }), with the defaults of deno task attack. Ctrl-D leaves.",
  ],
  run: open,
};

let session: Session | undefined;

/** Opens the session that a command line asks for, or ends the process with its exit code. */
export async function start(args: readonly string[]): Promise<Session> {
  const code = await runCommand(replCommand, args);
  return session ?? Deno.exit(code);
}

async function open(
  { values, positionals, signal, say }: Call<typeof options>,
): Promise<Record<string, unknown>> {
  const name = await networkName(positionals);
  await warnOfBackend();
  const network = await openNetwork(name, values.weights, values.dataset);
  const given = loading(values.dataset, signal);
  const digits = { train: await load("train", given), test: await load("test", given) };
  session = {
    network,
    ...digits,
    attack: (call = {}) => inOneLine(() => attack(network, digits, call)),
  };
  say(`${name}, train and test are loaded. Try attack({ image: 7, p: 2, norm: 1.5 })`);
  return { network: name };
}

const { learningRate, ...shared } = attackDefaults;
const defaults: Required<Omit<AttackCall, "targeted">> & { targeted: number | undefined } = {
  ...shared,
  lr: learningRate,
  subset: "test",
  attack: "school",
  targeted: undefined,
};

function attack(
  network: Network,
  digits: { train: Digits; test: Digits },
  call: AttackCall,
): ShownOutcome {
  checkCall(call);
  const { image, subset, p, norm, lr, attack, targeted, steps, seed } = { ...defaults, ...call };
  const { images, labels } = digits[known(subset, ["train", "test"], "subset")];
  const count = images.shape[0];
  if (!(Number.isInteger(image) && image >= 0 && image < count)) {
    throw new RangeError(
      `Cannot attack as ${subset} has images 0 to ${count - 1}: current value is ${image}`,
    );
  }
  const entry = attacks[known(attack, Object.keys(attacks), "attack")]!;
  const one: Tensor4D = tf.tidy(() => images.slice([image], [1]));
  const label = tf.tidy(() => labels.slice([image], [1]).dataSync()[0]!);
  const run = { ids: [image], steps, seed };
  try {
    const [outcome] = runner(entry, { p, norm, learningRate: lr }).runSync(
      network,
      one,
      targeted === undefined ? run : { ...run, target: targeted },
    );
    const asked = entry.minimal ? undefined : norm;
    return shown(network, outcome!, { network: network.name, label, subset, asked });
  } finally {
    one.dispose();
  }
}

/** Checks names and kinds: nothing else stands between what is typed and the attack. */
function checkCall(call: AttackCall): void {
  const names = Object.keys(defaults);
  if (typeof call !== "object") {
    throw new TypeError(
      `Cannot attack as options are given as { ${names.join(", ")} }: current value is ${call}`,
    );
  }
  for (const [name, value] of Object.entries(call)) {
    known(name, names, "an option");
    const kind = ["subset", "attack"].includes(name) ? "string" : "number";
    const found: string = typeof value;
    if (found === kind) continue;
    throw new TypeError(
      `Cannot attack as ${name} must be a ${kind}: current value is ${Deno.inspect(value)}`,
    );
  }
}

/** Leaves of an error what people in the loop want: its line, not the way to it. */
function inOneLine<T>(action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw lineOf(error);
  }
}

function lineOf(error: unknown): unknown {
  if (error instanceof Error) error.stack = `${error.name}: ${error.message}`;
  return error;
}

/** Gives an outcome the words that the loop prints in place of its fields. */
function shown(
  network: Network,
  outcome: Outcome,
  about: Parameters<typeof describe>[1],
): ShownOutcome {
  const methods = {
    draw: {
      value: (file: string) =>
        draw(network, outcome, file).catch((error) => Promise.reject(lineOf(error))),
    },
    [Symbol.for("Deno.customInspect")]: { value: () => describe(outcome, about) },
  };
  return Object.defineProperties({ ...outcome }, methods) as ShownOutcome;
}
