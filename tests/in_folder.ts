/**
 * A folder for the time of a test.
 *
 * @module
 */

/** Makes a temporary folder, and removes it whatever comes of `use`. */
export async function inFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
