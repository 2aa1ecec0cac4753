/**
 * Records the operations that a tfjs function executes, as a TensorFlow graph.
 *
 * @module
 */
import {
  type Binding,
  type NativeBackend,
  nativeBackend,
  type Tensor,
  type TensorInfo,
  tf,
  typeAttribute,
} from "../backend.ts";
import { GraphBuilder, type TensorSpec } from "./builder.ts";
import { type ResidentNames, Residents } from "./residents.ts";
import { flatten, type Tree } from "./tree.ts";

/** A traced function. */
export interface Traced {
  savedModel: Uint8Array;
  /** How residents are set and given. */
  residents: ResidentNames;
  /** Of the inputs and outputs that are no residents. */
  inputNames: string;
  outputNames: string;
  /** What the function returned; its tensors are disposed. */
  result: Tree;
  /** Bytes of constants and of all intermediate values. */
  bytes: number;
}

type Output = ReturnType<Binding["executeOp"]>[number];

/** An executed operation: what must come again when the function runs again, and what it gave. */
interface Step {
  operation: string;
  /** Operation, attributes and inputs. */
  key: string;
  outputs: Output[];
}

/** Operations whose results differ from call to call. */
const stateful = new Set([
  "Multinomial",
  "RandomUniform",
  "RandomStandardNormal",
  "TruncatedNormal",
]);

const bytesOf = ({ shape }: TensorSpec) => 4 * shape.reduce((a, b) => a * b, 1);

/**
 * Runs `fn` once and records what it executes; then runs it again without executing anything, to
 * see that it does the same.
 *
 * @param inputs What it is run on; they become the graph's inputs.
 * @param name What errors call it.
 * @param residents How many of the inputs stay in TensorFlow; as many of the function's results, the
 *   first ones, are their new values.
 * @throws {Error} If it reads a tensor, draws random numbers outside the graph, uses or assigns a
 *   variable, or does not do the same thing twice.
 */
export function trace(
  fn: (...inputs: Tensor[]) => Tree,
  inputs: Tensor[],
  name: string,
  residents = 0,
): Traced {
  const tracer = new Tracer(name);
  tf.tidy(() => {
    const copies = inputs.map((input, i) => tracer.input(input, i < residents));
    // Results may be kept (`tf.keep`), which outlives this scope; those from outside are not ours.
    const newest = Math.max(-1, ...copies.map(({ id }) => id));
    for (const run of [tracer.record, tracer.replay]) {
      const { tensors } = flatten(run.call(tracer, () => fn(...copies)));
      tf.dispose(tensors.filter(({ id }) => id > newest));
    }
  });
  return tracer.finish(residents);
}

/** What a run of the function returned. */
interface Outcome {
  result: Tree;
  /** Of its tensors, in order. */
  references: string[];
}

class Tracer {
  readonly #native = nativeBackend();
  readonly #binding = this.#native.binding;
  readonly #graph = new GraphBuilder(this.#binding);
  /** References `node:output` by TensorFlow's tensor number. */
  readonly #references = new Map<number, string>();
  readonly #specs = new Map<number, TensorSpec>();
  readonly #variables = variableIds();
  readonly #inputNames: string[] = [];
  readonly #steps: Step[] = [];
  readonly #residents = new Residents(this.#graph, this.#binding);
  #outcome: Outcome = { result: [], references: [] };
  #replaying = false;
  #position = 0;
  #bytes = 0;

  constructor(private readonly name: string) {}

  /** Makes an input of the graph; the copy has a number of its own, also if a tensor comes twice. */
  input(input: Tensor, resident: boolean): Tensor {
    const spec = { shape: input.shape, dtype: this.#dtype(input) };
    const type = typeAttribute(this.#binding, "T", spec.dtype);
    const copy = this.#native.executeSingleOutput("Identity", [type], [input]);
    const [id] = this.#native.getInputTensorIds([copy]);
    const reference = resident ? this.#residents.add(spec) : this.#graph.placeholder(spec);
    this.#references.set(id!, reference);
    if (!resident) this.#inputNames.push(`${reference}:0`);
    return copy;
  }

  /** Runs a function and records what it executes. */
  record(fn: () => Tree): Tree {
    this.#outcome = this.#hooked(fn);
    return this.#outcome.result;
  }

  /** Runs the function again, executing nothing, and compares what it asks for and returns. */
  replay(fn: () => Tree): Tree {
    this.#replaying = true;
    const again = this.#hooked(fn);
    const left = this.#steps[this.#position];
    if (left) this.#failUnequal(left.operation, "nothing more");
    const [first, second] = [this.#outcome, again].map(({ result, references }) =>
      `${flatten(result).signature} ${references}`
    );
    if (first !== second) this.#failUnequal("one result", "another");
    return again.result;
  }

  /** Serializes the graph. */
  finish(residents: number): Traced {
    const { result, references } = this.#outcome;
    const after = this.#residents.update(references.slice(0, residents));
    const outputs = flatten(result).tensors.slice(residents).map((output, i) => {
      const type = typeAttribute(this.#binding, "T", this.#dtype(output));
      const inputs = [references[residents + i]!, ...after];
      return `${this.#graph.operation("Identity", [type], inputs)}:0`;
    });
    return {
      residents: this.#residents.finish(),
      savedModel: this.#graph.savedModel(),
      inputNames: this.#inputNames.join(),
      outputNames: outputs.join(),
      result,
      bytes: this.#bytes + this.#graph.constantBytes,
    };
  }

  #fail(what: string, remedy: string): never {
    throw new Error(`Cannot compile ${this.name} as it ${what}: ${remedy}`);
  }

  #failUnequal(first: string, second: string): never {
    this.#fail(
      `does not do the same thing twice (${first} at first, then ${second})`,
      "let its result depend on nothing but its arguments",
    );
  }

