/**
 * Files known by checksum: kept in a folder, and fetched from mirrors or a package when not there.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { join } from "node:path";
import { writeAtomic } from "../files.ts";
import {
  type FetchOptions,
  forgetSilence,
  fromMirror,
  knownSilence,
  MAX_BYTES,
  Unfit,
} from "./mirror.ts";

/** A file and the checksum of the bytes that are kept under its name. */
export interface KnownFile {
  /** The name under which it is kept; one that ends in `.gz` is kept as it came. */
  name: string;
  /** MD5 of the kept bytes, in hexadecimal. */
  md5: string;
}

/** Where files come from, in the order of trying. */
export interface Sources {
  /** Base addresses that have each file under its name, with or without `.gz`. */
  mirrors: readonly string[];
  /** An installed package with the files in its folder `data`, by its package.json; tried last. */
  package?: { name: string; manifest: string };
}

/**
 * Gives the bytes of a file, with the right checksum always: from `folder` if they are there, else
 * from the first source that has them, and then they are kept in `folder`, atomically.
 *
 * @throws {Error} If no source has it: one line with what was tried, why not, and what to do.
 * @throws `signal.reason` when aborted.
 */
export async function obtain(
  file: KnownFile,
  folder: string,
  sources: Sources,
  options: FetchOptions = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const { signal, onProgress } = options;
  const path = join(folder, file.name);
  const tried: string[] = [];
  for (const { name, read } of [kept(path), ...candidates(file, sources, options)]) {
    signal?.throwIfAborted();
    const silence = knownSilence(name);
    if (silence !== undefined) {
      tried.push(`${name} (${silence})`);
      continue;
    }
    try {
      const bytes = await read();
      if (bytes === undefined) continue;
      verify(bytes, file);
      if (name !== path) {
        await writeAtomic(path, bytes);
        onProgress?.({ message: `${file.name}: kept in ${folder}` });
      }
      return bytes;
    } catch (error) {
      signal?.throwIfAborted();
      if (!(error instanceof Unfit)) throw error;
      tried.push(`${name} (${error.message})`);
      onProgress?.({ message: `${file.name}: ${name} is of no use: ${error.message}` });
    }
  }
  forgetSilence();
  throw new Error(
    `Cannot get ${file.name} as no source has it: tried ${
      tried.join(", ") || "nothing"
    }. Connect to the ` +
      `network, give a mirror's address in LAB_MIRRORS, or put the file at ${path}`,
  );
}

interface Candidate {
  name: string;
  /** Undefined if there is nothing to speak of. */
  read: () => Promise<Uint8Array<ArrayBuffer> | undefined>;
}

function kept(path: string): Candidate {
  const read = () =>
    readFile(path).catch((error) => {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    });
  return { name: path, read };
}

function candidates(file: KnownFile, sources: Sources, options: FetchOptions): Candidate[] {
  const list = sources.mirrors.map((mirror): Candidate => ({
    name: mirror,
    read: () => fromMirror(mirror, file.name, options),
  }));
  const { package: from } = sources;
  if (from === undefined) return list;
  const read = () => readFromPackage(file, from.manifest);
  return [...list, { name: `the npm package ${from.name}`, read }];
}

async function readFromPackage(
  file: KnownFile,
  manifest: string,
): Promise<Uint8Array<ArrayBuffer>> {
  try {
    return await readFile(new URL(`data/${file.name}`, manifest));
  } catch (error) {
    // A package that is not there resolves to an address that is no file's.
    if (error instanceof Deno.errors.NotFound || error instanceof TypeError) {
      throw new Unfit("not installed: run `deno task setup`");
    }
    throw error;
  }
}

async function readFile(path: string | URL): Promise<Uint8Array<ArrayBuffer>> {
  const { size } = await Deno.stat(path);
  if (size > MAX_BYTES) throw new Unfit(`wrong file: ${size} bytes are too many`);
  return await Deno.readFile(path);
}

function verify(bytes: Uint8Array, { md5 }: KnownFile): void {
  const actual = createHash("md5").update(bytes).digest("hex");
  if (actual !== md5) {
    throw new Unfit(
      `corrupt, cut or wrong file: ${bytes.length} bytes of MD5 ${actual}, not ${md5}`,
    );
  }
}
