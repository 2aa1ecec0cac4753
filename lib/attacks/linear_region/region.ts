/**
 * A linear region around a pattern of choices, and what a point in it must fulfil, as inequalities.
 *
 * @module
 */
import type { Choice, Pattern, PiecewiseAffine, Values } from "./affine.ts";
import type { Inequality } from "./simplex.ts";

/** That one value of a stage must not exceed another: `more` + `margin` <= `less`. */
export interface Constraint {
  stage: number;
  /** Places among the stage's values; -1 stands for the value 0. */
  more: number;
  less: number;
  margin: number;
  /** What a unit chooses beyond the constraint; without it, the goal asks for the constraint. */
  beyond?: Choice;
}

/** What is asked of the logits: that `more` falls below `less`, by a margin, in one pair or several. */
export interface Wanted {
  pairs: readonly { more: number; less: number }[];
  margin: number;
}

/** One linear region, seen from one image; counts what it asks of the network. */
export class Region {
  forwards = 0;
  backwards = 0;
  readonly #net: PiecewiseAffine;
  readonly #image: Float64Array;
  readonly #goals: Constraint[];
  readonly #base: Values;

  constructor(
    net: PiecewiseAffine,
    readonly pattern: Pattern,
    image: Float64Array,
    { pairs, margin }: Wanted,
  ) {
    this.#net = net;
    this.#image = image;
    const stage = net.stages.length - 1;
    this.#goals = pairs.map((pair) => ({ stage, ...pair, margin }));
    this.#base = this.#values(image);
  }

  /** The goal's first pair, which is there from the beginning. */
  get goal(): Constraint {
    return this.#goals[0]!;
  }

  /** The constraint as an inequality on the perturbation. */
  inequality({ stage, more, less, margin }: Constraint): Inequality {
    this.backwards++;
    const weights = new Map<number, number>();
    if (more >= 0) weights.set(more, 1);
    if (less >= 0) weights.set(less, -1);
    const row = this.#net.gradient(this.pattern, stage, weights);
    return { row, bound: -(at(this.#base, stage, more) - at(this.#base, stage, less) + margin) };
  }

  /** The constraints that a perturbation violates, the worst first. */
  violated(perturbation: Float64Array, tolerance: number): Constraint[] {
    const point = perturbation.map((one, i) => one + this.#image[i]!);
    const values = this.#values(point);
    const found: { excess: number; constraint: Constraint }[] = [];
    const look = (constraint: Constraint, tolerance: number) => {
      const { stage, more, less, margin } = constraint;
      const excess = at(values, stage, more) - at(values, stage, less) + margin;
      if (excess > tolerance) found.push({ excess, constraint });
    };
    for (const goal of this.#goals) look(goal, tolerance);
    this.pattern.forEach((choices, stage) => {
      const { group } = this.#net.stages[stage]!;
      choices.forEach((chosen, unit) => {
        for (let other = -1; other < group; other++) {
          if (other !== chosen) look(this.between(stage, unit, other), tolerance);
        }
      });
    });
    return found.sort((a, b) => b.excess - a.excess).map(({ constraint }) => constraint);
  }

  /** The constraint between a unit's choice and another of its values. */
  between(stage: number, unit: number, other: number): Constraint {
    const place = (value: number) => value < 0 ? -1 : this.#net.place(stage, unit, value);
    const chosen = this.pattern[stage]![unit]!;
    const beyond = { stage, unit, value: other };
    return { stage, more: place(other), less: place(chosen), margin: 0, beyond };
  }

  #values(point: Float64Array): Values {
    this.forwards++;
    return this.#net.values(this.pattern, point);
  }
}

const at = (values: Values, stage: number, place: number): number =>
  place < 0 ? 0 : values[stage]![place]!;

/** The region on the other side of some constraints. */
export function across(pattern: Pattern, choices: readonly Choice[]): Pattern {
  const copy = pattern.map((one) => Int8Array.from(one));
  for (const { stage, unit, value } of choices) copy[stage]![unit] = value;
  return copy;
}
