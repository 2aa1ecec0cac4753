/**
 * A network as pieces of affine maps: what it computes while no ReLU and no max-pool changes its
 * choice.
 *
 * @module
 */
import type { Network } from "../../network.ts";
import { type Affine, affineLayers, backward, forward } from "./layers.ts";

/**
 * The choices of one linear region, one array for each stage of ReLUs (with the max-pool that follows
 * them, if any), one choice for each unit: which of its values goes on, or -1 for none, the value 0.
 */
export type Pattern = readonly Int8Array[];

/** A unit's choice among its values, or none. */
export interface Choice {
  stage: number;
  unit: number;
  value: number;
}

/** A stage: affine layers, then units that each let their largest value through, or 0. */
interface Stage {
  layers: Affine[];
  /** Places of each unit's values in the affine layers' output, `group` for each unit. */
  members: Int32Array;
  group: number;
  units: number;
}

/** Values before each stage's units, and after the last stage: the logits. */
export type Values = readonly Float64Array[];

/** A piecewise affine network in double precision, outside TensorFlow: one image at a time. */
export class PiecewiseAffine {
  readonly stages: readonly Stage[];

  /** @throws {TypeError} If a max-pool does not follow a ReLU. */
  constructor(network: Network) {
    this.stages = stagesOf(network);
  }

  /** The region that an image lies in. */
  patternAt(image: ArrayLike<number>): Pattern {
    const pattern: Int8Array[] = [];
    this.#run(image, (stage, values, { units }) => {
      const choices = Int8Array.from(
        { length: units },
        (_, unit) => this.#largest(stage, unit, values),
      );
      pattern.push(choices);
      return choices;
    });
    return pattern;
  }

  /** What the affine map of a region gives for an image, which may lie outside the region. */
  values(pattern: Pattern, image: ArrayLike<number>): Values {
    return this.#run(image, (stage) => pattern[stage]!);
  }

  /** A choice's value: that of a unit's member, or 0 for none. */
  valueOf(values: Values, { stage, unit, value }: Choice): number {
    return value < 0 ? 0 : values[stage]![this.place(stage, unit, value)]!;
  }

  /** Where a member of a unit stands among the values of its stage. */
  place(stage: number, unit: number, value: number): number {
    const { members, group } = this.stages[stage]!;
    return members[unit * group + value]!;
  }

  /**
   * Gradient with respect to the image of a weighted sum of a stage's values, within a region.
   *
   * @param weights One for each place among the stage's values.
   */
  gradient(pattern: Pattern, stage: number, weights: ReadonlyMap<number, number>): Float64Array {
    const last = this.stages[stage]!.layers.at(-1)!;
    let slope = new Float64Array(last.outputs);
    for (const [place, weight] of weights) slope[place] = weight;
    for (let at = stage;; at--) {
      for (const layer of this.stages[at]!.layers.toReversed()) slope = backward(layer, slope);
      if (at === 0) return slope;
      const { members, group, units, layers } = this.stages[at - 1]!;
      const before = new Float64Array(layers.at(-1)!.outputs);
      const choices = pattern[at - 1]!;
      for (let unit = 0; unit < units; unit++) {
        if (choices[unit]! >= 0) before[members[unit * group + choices[unit]!]!] = slope[unit]!;
      }
      slope = before;
    }
  }

  #largest(stage: number, unit: number, values: Float64Array): number {
    let [best, largest] = [-1, 0];
    for (let value = 0; value < this.stages[stage]!.group; value++) {
      const one = values[this.place(stage, unit, value)]!;
      if (one > largest) [best, largest] = [value, one];
    }
    return best;
  }

  #run(
    image: ArrayLike<number>,
    choose: (stage: number, values: Float64Array, of: Stage) => Int8Array,
  ): Float64Array[] {
    const all: Float64Array[] = [];
    let x = Float64Array.from(image);
    this.stages.forEach((stage, at) => {
      for (const layer of stage.layers) x = forward(layer, x);
      all.push(x);
      if (stage.units === 0) return;
      const { members, group, units } = stage;
      const choices = choose(at, x, stage);
      const chosen = new Float64Array(units);
      for (let unit = 0; unit < units; unit++) {
        if (choices[unit]! >= 0) chosen[unit] = x[members[unit * group + choices[unit]!]!]!;
      }
      x = chosen;
    });
    return all;
  }
}

function stagesOf(network: Network): Stage[] {
  const stages: Stage[] = [];
  let layers: Affine[] = [];
  const { architecture } = network;
  const steps = affineLayers(architecture, network.weights);
  steps.forEach((step, i) => {
    if (step.kind !== "relu" && step.kind !== "maxPool") {
      layers.push(step);
      return;
    }
    if (step.kind === "maxPool") {
      if (steps[i - 1]?.kind === "relu") return; // the ReLU took it along
      throw new TypeError(`Cannot walk ${network.name} as each max-pool must follow a ReLU`);
    }
    const next = steps[i + 1];
    const [height, width, channels] = step.shape;
    const size = next?.kind === "maxPool" ? next.size : 1;
    const members = membersOf(height, width, channels, size);
    const group = size * size;
    stages.push({ layers, members, group, units: members.length / group });
    layers = [];
  });
  stages.push({ layers, members: new Int32Array(0), group: 1, units: 0 });
  return stages;
}

/** Places of each unit's values, for units that take squares of `size` pixels. */
function membersOf(height: number, width: number, channels: number, size: number): Int32Array {
  const places: number[] = [];
  for (let y = 0; y + size <= height; y += size) {
    for (let x = 0; x + size <= width; x += size) {
      for (let channel = 0; channel < channels; channel++) {
        for (let i = 0; i < size * size; i++) {
          const [row, column] = [y + Math.floor(i / size), x + i % size];
          places.push((row * width + column) * channels + channel);
        }
      }
    }
  }
  return Int32Array.from(places);
}
