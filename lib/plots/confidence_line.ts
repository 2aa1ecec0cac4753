/**
 * Figure: the confidences along the straight line from an image to its adversarial image.
 *
 * @module
 */
import { argMax } from "../numbers.ts";
import { confidencePanel } from "./confidences.ts";
import { type Figure, figure, heading } from "./figure.ts";

/** The network's view of image + t * perturbation. */
export interface LineRow {
  /** 0 at the image, 1 at the adversarial image. */
  t: number;
  /** Ten shares that add up to 1. */
  confidences: readonly number[];
}

/** Draws the confidence of each class along the line; the figure says where the class changes. */
export function confidenceLine(
  rows: readonly LineRow[],
  { title = "From the image to the adversarial image" }: { title?: string } = {},
): Figure {
  const clean = argMax(nearest(rows, 0)?.confidences ?? []);
  const adversarial = argMax(nearest(rows, 1)?.confidences ?? []);
  const change = rows.find((row) => row.t > 0 && argMax(row.confidences) !== clean);
  const subtitle = change
    ? `Confidences for $x + t\\,r$; the class changes at $t = ${change.t.toFixed(2)}$`
    : "Confidences for $x + t\\,r$; the class does not change";
  return figure({ label: `${title}. ${subtitle}`, width: 760, height: 390 }, [
    { node: heading(20, title, subtitle, 720) },
    {
      node: confidencePanel(rows.map(({ t, confidences }) => ({ at: t, confidences })), {
        width: 743,
        height: 320,
        clean,
        adversarial,
        label: "$t$, place on the line from image $x$ to $x + r$",
        marks: [{ at: 0, text: "image" }, { at: 1, text: "adversarial image" }],
      }),
      x: 17,
      y: 62,
    },
  ]);
}

function nearest(rows: readonly LineRow[], t: number): LineRow | undefined {
  return [...rows].sort((a, b) => Math.abs(a.t - t) - Math.abs(b.t - t))[0];
}
