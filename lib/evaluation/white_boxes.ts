/**
 * Attacks with gradients beside the portfolio: what the plan runs, and the worst case knows them by.
 *
 * @module
 */

/**
 * Their names by norms. They stay within an epsilon that is searched, as none of the portfolio does:
 * docs/decisions/adaptive-evaluation.md.
 */
export const whiteBoxes: ReadonlyMap<number, readonly string[]> = new Map([
  [2, ["apgd", "apgd-dlr"]],
  [Infinity, ["apgd", "apgd-dlr"]],
]);
