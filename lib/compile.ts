/**
 * Compiles tfjs functions: traced once for each signature of inputs, then one graph call each time.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { backend, nativeBackend, type Tensor, tf } from "./backend.ts";
import { trace } from "./trace.ts";
import { flatten, rebuild, type Tree } from "./tree.ts";

/** Settings of {@linkcode compile}. */
export interface CompileOptions {
  /** What errors call the function. @default the function's own name */
  name?: string;
}

/** A graph that TensorFlow holds ready to run. */
interface Session {
  id: number;
  inputNames: string;
  outputNames: string;
  /** The traced result, for its structure; its tensors are disposed. */
  result: Tree;
  /** An estimate: constants and all intermediate values. */
  bytes: number;
  /** Takes the session out of its function's cache. */
  forget: () => void;
}

// Least recently used first, as a Set keeps the order of insertion.
const sessions = new Set<Session>();
const memoryLimit = 2 ** 30;

function makeRoom(bytes: number): void {
  let held = bytes;
  for (const session of sessions) held += session.bytes;
  for (const session of sessions) {
    if (held <= memoryLimit) return;
    held -= session.bytes;
    close(session);
  }
}

function close(session: Session): void {
  if (!sessions.delete(session)) return;
  session.forget();
  nativeBackend().binding.deleteSavedModel(session.id);
}

// Sessions of functions that nobody can call any more.
const abandoned = new FinalizationRegistry<Map<string, Session>>((cache) => {
  for (const session of [...cache.values()]) close(session);
});

const folder = fileURLToPath(new URL("../.lab/graphs/", import.meta.url));

/** Loads a graph through a file that is gone before this returns. */
function load(savedModel: Uint8Array): number {
  Deno.mkdirSync(folder, { recursive: true });
  const place = Deno.makeTempDirSync({ dir: folder, prefix: `${Deno.pid}-` });
  try {
    Deno.writeFileSync(`${place}/saved_model.pb`, savedModel);
    return nativeBackend().binding.loadSavedModel(place, "serve");
  } finally {
    Deno.removeSync(place, { recursive: true });
  }
}

let tracing = false;

/**
 * Compiles a function from tensors to tensors, tfjs gradients inside included.
 *
 * The function is run once for each combination of its arguments' structure, shapes, dtypes and
 * plain values; from then on a call is one graph run. Tensors that it captures become constants.
 * On a backend without graphs, and inside another compiled function, it simply runs.
 *
 * @param fn Pure: its result depends on nothing but its arguments, and it reads no tensor's value.
 * @returns A function with the same results, which the caller disposes (or `tf.tidy` does).
 * @throws {Error} On a call, if the function can't be traced; the message names the culprit.
 *
 * @example
 * ```ts
 * import { type Tensor, tf } from "$lib/backend.ts";
 * import { compile } from "$lib/compile.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const slope = compile((x: Tensor) => tf.grad((x) => x.square().sum())(x));
 * assertEquals([...slope(tf.tensor1d([1, 2, 3])).dataSync()], [2, 4, 6]);
 * ```
 */
export function compile<A extends readonly Tree[], R extends Tree>(
  fn: (...args: A) => R,
  { name = fn.name || "the function" }: CompileOptions = {},
): (...args: A) => R {
  const cache = new Map<string, Session>();

  function open(args: A, inputs: Tensor[], signature: string): Session {
    tracing = true;
    try {
      const graph = trace(
        (...tensors) => fn(...rebuild(args, tensors) as unknown as A),
        inputs,
        name,
      );
      makeRoom(graph.bytes);
      const session: Session = {
        ...graph,
        id: load(graph.savedModel),
        forget: () => cache.delete(signature),
      };
      cache.set(signature, session);
      return session;
    } finally {
      tracing = false;
    }
  }

  const compiled = (...args: A): R => {
    if (tracing) return fn(...args);
    if (!backend.native) return runEagerly(fn, args);
    const { tensors, signature } = flatten(args);
    const session = cache.get(signature) ?? open(args, tensors, signature);
    sessions.delete(session);
    sessions.add(session); // now the most recently used
    const native = nativeBackend();
    const outputs = native.binding.runSavedModel(
      session.id,
      native.getInputTensorIds(tensors),
      session.inputNames,
      session.outputNames,
    ).map((output) => native.createOutputTensor(output));
    return rebuild(session.result, outputs) as R;
  };
  abandoned.register(compiled, cache);
  return compiled;
}

function runEagerly<A extends readonly Tree[], R extends Tree>(fn: (...args: A) => R, args: A): R {
  const given = new Set(flatten(args).tensors);
  // tf.tidy types its result for tensors alone.
  return tf.tidy(() => {
    const result = fn(...args);
    const { tensors } = flatten(result);
    return rebuild(result, tensors.map((one) => given.has(one) ? one.clone() : one)) as never;
  }) as R;
}
