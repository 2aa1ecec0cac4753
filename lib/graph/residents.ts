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

/** Writes the part of a graph that keeps residents, and updates them in place where it can. */
export class Residents {
  readonly #graph: GraphBuilder;
  readonly #binding: Binding;
  readonly #residents: Resident[] = [];
  /** Operations so far on each resident's value, by its reference. */
  readonly #uses = new Map<string, string[]>();
  /** The last operation on each variable, residents or not, by the reference of its handle. */
  readonly #lastUses = new Map<string, string>();
  /** Handles that stand for a resident's, as they were assigned its untouched value. */
  readonly #aliases = new Map<string, string>();
  /** Values read from variables: their handles. */
  readonly #readsOf = new Map<string, string>();

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
      { name: "shared_name", type: TF_ATTR_STRING, value: "" },
    ], []);
    const read = this.#graph.operation("ReadVariableOp", [this.#dtype(spec)], [handle]);
    this.#residents.push({ handle, read, spec });
    this.#uses.set(read, []);
    return read;
  }

  /**
   * Writes an operation of the program into the graph.
   *
   * Operations on one variable keep the program's order by control inputs. A variable that is
   * assigned a resident's value is the resident itself, so that nothing is copied.
   *
   * @returns The node, or nothing if the operation is not needed.
   */
  operation(
    ...[name, attributes, inputs]: Parameters<GraphBuilder["operation"]>
  ): string | undefined {
    // The session frees its variables when it is closed.
    if (name === "DestroyResourceOp") return undefined;
    const [first, value] = inputs;
    const resident = this.#residents.find(({ read }) => read === value);
    if (name === "AssignVariableOp" && resident && this.#lastUses.get(first!) === first) {
      this.#aliases.set(first!, resident.handle);
      return undefined;
    }
    const actual = inputs.map((input) => this.#aliases.get(input) ?? input);
    const node = this.#graph.operation(name, attributes, [
      ...actual,
      ...this.#before(name, actual),
    ]);
    for (const input of actual) {
      if (this.#lastUses.has(input) || this.#isHandle(input)) this.#lastUses.set(input, node);
      this.#uses.get(input)?.push(node);
    }
    if (name === "VarHandleOp") this.#lastUses.set(node, node);
    if (name === "ReadVariableOp") this.#readsOf.set(node, actual[0]!);
    return node;
  }

  /**
   * Ends a run: the residents take their new values.
   *
   * @param values References of the new values, in the order of the residents.
   * @returns Control inputs that the run's outputs need, so that this happens.
   */
  update(values: string[]): string[] {
    return this.#residents.flatMap(({ handle, read, spec }, i) => {
      const [value, last] = [values[i]!, this.#lastUses.get(handle)];
      if (this.#readsOf.get(value) === handle) return last ? [`^${last}`] : [];
      if (value === read) return [];
      const after = [`^${read}`, ...last ? [`^${last}`] : []];
      const assign = this.#graph.operation("AssignVariableOp", [this.#dtype(spec)], [
        ...[handle, value, ...after],
      ]);
      return [`^${assign}`];
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

  /** Control inputs that an operation needs. */
  #before(name: string, inputs: string[]): string[] {
    const order = inputs.flatMap((input) => {
      const last = this.#lastUses.get(input);
      return last === undefined || last === input ? [] : [last];
    });
    // The old value is read first, for those that use it later; and those that used it before are
    // done with it, as TensorFlow copies a value that somebody still holds.
    const uses = name.startsWith("ResourceApply")
      ? this.#residents.filter(({ handle }) => inputs.includes(handle))
        .flatMap(({ read }) => [read, ...this.#uses.get(read)!])
      : [];
    return [...new Set([...order, ...uses])].map((node) => `^${node}`);
  }

  #isHandle(reference: string): boolean {
    return this.#residents.some(({ handle }) => handle === reference);
  }

  #dtype({ dtype }: TensorSpec) {
    return typeAttribute(this.#binding, "dtype", dtype);
  }
}
