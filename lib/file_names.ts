/**
 * Networks' names, such as `CNN_d+pgd:linf:0.2`, as names of files: without colons, which not all
 * systems allow.
 *
 * @module
 */

/** A file's name, without an ending, for a network's. */
export const fileNameOf = (name: string): string => name.replaceAll(":", "_");

/** The network's name that {@linkcode fileNameOf} made a file's of: architectures keep their `_`. */
export function nameOfFile(file: string): string {
  const [architecture, ...specs] = file.split("+");
  return [architecture, ...specs.map((spec) => spec.replaceAll("_", ":"))].join("+");
}