  /** Runs a function while all that it asks of TensorFlow goes through the tracer. */
  #hooked(fn: () => Tree): Outcome {
    const native = this.#native;
    const [{ random }, { assign }] = [Math, tf.Variable.prototype];
    // The binding's own properties are read-only: what records inherits from it.
    const hooks: Partial<Binding> = {
      executeOp: (...call) => this.#execute(...call),
      createTensor: (...call) => this.#create(...call),
      tensorDataSync: (id) => this.#read(id),
    };
    native.binding = Object.create(this.#binding, Object.getOwnPropertyDescriptors(hooks));
    native.getInputTensorIds = (tensors) => this.#idsOf(tensors);
    Math.random = () =>
      this.#fail("draws a random number in JavaScript", "pass a seed and use statelessUniform");
    tf.Variable.prototype.assign = () =>
      this.#fail("assigns a tf.Variable", "return the new value instead");
    try {
      const result: unknown = fn();
      if (result instanceof Promise) {
        result.catch(() => {}); // what it was refused is part of the message below
        this.#fail("is asynchronous", "read values outside, from the result");
      }
      const tree = result as Tree;
      const ids = native.getInputTensorIds(flatten(tree).tensors);
      return { result: tree, references: ids.map((id) => this.#reference(id)) };
    } finally {
      native.binding = this.#binding;
      delete (native as Partial<typeof native>).getInputTensorIds; // the class's own shows again
      Math.random = random;
      tf.Variable.prototype.assign = assign;
    }
  }

  #execute(...[operation, attributes, ids, count]: Parameters<Binding["executeOp"]>): Output[] {
    if (stateful.has(operation)) {
      this.#fail(`draws random numbers by ${operation}`, "pass a seed and use statelessUniform");
    }
    const inputs = ids.map((id) => this.#reference(id));
    const key = `${operation} ${JSON.stringify(attributes)} ${inputs}`;
    if (this.#replaying) return this.#repeat(operation, key);
    const node = this.#graph.operation(operation, attributes, inputs);
    const outputs = this.#binding.executeOp(operation, attributes, ids, count);
    outputs.forEach(({ id, ...spec }, i) => {
      this.#references.set(id, i === 0 ? node : `${node}:${i}`);
      this.#bytes += bytesOf(spec);
    });
    this.#steps.push({ operation, key, outputs });
    return outputs;
  }

  /** Gives the recorded outputs, without values, if the operation is the recorded one. */
  #repeat(operation: string, key: string): Output[] {
    const step = this.#steps[this.#position++];
    if (step?.key !== key) this.#failUnequal(step?.operation ?? "nothing more", operation);
    return step!.outputs.map((output, i) => {
      const id = -1000 - 100 * this.#position - i; // negative: tfjs-node does not delete it
      this.#references.set(id, this.#references.get(output.id)!);
      return { ...output, id };
    });
  }

  #create(...[shape, dtype, values]: Parameters<Binding["createTensor"]>): number {
    const id = this.#binding.createTensor(shape, dtype, values);
    this.#references.set(id, this.#graph.constant({ shape, dtype }, values));
    return id;
  }

  #read(id: number): ReturnType<Binding["tensorDataSync"]> {
    if (this.#references.has(id)) {
      this.#fail("reads a tensor's value while it is traced", "read it outside, from the result");
    }
    return this.#binding.tensorDataSync(id);
  }

  /** TensorFlow's numbers of tensors, of which only here shape and dtype are known. */
  #idsOf(tensors: TensorInfo[]): number[] {
    const { getInputTensorIds } = Object.getPrototypeOf(this.#native) as NativeBackend;
    const ids = getInputTensorIds.call(this.#native, tensors);
    tensors.forEach((tensor, i) => {
      if (!this.#references.has(ids[i]!)) {
        this.#specs.set(ids[i]!, { shape: tensor.shape, dtype: this.#dtype(tensor) });
      }
    });
    return ids;
  }

  /** The reference of a tensor; one from outside becomes a constant. */
  #reference(id: number): string {
    const known = this.#references.get(id);
    if (known !== undefined) return known;
    if (this.#variables.has(id)) this.#fail("uses a tf.Variable", "pass its value as an argument");
    const spec = this.#specs.get(id) ?? this.#fail(`uses tensor ${id}`, "it is unknown here");
    const reference = this.#graph.constant(spec, this.#binding.tensorDataSync(id));
    this.#references.set(id, reference);
    return reference;
  }

  #dtype({ dtype }: { dtype: Tensor["dtype"] }): number {
    const { TF_FLOAT, TF_INT32, TF_BOOL } = this.#binding;
    const numbers: Partial<Record<Tensor["dtype"], number>> = {
      ...{ float32: TF_FLOAT, int32: TF_INT32, bool: TF_BOOL },
    };
    return numbers[dtype] ?? this.#fail(`takes a ${dtype} tensor`, "use float32, int32 or bool");
  }
}

/** TensorFlow's numbers of all living variables; asking uploads those that still wait for it. */
function variableIds(): Set<number> {
  const variables = Object.values(tf.engine().registeredVariables);
  return new Set(nativeBackend().getInputTensorIds(variables));
}
