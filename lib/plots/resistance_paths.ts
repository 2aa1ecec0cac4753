/**
 * Figure: the second attack's path, in norm and confidence, on some images.
 *
 * @module
 */
import type { Figure } from "./figure.ts";
import { lineFigure } from "./line_panels.ts";

/** The path of the second attack on one image. */
export interface ResistancePath {
  name: string;
  /** Norm of the perturbation after each step. */
  norms: ArrayLike<number>;
  /** Confidence in the clean image's class after each step, in [0, 1]. */
  confidences: ArrayLike<number>;
  /** Step at which the confidence was first at most 0.2; infinite where it never was. */
  resMin: number;
}

/** Draws norm and confidence against the step, with the thresholds at which the loss changes. */
export function resistancePaths(
  paths: readonly ResistancePath[],
  { title = "The second attack's path", subtitle = "" } = {},
): Figure {
  const steps = Math.max(1, ...paths.map(({ norms }) => norms.length));
  const x = { label: "step", domain: [0, steps] as const };
  const lines = (key: "norms" | "confidences", start: number) =>
    paths.map((path) => ({
      name: path.name,
      points: [
        { x: 0, y: start },
        ...Array.from(path[key], (y, i) => ({ x: i + 1, y: start === 1 ? Math.min(1, y) : y })),
      ],
    }));
  const described = paths.map(({ name, norms, resMin }) => {
    const peak = Array.from(norms).reduce((a, b) => Math.max(a, b), 0);
    const when = resMin === Infinity ? "never below 0.2" : `below 0.2 from step ${resMin} on`;
    return `${name}: norm at most ${peak.toPrecision(3)}, at the end ${
      (norms[norms.length - 1] ?? 0).toPrecision(3)
    }, confidence ${when}`;
  });
  return lineFigure({
    title,
    subtitle,
    label: `${title}. ${described.join("; ")}`,
    size: { width: 375, height: 300 },
    panels: [
      {
        title: "Norm",
        x,
        y: { label: "$\\|r\\|_2$" },
        lines: lines("norms", 0),
      },
      {
        title: "Confidence in the first class",
        x,
        y: { label: "$c$", domain: [0, 1], ticks: [0, 0.2, 0.5, 0.9, 1] },
        lines: lines("confidences", 1),
        rules: [{ at: 0.2, across: "y" }, { at: 0.9, across: "y" }],
      },
    ],
  });
}
