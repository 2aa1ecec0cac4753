/**
 * Graphs that TensorFlow holds ready to run.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { nativeBackend, type Tensor } from "../backend.ts";
import type { Traced } from "./trace.ts";

const folder = fileURLToPath(new URL("../../.lab/graphs/", import.meta.url));

/** What a process that died while it loaded a graph left behind; loading takes milliseconds. */
function sweep(): void {
  Deno.mkdirSync(folder, { recursive: true });
  for (const { name } of Deno.readDirSync(folder)) {
    const place = `${folder}${name}`;
    try {
      const { mtime } = Deno.statSync(place);
      if (mtime && Date.now() - mtime.getTime() > 60_000) {
        Deno.removeSync(place, { recursive: true });
      }
    } catch (error) {
      // Another process, loading or sweeping, was quicker.
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
}

let swept = false;

/** A loaded graph; close it when done. */
export class Session {
  readonly #id: number;

  /** Loads a graph, through a file that is gone before this returns. */
  constructor(readonly graph: Omit<Traced, "savedModel">, savedModel: Uint8Array) {
    if (!swept) sweep();
    swept = true;
    const place = Deno.makeTempDirSync({ dir: folder, prefix: `${Deno.pid}-` });
    try {
      Deno.writeFileSync(`${place}/saved_model.pb`, savedModel);
      this.#id = nativeBackend().binding.loadSavedModel(place, "serve");
    } finally {
      Deno.removeSync(place, { recursive: true });
    }
  }

  /** Runs the part of the graph between some inputs and outputs. The caller disposes the results. */
  run(inputs: Tensor[], inputNames: string, outputNames: string): Tensor[] {
    if (outputNames === "") return [];
    const native = nativeBackend();
    const ids = native.getInputTensorIds(inputs);
    return native.binding.runSavedModel(this.#id, ids, inputNames, outputNames)
      .map((output) => native.createOutputTensor(output));
  }

  close(): void {
    nativeBackend().binding.deleteSavedModel(this.#id);
  }
}
