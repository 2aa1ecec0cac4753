/**
 * Which files a program's results rest on, so that a report can name them.
 *
 * @module
 */
import { resolve } from "node:path";

const files = new Set<string>();

/** Notes that a file was read for its content: a network's weights, a table of results. */
export function noteUsed(path: string): void {
  files.add(resolve(path));
}

/** All files noted so far: absolute paths, sorted. */
export function usedFiles(): string[] {
  return [...files].toSorted();
}
