/**
 * Files that are whole or not there at all, whatever happens while they are written.
 *
 * @module
 */

import { basename, dirname, join } from "node:path";

/** A temporary older than this belongs to a process that was killed: no write takes so long. */
const ABANDONED_AFTER_MS = 3_600_000;

/**
 * Writes a file so that at every moment either the old content or the whole new one stands at
 * `path`, also when the process is killed or several processes write at once.
 *
 * The bytes go to a temporary name in the same folder (so that the rename stays within one file
 * system), are synced, and are then renamed. Missing parent folders are made. After an error the
 * temporary is removed; one left behind by a killed process is removed by a later write.
 *
 * @throws {Error} If the disk is full or the folder read-only; any other failure of the file system
 *   as Deno reports it.
 */
export async function writeAtomic(path: string, bytes: Uint8Array | string): Promise<void> {
  const content = typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes;
  await replaceAtomic(path, (temporary) => writeSynced(temporary, content), content.length);
}

/**
 * As {@linkcode writeAtomic}, for files that are not made of one array.
 *
 * @param write Makes the file of the name that it is given, and syncs it.
 * @param size About how many bytes it will have, for what is said when the disk is full.
 */
export async function replaceAtomic(
  path: string,
  write: (temporary: string) => Promise<void>,
  size: number,
): Promise<void> {
  const temporary = `${path}.${crypto.randomUUID().slice(0, 8)}.tmp`;
  try {
    await Deno.mkdir(dirname(path), { recursive: true });
    // Housekeeping: whatever it meets must not stand in the way of the write.
    await removeAbandoned(path).catch(() => {});
    await write(temporary);
    await Deno.rename(temporary, path);
  } catch (error) {
    await removeIfThere(temporary);
    throw explained(error, path, size);
  }
}

/** Removes a file; one that is not there is no error. */
export async function removeIfThere(path: string): Promise<void> {
  try {
    await Deno.remove(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

async function writeSynced(path: string, content: Uint8Array): Promise<void> {
  using file = await Deno.open(path, { write: true, createNew: true });
  for (let written = 0; written < content.length;) {
    written += await file.write(content.subarray(written));
  }
  // Without it a power cut could leave the new name on content that never reached the disk.
  await file.sync();
}

async function removeAbandoned(path: string): Promise<void> {
  const prefix = `${basename(path)}.`;
  for await (const { name } of Deno.readDir(dirname(path))) {
    if (!name.startsWith(prefix) || !/^[0-9a-f]{8}\.tmp$/.test(name.slice(prefix.length))) continue;
    const temporary = join(dirname(path), name);
    const modified = await Deno.stat(temporary).then((info) => info.mtime, () => null);
    if (modified && Date.now() - modified.getTime() > ABANDONED_AFTER_MS) {
      await removeIfThere(temporary);
    }
  }
}

function explained(error: unknown, path: string, size: number): unknown {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "EROFS" || code === "EACCES") {
    return new Error(
      `Cannot write ${path} as its folder may not be written: choose another one (${code})`,
      { cause: error },
    );
  }
  if (code !== "ENOSPC" && code !== "EDQUOT") return error;
  const megabytes = (size / 1e6).toFixed(1);
  return new Error(
    `Cannot write ${path} as the disk is full: free ${megabytes} MB there and try again (${code})`,
    { cause: error },
  );
}
