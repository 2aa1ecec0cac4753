/**
 * What the tables of minimal norms that come with the lab are made with.
 *
 * @module
 */

/**
 * Forward plus backward passes of each image at most: the same for `test` and `val`, as norms found
 * with other budgets can't be compared.
 */
export const tablePasses = 1000;
