/**
 * One file from one mirror, packed or not, without waiting long for one that does not answer.
 *
 * @module
 */

/** What happens to a file while it is made ready: a line to show, and bytes where they flow. */
export interface Progress {
  message: string;
  received?: number;
  /** Unknown where the mirror does not say. */
  total?: number;
}

/** How long a mirror may take before the next one gets its chance. */
export interface Patience {
  /** Until the answer begins. @default 3000 */
  answerMs: number;
  /** For every 64 kB of it. @default 8000 */
  chunkMs: number;
}

/** Options of all that fetches. */
export interface FetchOptions {
  signal?: AbortSignal | undefined;
  onProgress?: ((progress: Progress) => void) | undefined;
  patience?: Patience | undefined;
}

/** A reason to try the next source; anything else ends the search. */
export class Unfit extends Error {}

/** No file of ours is larger, so more is a wrong file and need not fill the memory. */
export const MAX_BYTES = 64 * 2 ** 20;
const CHUNK = 65_536;

/** Mirrors that did not answer in this process, with the reason: not waited for again. */
const silent = new Map<string, string>();

/** Why a mirror is not worth asking, if that is known already. */
export function knownSilence(mirror: string): string | undefined {
  return silent.get(mirror);
}

/** Forgets which mirrors did not answer: the network may be back at the next attempt. */
export function forgetSilence(): void {
  silent.clear();
}

/**
 * Downloads a file from a mirror that has it under its name, with or without `.gz`.
 *
 * @param mirror The address of its folder there.
 * @param name If it ends in `.gz` the bytes are given as they come, else unpacked.
 * @throws {Unfit} If the mirror does not serve, with the reason.
 * @throws `signal.reason` when aborted.
 */
export async function fromMirror(
  mirror: string,
  name: string,
  options: FetchOptions,
): Promise<Uint8Array<ArrayBuffer>> {
  const packed = name.endsWith(".gz");
  for (const variant of packed ? [name] : [`${name}.gz`, name]) {
    const bytes = await download(mirror, variant, options);
    if (bytes !== undefined) return packed ? bytes : await gunzip(bytes);
  }
  throw new Unfit("not found there");
}

/** Downloads one variant; undefined if the mirror has nothing under that name. */
async function download(
  mirror: string,
  name: string,
  { signal, onProgress, patience = { answerMs: 3000, chunkMs: 8000 } }: FetchOptions,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  using watchdog = new Watchdog(patience.answerMs);
  const signals = signal ? [signal, watchdog.signal] : [watchdog.signal];
  let answered = false;
  try {
    onProgress?.({ message: `${name}: asking ${mirror}` });
    const address = `${mirror}${mirror.endsWith("/") ? "" : "/"}${name}`;
    const response = await fetch(address, { signal: AbortSignal.any(signals) });
    answered = true;
    if (!response.ok) {
      await response.body?.cancel();
      if ([403, 404, 410].includes(response.status)) return undefined;
      throw new Unfit(`answers ${response.status}`);
    }
    const total = Number(response.headers.get("content-length")) || undefined;
    let counted = 0;
    watchdog.wait(patience.chunkMs);
    return await collect(response.body, (received) => {
      if (received - counted < CHUNK) return;
      counted = received;
      watchdog.wait(patience.chunkMs);
      const message = `${name}: from ${mirror}`;
      onProgress?.(total ? { message, received, total } : { message, received });
    });
  } catch (error) {
    signal?.throwIfAborted();
    const reason = explain(error);
    if (!answered || watchdog.signal.aborted) silent.set(mirror, reason);
    throw new Unfit(reason);
  }
}

/** Aborts its signal when nobody came by for a while. */
class Watchdog {
  readonly #controller = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly signal = this.#controller.signal;

  constructor(milliseconds: number) {
    this.wait(milliseconds);
  }

  wait(milliseconds: number): void {
    clearTimeout(this.#timer);
    const reason = new Unfit(`no answer within ${milliseconds / 1000} s`);
    this.#timer = setTimeout(() => this.#controller.abort(reason), milliseconds);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}

async function collect(
  stream: ReadableStream<Uint8Array<ArrayBuffer>> | null,
  onReceived?: (received: number) => void,
): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let received = 0;
  for await (const part of stream ?? []) {
    parts.push(part);
    received += part.length;
    if (received > MAX_BYTES) throw new Unfit("wrong file: far too long");
    onReceived?.(received);
  }
  return await new Blob(parts).bytes();
}

/**
 * Unpacks gzip; other bytes are given back as they are, as mirrors serve either.
 *
 * @throws {Unfit} If the gzip is cut or corrupt.
 */
export async function gunzip(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  const unpacked = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  try {
    return await collect(unpacked);
  } catch (error) {
    if (error instanceof Unfit) throw error;
    throw new Unfit("cut or corrupt gzip");
  }
}

/** A few words for the reason: Deno's own text repeats the address and is meant for developers. */
function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error instanceof Unfit) return error.message;
  if (error instanceof Deno.errors.NotCapable) return "this command has no permission to reach it";
  if (error.cause instanceof Error) return explain(error.cause);
  if (/dns error/.test(error.message)) return "its name is not known";
  if (/refused/.test(error.message)) return "connection refused";
  if (/reading a body|closed before/.test(error.message)) return "the connection broke";
  return error.message.split("\n")[0]?.slice(0, 120) ?? "";
}
