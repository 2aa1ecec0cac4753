/**
 * Options of `deno task bench --minnorm`.
 *
 * @module
 */
import { type Option, readNumber, UsageError } from "$lib/cli/options.ts";
import { parseP } from "$lib/numbers.ts";

/** `--norms inf,2,1,0`. */
export const normsOption: Option<number[]> = {
  value: "P,P",
  help: "with --minnorm: the norms, with commas between (default: inf,2,1,0)",
  read(given = "inf,2,1,0") {
    const norms = given.split(",").map(parseP);
    if (norms.every((p) => [0, 1, 2, Infinity].includes(p))) return norms;
    throw new UsageError(
      `Cannot read --norms as they must be of 0, 1, 2 and inf: current value is ${given}`,
    );
  },
};

/** `--max-passes 2400` or `--max-passes 2400,2400,3000,2400`. */
export const passesOption: Option<number[]> = {
  help: "with --minnorm: passes of an image at most, for all norms or for each (default: 2000)",
  value: "n,...",
  read: (given, name) =>
    (given ?? "2000").split(",").map((one) => readNumber(one, name, { min: 2, integer: true })),
};

/**
 * The budget in one of the norms.
 *
 * @param place The norm's place among those asked for.
 */
export function passesAt(
  { norms, "max-passes": passes }: { norms: number[]; "max-passes": number[] },
  place: number,
): number {
  const budget = passes.length === 1 ? passes[0] : passes[place];
  if (budget !== undefined && (passes.length === 1 || passes.length === norms.length)) {
    return budget;
  }
  throw new UsageError(
    `Cannot use --max-passes as it must be one number or one for each norm: current value is ${passes}`,
  );
}
