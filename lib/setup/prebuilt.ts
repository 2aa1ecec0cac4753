/**
 * tfjs-node's own prebuilt download: older and slower than what set-up builds, but without compiler.
 *
 * @module
 */
import { join } from "node:path";
import { duration } from "../numbers.ts";
import { execute, lastLine } from "./host.ts";
import { during, megabytes, type Work } from "./step.ts";

/** After so long without a byte a download is given up: many networks drop packets to the host. */
export const SILENCE_MS = 5000;

/** The version of TensorFlow that tfjs-node's publishers built for. */
export const PREBUILT_VERSION = "2.9.1";

/** Where the publishers keep TensorFlow's library; the binding's host stands in its package.json. */
const LIBRARY_HOST = "https://storage.googleapis.com/tensorflow/libtensorflow";

/** The part of tfjs-node's `package.json` that says where its binding is. */
export interface Published {
  version: string;
  binary: { host: string };
}

/** Where the two parts are to be had, or `undefined` if none are published for this machine. */
export function prebuiltAddresses(
  { version, binary }: Published,
  { os, arch }: Pick<typeof Deno.build, "os" | "arch"> = Deno.build,
): { library: string; binding: string } | undefined {
  if (arch !== "x86_64" || (os !== "linux" && os !== "darwin")) return undefined;
  return {
    library: `${LIBRARY_HOST}/libtensorflow-cpu-${os}-x86_64-${PREBUILT_VERSION}.tar.gz`,
    binding: `${binary.host}/napi-v8/${version}/CPU-${os}-${version}.tar.gz`,
  };
}

/**
 * Downloads both parts and unpacks them.
 *
 * @returns Folder with `lib` and `include`, and the binding's file.
 * @throws {Error} If either can't be had, or nothing comes for `silenceMs`.
 */
export async function fetchPrebuilt(
  addresses: { library: string; binding: string },
  work: Work,
  silenceMs = SILENCE_MS,
): Promise<{ library: string; binding: string }> {
  const folders: Record<string, string> = {};
  // The small part first: where the host is out of reach, one silence is enough to know.
  for (const part of ["binding", "library"] as const) {
    const archive = join(work.temporary, `${part}.tar.gz`);
    const [bytes, seconds] = await during(
      work,
      `TensorFlow: downloading tfjs-node's own ${part}`,
      () => download(addresses[part], archive, { signal: work.signal, silenceMs }),
      work.temporary,
    );
    work.say(`  downloaded ${megabytes(bytes)} in ${duration(seconds)}`);
    const folder = folders[part] = join(work.temporary, part);
    await Deno.mkdir(folder);
    const { success, stderr } = await execute("tar", ["-xzf", archive, "-C", folder], work);
    if (!success) throw new Error(`Cannot unpack ${addresses[part]}: ${lastLine(stderr)}`);
    await Deno.remove(archive);
  }
  const binding = join(folders.binding ?? "", "napi-v8", "tfjs_binding.node");
  return { library: folders.library ?? "", binding };
}

/**
 * Downloads a file, however long it takes, as long as bytes keep coming.
 *
 * @returns Its size in bytes.
 * @throws {Error} If the server refuses, or nothing comes for `silenceMs`.
 */
export async function download(
  url: string,
  path: string,
  { signal, silenceMs = SILENCE_MS }: { signal: AbortSignal; silenceMs?: number },
): Promise<number> {
  const silence = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const heard = () => {
    clearTimeout(timer);
    timer = setTimeout(
      () => silence.abort(new Error(`nothing came for ${duration(silenceMs / 1000)}`)),
      silenceMs,
    );
  };
  try {
    heard();
    const response = await fetch(url, { signal: AbortSignal.any([signal, silence.signal]) });
    if (!response.ok || response.body === null) {
      await response.body?.cancel();
      throw new Error(`the server answered ${response.status} ${response.statusText}`);
    }
    let bytes = 0;
    using file = await Deno.open(path, { write: true, create: true, truncate: true });
    for await (const part of response.body) {
      heard();
      for (let at = 0; at < part.length;) at += await file.write(part.subarray(at));
      bytes += part.length;
    }
    return bytes;
  } catch (error) {
    signal.throwIfAborted();
    throw new Error(`Cannot download ${url}: ${rootMessage(error)}`, { cause: error });
  } finally {
    clearTimeout(timer);
  }
}

/** A failed fetch says why only in its cause. */
function rootMessage(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : rootMessage(error.cause);
}
