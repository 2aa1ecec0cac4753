/**
 * Figures of the digits: the first notebook's.
 *
 * @module
 */
import { type Dataset, load } from "../../loader.ts";
import { classBalance } from "../../plots/class_balance.ts";
import { digitGrid, meanDigits } from "../../plots/digits.ts";
import { classCounts, digitRows, meanRows } from "../../rows.ts";
import { loading } from "../session.ts";
import { entry, type Figures } from "./entry.ts";

/** The figures of chapter 1. */
export const dataFigures: Figures = {
  "digits": entry(
    "The first images, with their labels",
    { dataset: "MNIST", subset: "test", limit: 50 },
    async ({ dataset, subset, limit }, signal) => {
      const rows = digitRows(await load(subset, { ...loading(dataset, signal), to: limit }));
      const title = `The first ${rows.length} images of ${sourceOf(dataset, subset)}`;
      return digitGrid(rows, { title });
    },
  ),
  "mean-digits": entry(
    "The mean image of each class",
    { dataset: "MNIST", subset: "test", limit: undefined },
    async ({ dataset, subset, limit: to }, signal) => {
      const subtitle = `Each pixel is its mean over the class; ${sourceOf(dataset, subset)}`;
      const digits = await load(subset, { ...loading(dataset, signal), ...(to && { to }) });
      return meanDigits(meanRows(digits), { subtitle });
    },
  ),
  "class-balance": entry(
    "How many images of each class there are",
    { dataset: "MNIST" },
    async ({ dataset }, signal) => {
      const counts = [];
      // Two subsets only: nothing looks at the sealed one unasked.
      for (const subset of ["train", "test"] as const) {
        const digits = await load(subset, loading(dataset, signal));
        counts.push(...classCounts(subset, digits));
        digits.images.dispose();
      }
      return classBalance(counts, { title: `Class balance of ${dataset}` });
    },
  ),
};

/** "MNIST's test images". */
export const sourceOf = (dataset: Dataset, subset: string): string =>
  `${dataset}'s ${subset} images`;
