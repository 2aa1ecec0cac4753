/**
 * Records the operations that a tfjs function executes, as a TensorFlow graph.
 *
 * @module
 */
import { type Binding, nativeBackend, type Tensor, tf } from "./backend.ts";
import { GraphBuilder, type TensorSpec } from "./graph.ts";
import { flatten, type Tree } from "./tree.ts";

/** A traced function. */
export interface Traced {
  savedModel: Uint8Array;
  inputNames: string;
  outputNames: string;
  /** What the function returned; its tensors are disposed. */
  result: Tree;
  /** Bytes of constants and of all intermediate values. */
  bytes: number;
}

const bytesOf = ({ shape }: TensorSpec) => 4 * shape.reduce((a, b) => a * b, 1);

/**
 * Runs `fn` once and records what it executes.
 *
 * @param inputs What it is run on; they become the graph's inputs.
 * @param name What errors call it.
 * @throws {Error} If it reads a tensor, draws a random number in JavaScript, or uses a variable.
 */
export function trace(fn: (...inputs: Tensor[]) => Tree, inputs: Tensor[], name: string): Traced {
  const native = nativeBackend();
  const { binding } = native;
  const graph = new GraphBuilder(binding);
  /** References `node:output` by TensorFlow's tensor number. */
  const references = new Map<number, string>();
  const specs = new Map<number, TensorSpec>();
  const variables = variableIds(); // before recording, as it uploads those that still wait
  let bytes = 0;
  const fail = (what: string, remedy: string): never => {
    throw new Error(`Cannot compile ${name} as it ${what}: ${remedy}`);
  };

  const { getInputTensorIds } = native;
  const { random } = Math;
  const assign = tf.Variable.prototype.assign;

  function capture(id: number): string {
    const spec = specs.get(id);
    if (!spec) throw new Error(`Cannot compile ${name} as tensor ${id} is unknown`);
    if (variables.has(id)) fail("uses a tf.Variable", "pass its value as an argument");
    const reference = graph.constant(spec, binding.tensorDataSync(id));
    references.set(id, reference);
    return reference;
  }

  const executeOp: Binding["executeOp"] = (operation, attributes, ids, count) => {
    if (stateful.has(operation)) {
      fail(`draws random numbers with ${operation}`, "draw them with statelessUniform and a seed");
    }
    const node = graph.operation(
      operation,
      attributes,
      ids.map((id) => references.get(id) ?? capture(id)),
    );
    const outputs = binding.executeOp(operation, attributes, ids, count);
    outputs.forEach((output, i) => {
      references.set(output.id, i === 0 ? node : `${node}:${i}`);
      specs.set(output.id, output);
      bytes += bytesOf(output);
    });
    return outputs;
  };
  const createTensor: Binding["createTensor"] = (shape, dtype, values) => {
    const id = binding.createTensor(shape, dtype, values);
    references.set(id, graph.constant({ shape, dtype }, values));
    return id;
  };
  const tensorDataSync: Binding["tensorDataSync"] = (id) => {
    if (references.has(id)) {
      fail("reads a tensor's value while it is traced", "read it outside, from the result");
    }
    return binding.tensorDataSync(id);
  };
  // The binding's own properties are read-only: what records inherits from it.
  native.binding = Object.create(
    binding,
    Object.getOwnPropertyDescriptors({ executeOp, createTensor, tensorDataSync }),
  );
  native.getInputTensorIds = (tensors) => {
    const ids = getInputTensorIds.call(native, tensors);
    ids.forEach((id, i) => {
      const { shape, dtype } = tensors[i]!;
      if (!specs.has(id)) specs.set(id, { shape, dtype: dtypeNumber(dtype) });
    });
    return ids;
  };
  Math.random = () =>
    fail("draws a random number in JavaScript", "pass a seed and use statelessUniform");
  tf.Variable.prototype.assign = () =>
    fail("assigns a tf.Variable", "return the new value instead");

  // Copies have numbers of their own: a tensor given twice stays two inputs.
  function copyOf(input: Tensor): Tensor {
    const type = { name: "T", type: binding.TF_ATTR_TYPE, value: dtypeNumber(input.dtype) };
    const ids = getInputTensorIds.call(native, [input]);
    const [copy] = binding.executeOp("Identity", [type], ids, 1);
    return native.createOutputTensor(copy!);
  }

  function dtypeNumber(dtype: Tensor["dtype"]): number {
    const numbers: Partial<Record<Tensor["dtype"], number>> = {
      float32: binding.TF_FLOAT,
      int32: binding.TF_INT32,
      bool: binding.TF_BOOL,
    };
    return numbers[dtype] ?? fail(`takes a ${dtype} tensor`, "use float32, int32 or bool");
  }

  try {
    const inputNames: string[] = [];
    const outputNames: string[] = [];
    let result: Tree;
    tf.tidy(() => {
      const copies = inputs.map((input) => {
        const copy = copyOf(input);
        const [id] = getInputTensorIds.call(native, [copy]);
        const spec = { shape: input.shape, dtype: dtypeNumber(input.dtype) };
        const reference = graph.placeholder(spec);
        specs.set(id!, spec);
        references.set(id!, reference);
        inputNames.push(`${reference}:0`);
        return copy;
      });
      result = fn(...copies);
      for (const output of flatten(result).tensors) {
        const type = { name: "T", type: binding.TF_ATTR_TYPE, value: dtypeNumber(output.dtype) };
        const [id] = native.getInputTensorIds([output]);
        const reference = references.get(id!) ?? capture(id!);
        outputNames.push(`${graph.operation("Identity", [type], [reference])}:0`);
      }
    });
    return {
      savedModel: graph.savedModel(),
      inputNames: inputNames.join(),
      outputNames: outputNames.join(),
      result,
      bytes: bytes + graph.constantBytes,
    };
  } finally {
    native.binding = binding;
    native.getInputTensorIds = getInputTensorIds;
    Math.random = random;
    tf.Variable.prototype.assign = assign;
  }
}

/** Operations whose results differ from call to call. */
const stateful = new Set([
  "Multinomial",
  "RandomUniform",
  "RandomStandardNormal",
  "TruncatedNormal",
]);

/** TensorFlow's numbers of all living variables. */
function variableIds(): Set<number> {
  const variables = Object.values(tf.engine().registeredVariables);
  return new Set(nativeBackend().getInputTensorIds(variables));
}
