/**
 * Compiles tfjs functions: traced once for each signature of inputs, then one graph call each time.
 *
 * @module
 */
import { backend, type Tensor, tf } from "./backend.ts";
import { Session } from "./graph/sessions.ts";
import { trace } from "./graph/trace.ts";
import { copy, dispose, flatten, rebuild, type Tree } from "./graph/tree.ts";

/** Settings of {@linkcode compile}. */
export interface CompileOptions {
  /** What errors call the function. @default the function's own name */
  name?: string;
}

/** A session in the cache of its function. */
interface Cached {
  session: Session;
  /** Takes it out of that cache. */
  forget: () => void;
}

// Least recently used first, as a Set keeps the order of insertion.
const sessions = new Set<Cached>();

/** Bound of the cache of graphs: an estimate of constants and intermediate values, in bytes. */
export const graphCache = { limit: 2 ** 30 };

function makeRoom(bytes: number): void {
  let held = bytes;
  for (const { session } of sessions) held += session.graph.bytes;
  for (const cached of sessions) {
    if (held <= graphCache.limit) return;
    held -= cached.session.graph.bytes;
    close(cached);
  }
}

function close(cached: Cached): void {
  if (!sessions.delete(cached)) return;
  cached.forget();
  cached.session.close();
}

// Sessions of functions that nobody can call any more.
const abandoned = new FinalizationRegistry<Map<string, Cached>>((cache) => {
  for (const cached of [...cache.values()]) close(cached);
});

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
  const cache = new Map<string, Cached>();

  function open(args: A, inputs: Tensor[], signature: string): Cached {
    const { savedModel, ...graph } = traceOnce(
      (...tensors) => fn(...rebuild(args, tensors) as unknown as A),
      inputs,
      name,
    );
    makeRoom(graph.bytes);
    const session = new Session(graph, savedModel);
    const cached = { session, forget: () => cache.delete(signature) };
    cache.set(signature, cached);
    return cached;
  }

  const compiled = (...args: A): R => {
    if (tracing) return fn(...args);
    if (!backend.native) return runEagerly(fn, args);
    const { tensors, signature } = flatten(args);
    const cached = cache.get(signature) ?? open(args, tensors, signature);
    sessions.delete(cached);
    sessions.add(cached); // now the most recently used
    const { graph } = cached.session;
    const outputs = cached.session.run(tensors, graph.inputNames, graph.outputNames);
    return rebuild(graph.result, outputs) as R;
  };
  abandoned.register(compiled, cache);
  return compiled;
}

/** Traces, while compiled functions simply run: what they execute is part of the graph. */
function traceOnce(...call: Parameters<typeof trace>): ReturnType<typeof trace> {
  tracing = true;
  try {
    return trace(...call);
  } finally {
    tracing = false;
  }
}

/** A step of a loop as a pure function: from a state to the next one, and what callers want to see. */
export type Step<S extends Tree, A extends readonly Tree[], R extends Tree> = (
  state: S,
  ...args: A
) => readonly [next: S, result: R];

/** A compiled loop; it owns its state until it is disposed. */
export interface Loop<S extends Tree, A extends readonly Tree[], R extends Tree> {
  /** Makes one step; the caller disposes the result. */
  step(...args: A): R;
  /** Copies the state out; the caller disposes it. */
  state(): S;
  dispose(): void;
}

/**
 * Compiles a loop whose state stays in TensorFlow from step to step: nothing of it travels through
 * JavaScript.
 *
 * @param step As pure as a function for {@linkcode compile}; the next state has the same structure,
 *   shapes and dtypes as the state.
 * @param initial Copied; stays the caller's.
 *
 * @example
 * ```ts
 * import { type Tensor, tf } from "$lib/backend.ts";
 * import { compileLoop } from "$lib/compile.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const sum = compileLoop((sum: Tensor, x: Tensor) => [sum.add(x), x.square()] as const, tf.scalar(0));
 * const squares = [1, 2, 3].map((x) => sum.step(tf.scalar(x)).dataSync()[0]);
 * assertEquals([squares, sum.state().dataSync()[0]], [[1, 4, 9], 6]);
 * sum.dispose();
 * ```
 */
export function compileLoop<S extends Tree, A extends readonly Tree[], R extends Tree>(
  step: Step<S, A, R>,
  initial: S,
  { name = step.name || "the step" }: CompileOptions = {},
): Loop<S, A, R> {
  let state = copy(initial);
  if (!backend.native) {
    return {
      step(...args) {
        const [next, result] = runEagerly((state: S, ...args: A) => step(state, ...args), [
          ...[state, ...args] as const,
        ]);
        dispose(state);
        state = next as S;
        return result as R;
      },
      state: () => copy(state),
      dispose: () => dispose(state),
    };
  }
  // The state is in one session at a time; in `state` only while it is in none.
  const cache = new Map<string, Session>();
  let current: Session | undefined;

  function takeOut(): S {
    if (!current) return state;
    const { get } = current.graph.residents;
    return rebuild(state, current.run([], "", get)) as S;
  }

  function enter(session: Session): void {
    const moved = takeOut();
    const { tensors } = flatten(moved);
    const { inputs, output } = session.graph.residents.set;
    for (const done of session.run(tensors, inputs, output)) done.dispose();
    dispose(moved);
    current = session;
  }

  function open(args: A, inputs: Tensor[], signature: string): Session {
    const now = takeOut();
    const residents = flatten(now).tensors;
    const { savedModel, ...graph } = traceOnce(
      (...tensors) => {
        const [state, ...rest] = rebuild([now, ...args], tensors) as unknown as [S, ...A];
        return step(state, ...rest);
      },
      [...residents, ...inputs],
      name,
      residents.length,
    );
    if (current) dispose(now);
    const session = new Session(graph, savedModel);
    cache.set(signature, session);
    return session;
  }

  return {
    step(...args) {
      const { tensors, signature } = flatten(args);
      const session = cache.get(signature) ?? open(args, tensors, signature);
      if (session !== current) enter(session);
      const { inputNames, outputNames, result } = session.graph;
      const outputs = session.run(tensors, inputNames, outputNames);
      return rebuild((result as readonly [S, R])[1], outputs) as R;
    },
    state: () => current ? takeOut() : copy(state),
    dispose() {
      if (!current) dispose(state);
      for (const session of cache.values()) session.close();
      cache.clear();
      current = undefined;
    },
  };
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
