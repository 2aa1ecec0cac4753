/**
 * The one door to TensorFlow: loads tfjs-node, or pure-JavaScript tfjs where there is no native part.
 *
 * @module
 */
import { createRequire } from "node:module";
import type * as tfjs from "@tensorflow/tfjs";
import { replaceKernels } from "./kernels.ts";
import { hasOperations } from "./setup/operations.ts";

export type {
  DataType,
  NamedTensorMap,
  Rank,
  Scalar,
  Tensor,
  Tensor1D,
  Tensor2D,
  Tensor3D,
  Tensor4D,
  TensorInfo,
  TypedArray,
} from "@tensorflow/tfjs";

/** What the tensors of this process run on; recorded in checkpoints, as bits depend on it. */
export interface Backend {
  name: "tensorflow" | "cpu";
  /** Version of libtensorflow, or of tfjs where there is none. */
  version: string;
  native: boolean;
  /** Threads of one operation. */
  threads: number;
  /** Whether oneDNN's kernels serve (native only; `TF_ENABLE_ONEDNN_OPTS=0` turns them off). */
  oneDNN: boolean;
  /** Whether the lab's own operations are compiled in (`native/`); set-up does it. */
  operations: boolean;
  /** What users lose on this backend and what to do; commands and notebooks print it. */
  warning?: string;
}

/** One attribute of a TensorFlow operation, as tfjs-node's binding takes it. */
export interface OpAttribute {
  name: string;
  /** One of the binding's `TF_ATTR_…` numbers. */
  type: number;
  value: unknown;
}

/** An attribute that holds a dtype, by one of the binding's `TF_…` numbers. */
export const typeAttribute = (binding: Binding, name: string, dtype: number): OpAttribute => ({
  name,
  type: binding.TF_ATTR_TYPE,
  value: dtype,
});

/** The part of tfjs-node's native binding that the lab relies on; tfjs does not declare it. */
export interface Binding {
  readonly TF_Version: string;
  readonly TF_FLOAT: number;
  readonly TF_INT32: number;
  readonly TF_BOOL: number;
  readonly TF_ATTR_BOOL: number;
  readonly TF_ATTR_INT: number;
  readonly TF_ATTR_SHAPE: number;
  readonly TF_ATTR_STRING: number;
  readonly TF_ATTR_TYPE: number;
  executeOp(name: string, attributes: OpAttribute[], inputs: number[], outputs: number): {
    id: number;
    shape: number[];
    dtype: number;
  }[];
  createTensor(shape: number[], dtype: number, values: tfjs.TypedArray): number;
  deleteTensor(id: number): void;
  tensorDataSync(id: number): tfjs.TypedArray;
  loadSavedModel(folder: string, tags: string): number;
  deleteSavedModel(session: number): void;
  runSavedModel(session: number, inputs: number[], inputNames: string, outputNames: string): {
    id: number;
    shape: number[];
    dtype: number;
  }[];
}

/** tfjs-node's backend: kernels go to `binding` through its two `execute…` methods. */
export interface NativeBackend {
  /** Replaced while a graph is traced. */
  binding: Binding;
  executeSingleOutput(
    name: string,
    attributes: OpAttribute[],
    inputs: tfjs.TensorInfo[],
  ): tfjs.Tensor;
  executeMultipleOutputs(
    name: string,
    attributes: OpAttribute[],
    inputs: tfjs.TensorInfo[],
    outputs: number,
  ): tfjs.Tensor[];
  getInputTensorIds(tensors: tfjs.TensorInfo[]): number[];
  createOutputTensor(metadata: { id: number; shape: number[]; dtype: number }): tfjs.Tensor;
}

async function loadNative(): Promise<{ tf: typeof tfjs; operations: boolean }> {
  // tfjs-node 4.22 calls two helpers that newer runtimes dropped from node:util.
  const util = createRequire(import.meta.url)("util");
  util.isNullOrUndefined ??= (value: unknown) => value === null || value === undefined;
  util.isArray ??= Array.isArray;
  const defaults = {
    TF_CPP_MIN_LOG_LEVEL: "2",
    // Graphs run on the caller's thread, which waits for them anyway: handing each operation to
    // another one took half of the time of a training step of the MLP.
    TF_NUM_INTEROP_THREADS: "-1",
  };
  for (const [name, value] of Object.entries(defaults)) {
    if (!Deno.env.has(name)) Deno.env.set(name, value);
  }
  const tf = await import("@tensorflow/tfjs-node") as unknown as typeof tfjs;
  const operations = hasOperations(nativeOf(tf).binding);
  replaceKernels(tf, nativeOf(tf), operations);
  return { tf, operations };
}

async function loadJavaScript(): Promise<typeof tfjs> {
  const pure = await import("@tensorflow/tfjs");
  pure.enableProdMode(); // else it advertises tfjs-node on every start
  await pure.setBackend("cpu");
  return pure;
}

// tfjs's types know only the interface that all backends share.
const nativeOf = (tf: typeof tfjs) => tf.backend() as unknown as NativeBackend;

async function open(): Promise<[typeof tfjs, Backend]> {
  const unwanted = Deno.env.get("LAB_BACKEND") === "cpu";
  try {
    if (unwanted) throw new Error("not tried");
    const { tf, operations } = await loadNative();
    return [tf, {
      name: "tensorflow",
      version: nativeOf(tf).binding.TF_Version,
      native: true,
      threads: Number(Deno.env.get("TF_NUM_INTRAOP_THREADS")) || navigator.hardwareConcurrency,
      oneDNN: Deno.env.get("TF_ENABLE_ONEDNN_OPTS") !== "0",
      operations,
    }];
  } catch (error) {
    const tf = await loadJavaScript();
    const cause = error instanceof Error ? error.message.split("\n")[0] : String(error);
    return [tf, {
      name: "cpu",
      version: tf.version["tfjs"] ?? "",
      native: false,
      threads: 1,
      oneDNN: false,
      operations: false,
      warning: "TensorFlow runs as pure JavaScript, some hundred times slower: " +
        (unwanted
          ? "LAB_BACKEND=cpu asks for it."
          : `native part not loaded (${cause}). Run \`deno task setup\` to install it.`),
    }];
  }
}

const [loaded, opened] = await open();

/** tfjs, with the native backend where there is one. */
export const tf: typeof tfjs = loaded;

/** What {@linkcode tf} runs on. */
export const backend: Readonly<Backend> = opened;

/**
 * The native backend, for what tfjs has no kernel of.
 *
 * @throws {Error} On the pure-JavaScript backend: ask `backend.native` first.
 */
export function nativeBackend(): NativeBackend {
  if (!backend.native) {
    throw new Error(`Cannot reach TensorFlow: this process runs on ${backend.name}`);
  }
  return nativeOf(tf);
}
