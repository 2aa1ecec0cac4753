/**
 * Names of options: the types see to them, but not behind a spread or in plain JavaScript.
 *
 * @module
 */

/** The names of all options; the type sees that none is missing. */
export type Names<O> = Readonly<Record<keyof O, true>>;

/**
 * Refuses options that there are not: misspelt, they would be passed over in silence.
 *
 * @param action What can't be done, for the error: `attack`.
 * @throws {TypeError} If there is one.
 */
export function assertOptions<O extends object>(options: O, names: Names<O>, action: string): void {
  const stranger = Object.keys(options).find((name) => !Object.hasOwn(names, name));
  if (stranger === undefined) return;
  const known = Object.keys(names).join(", ");
  throw new TypeError(
    `Cannot ${action} as options must be among ${known}: current value is ${stranger}`,
  );
}
