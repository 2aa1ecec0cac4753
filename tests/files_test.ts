/**
 * Atomic writes: whole or not at all, under errors, kills and company.
 *
 * @module
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { join } from "node:path";
import { removeIfThere, writeAtomic } from "$lib/files.ts";
import { inFolder } from "./in_folder.ts";

const namesIn = (folder: string) => Array.from(Deno.readDirSync(folder), ({ name }) => name).sort();

/** Runs `use` while every file opened fails in `method` with `error`. */
async function failing(
  method: "write" | "sync",
  error: Error,
  use: () => Promise<void>,
): Promise<void> {
  const open = Deno.open;
  Deno.open = async (...args) => {
    const file = await open(...args);
    Object.defineProperty(file, method, { value: () => Promise.reject(error) });
    return file;
  };
  try {
    await use();
  } finally {
    Deno.open = open;
  }
}

Deno.test("writeAtomic() writes bytes or text, makes folders and replaces what was there", () =>
  inFolder(async (folder) => {
    const path = join(folder, "a", "b", "file.txt");
    await writeAtomic(path, "first");
    await writeAtomic(path, Uint8Array.of(104, 105));
    assertEquals(await Deno.readTextFile(path), "hi");
    assertEquals(namesIn(join(folder, "a", "b")), ["file.txt"]);
  }));

Deno.test("writeAtomic() on a full disk says so, keeps the old file and leaves no temporary", () =>
  inFolder(async (folder) => {
    const path = join(folder, "file");
    await writeAtomic(path, "old");
    const full = Object.assign(new Error("No space left on device"), { code: "ENOSPC" });
    for (const method of ["write", "sync"] as const) {
      await failing(method, full, async () => {
        const error = await assertRejects(() => writeAtomic(path, "x".repeat(2e6)), Error);
        assertEquals(
          error.message,
          `Cannot write ${path} as the disk is full: free 2.0 MB there and try again (ENOSPC)`,
        );
      });
    }
    assertEquals(await Deno.readTextFile(path), "old");
    assertEquals(namesIn(folder), ["file"]);
  }));

Deno.test("writeAtomic() into a folder that may not be written says so", () =>
  inFolder(async (folder) => {
    const path = join(folder, "file");
    const readOnly = Object.assign(new Error("Read-only file system"), { code: "EROFS" });
    await failing("write", readOnly, async () => {
      const error = await assertRejects(() => writeAtomic(path, "x"), Error);
      assertEquals(
        error.message,
        `Cannot write ${path} as its folder may not be written: choose another one (EROFS)`,
      );
    });
  }));

Deno.test("writeAtomic() passes other errors on and leaves no temporary", () =>
  inFolder(async (folder) => {
    await Deno.mkdir(join(folder, "taken"));
    await assertRejects(() => writeAtomic(join(folder, "taken"), "x"), Error, "directory");
    assertEquals(namesIn(folder), ["taken"]);
    await writeAtomic(join(folder, "file"), "x");
    await assertRejects(() => writeAtomic(join(folder, "file", "below"), "x"), Error);
  }));

Deno.test("writeAtomic() by many at once leaves one whole content", () =>
  inFolder(async (folder) => {
    const path = join(folder, "file");
    const contents = Array.from({ length: 20 }, (_, i) => String(i % 10).repeat(100_000 + i));
    await Promise.all(contents.map((content) => writeAtomic(path, content)));
    assert(contents.includes(await Deno.readTextFile(path)));
    assertEquals(namesIn(folder), ["file"]);
  }));

Deno.test("writeAtomic() removes what a killed process left an hour ago, and nothing else", () =>
  inFolder(async (folder) => {
    const old = new Date(Date.now() - 2 * 3_600_000);
    const names = ["file.0123abcd.tmp", "file.89abcdef.tmp", "file.x.tmp", "other.0123abcd.tmp"];
    for (const name of names) await Deno.writeTextFile(join(folder, name), "");
    for (const name of names.toSpliced(1, 1)) await Deno.utime(join(folder, name), old, old);
    await writeAtomic(join(folder, "file"), "x");
    assertEquals(namesIn(folder), ["file", ...names.slice(1)].sort());
  }));

Deno.test("removeIfThere() removes a file, and is content if there is none", () =>
  inFolder(async (folder) => {
    const path = join(folder, "file");
    await Deno.writeTextFile(path, "");
    await removeIfThere(path);
    await removeIfThere(path);
    assertEquals(namesIn(folder), []);
  }));
