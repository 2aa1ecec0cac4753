/**
 * Figures of attacks on one image: the third notebook's.
 *
 * @module
 */
import type { Outcome } from "../../attacks/driver.ts";
import { attacks } from "../../attacks/index.ts";
import { pictures } from "../../attacks/pictures.ts";
import { runner } from "../../attacks/run.ts";
import { load } from "../../loader.ts";
import { loadNetwork, type Network } from "../../network.ts";
import { progress } from "../../notebook.ts";
import { attackPictures } from "../../plots/attack_pictures.ts";
import { attackTrace, type TraceRow } from "../../plots/attack_trace.ts";
import { confidenceLine } from "../../plots/confidence_line.ts";
import { sweep, sweepPictures } from "../../plots/sweep.ts";
import { lineRows, sweepRows } from "../../rows.ts";
import { known, UsageError } from "../options.ts";
import { attackDefaults, checkImage, loading, usable } from "../session.ts";
import { type Chosen, entry, type Figures } from "./entry.ts";

const swept = {
  ...{ network: "CNN_d", dataset: "MNIST" as const, subset: "test" as const, attack: "school" },
  ...{ image: attackDefaults.image, lr: attackDefaults.learningRate },
  ...{ steps: attackDefaults.steps, seed: attackDefaults.seed },
};

const once = { ...swept, p: attackDefaults.p, norm: attackDefaults.norm };

type Sweep = Chosen<typeof swept>;
type Once = Chosen<typeof once>;

/** The figures of chapter 3. */
export const attackFigures: Figures = {
  "attack": entry(
    "An attack's three pictures: image, perturbation, adversarial image",
    once,
    async (values, signal) => {
      const { network, outcome } = await attacked(values, signal);
      const subtitle = `${described(network, values)}, learning rate ${values.lr}, ` +
        `${outcome.steps} steps`;
      return attackPictures(pictures(network, outcome), { subtitle });
    },
  ),
  "trace": entry("An attack, step by step", once, async (values, signal) => {
    const { p, norm, attack } = values;
    if (entryOf(attack).search) {
      throw new UsageError(`Cannot draw steps as many attacks are run: current value is ${attack}`);
    }
    const { network, outcome, trace } = await attacked(values, signal);
    return attackTrace(trace, {
      p,
      label: outcome.prediction,
      epsilon: norm,
      title: `The attack, step by step: ${described(network, values)}`,
    });
  }),
  "line": entry(
    "Confidences on the straight line from an image to its adversarial image",
    once,
    async (values, signal) => {
      const { network, outcome } = await attacked(values, signal);
      const title = `From the image to the adversarial image: ${described(network, values)}`;
      return confidenceLine(lineRows(network, outcome), { title });
    },
  ),
  "sweep": entry(
    "Confidence left after an attack, norm by norm",
    swept,
    async (values, signal) => {
      const { network, rows } = await sweeping(values, signal);
      return sweep(rows, { title: `How much it takes: ${described(network, values)}` });
    },
  ),
  "sweep-pictures": entry(
    "What an attack makes of an image, norm by norm",
    swept,
    async (values, signal) => {
      const { network, rows } = await sweeping(values, signal);
      return sweepPictures(rows, {
        title: `What the attack makes: ${described(network, values)}`,
      });
    },
  ),
};

const entryOf = (attack: string) => attacks[known(attack, Object.keys(attacks), "--attack")]!;

function described(network: Network, { subset, image, attack }: Sweep): string {
  return `${network.name}, ${subset} image ${image}, ${attack}'s attack`
    .replace("school's attack", "the school's attack");
}

async function oneImage({ subset, dataset, image }: Sweep, signal: AbortSignal) {
  checkImage({ subset, dataset, image });
  return (await load(subset, { ...loading(dataset, signal), from: image, to: image + 1 })).images;
}

/** Runs the attack asked for, and remembers how it went. */
async function attacked(
  values: Once,
  signal: AbortSignal,
): Promise<{ network: Network; outcome: Outcome; trace: TraceRow[] }> {
  const { attack, p, norm, lr: learningRate, image, steps, seed } = values;
  checkImage(values);
  const run = usable(() => runner(entryOf(attack), { p, norm, learningRate }));
  const network = await loadNetwork(values.network, { dataset: values.dataset });
  const trace: TraceRow[] = [];
  const [outcome] = await run.run(network, await oneImage(values, signal), {
    ids: [image],
    steps,
    seed,
    signal,
    onStep: ({ step, images: [point] }) => point && trace.push({ step, ...point }),
  });
  return { network, outcome: outcome!, trace };
}

/** The report's norms, each with a size that most digits give way to. */
const most: readonly [p: number, norm: number][] = [
  [2, 3],
  [3, 1.5],
  [5, 0.9],
  [10, 0.6],
  [Infinity, 0.3],
];

/** Runs the attack in each norm, at sixths of that size. */
async function sweeping(values: Sweep, signal: AbortSignal) {
  const { lr: learningRate, image, steps, seed } = values;
  const attack = known(values.attack, Object.keys(attacks), "--attack");
  const images = await oneImage(values, signal);
  const network = await loadNetwork(values.network, { dataset: values.dataset });
  const norms = new Map(most.map(([p, norm]) => [
    p,
    [1, 2, 3, 4, 5, 6].map((i) => Number((norm * i / 6).toPrecision(3))),
  ]));
  const bar = progress(most.length * 6, "sweep");
  const rows = await sweepRows(network, images, {
    ...{ norms, attack, learningRate, steps, seed, ids: [image], signal },
    onProgress: (done) => bar.update(done),
  });
  await bar.end();
  return { network, rows };
}
