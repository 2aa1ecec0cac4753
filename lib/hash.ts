/**
 * SHA-256 of whatever has bytes.
 *
 * @module
 */

/**
 * Computes the SHA-256, in hexadecimal, of texts (as UTF-8) and arrays (their bytes), one after
 * another.
 *
 * @example
 * ```ts
 * import { sha256 } from "$lib/hash.ts";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(await sha256("ab", new Uint8Array([99])), await sha256("abc"));
 * ```
 */
export async function sha256(...parts: (string | ArrayBufferView)[]): Promise<string> {
  // The types fear arrays over shared memory, of which the lab has none.
  const bytes = await new Blob(parts as BlobPart[]).arrayBuffer();
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}
