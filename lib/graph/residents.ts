/**
 * Tensors that stay in TensorFlow between the runs of a graph, as its resource variables.
 *
 * @module
 */
import { type Binding, typeAttribute } from "../backend.ts";
import type { GraphBuilder, TensorSpec } from "./builder.ts";

interface Resident {
  /** References of the variable and of its value as a run finds it. */
  handle: string;
  read: string;
  spec: TensorSpec;
}

/** Names of what moves residents in and out of a loaded graph, as `runSavedModel` takes them. */
export interface ResidentNames {
  /** Inputs that set the variables, and the output that does it. */
  set: { inputs: string; output: string };
  /** Outputs that give the variables' values. */
  get: string;
}

/** Writes the part of a graph that keeps residents. */
export class Residents {
  readonly #graph: GraphBuilder;
  readonly #binding: Binding;
  readonly #residents: Resident[] = [];

  constructor(graph: GraphBuilder, binding: Binding) {
    this.#graph = graph;
    this.#binding = binding;
  }

  /** Adds a resident; gives the reference of its value. */
  add(spec: TensorSpec): string {
    const { TF_ATTR_SHAPE, TF_ATTR_STRING } = this.#binding;
    const handle = this.#graph.operation("VarHandleOp", [
      this.#dtype(spec),
      { name: "shape", type: TF_ATTR_SHAPE, value: spec.shape },
      { name: "shared_name", type: TF_ATTR_STRING, value: `resident-${this.#residents.length}` },
    ], []);
    const read = this.#graph.operation("ReadVariableOp", [this.#dtype(spec)], [handle]);
    this.#residents.push({ handle, read, spec });
    return read;
  }

  /**
   * Ends a run: the residents take their new values.
   *
   * @param values References of the new values, in the order of the residents.
   * @returns Control inputs that the run's outputs need, so that this happens.
   */
  update(values: string[]): string[] {
    return this.#residents.flatMap(({ handle, read, spec }, i) => {
      const value = values[i]!;
      if (value === read) return [];
      const inputs = [handle, value, `^${read}`]; // the old value is read first
      return [`^${this.#graph.operation("AssignVariableOp", [this.#dtype(spec)], inputs)}`];
    });
  }

  /** Writes what sets the residents and gets them. */
  finish(): ResidentNames {
    const assigned = this.#residents.map(({ handle, spec }) => {
      const placeholder = this.#graph.placeholder(spec);
      const type = [this.#dtype(spec)];
      return {
        placeholder,
        control: `^${this.#graph.operation("AssignVariableOp", type, [handle, placeholder])}`,
      };
    });
    const { TF_INT32 } = this.#binding;
    const zero = this.#graph.constant({ shape: [], dtype: TF_INT32 }, new Int32Array(1));
    const done = this.#graph.operation(
      "Identity",
      [typeAttribute(this.#binding, "T", TF_INT32)],
      [zero, ...assigned.map(({ control }) => control)],
    );
    const values = this.#residents.map(({ handle, spec }) =>
      this.#graph.operation("ReadVariableOp", [this.#dtype(spec)], [handle])
    );
    return {
      set: {
        inputs: assigned.map(({ placeholder }) => `${placeholder}:0`).join(),
        output: `${done}:0`,
      },
      get: values.map((value) => `${value}:0`).join(),
    };
  }

  #dtype({ dtype }: TensorSpec) {
    return typeAttribute(this.#binding, "dtype", dtype);
  }
}
