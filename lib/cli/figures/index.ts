/**
 * All figures that `figure` makes, in the order of the chapters that show them.
 *
 * @module
 */
import { attackFigures } from "./attacks.ts";
import { dataFigures } from "./data.ts";
import type { FigureEntry } from "./entry.ts";
import { evaluationFigures } from "./evaluations.ts";
import { normFigures } from "./norms.ts";
import { resistanceFigures } from "./resistance.ts";
import { sealedFigures } from "./sealed.ts";
import { tableFigures } from "./tables.ts";
import { trainingFigures } from "./training.ts";

/** Each figure by its name. */
export const figures: ReadonlyMap<string, FigureEntry> = new Map(
  [
    ...[dataFigures, trainingFigures, attackFigures, tableFigures, normFigures],
    ...[resistanceFigures, evaluationFigures, sealedFigures],
  ].flatMap((chapter) => Object.entries(chapter)),
);
