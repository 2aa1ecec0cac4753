/**
 * Figure: which class a network takes for which.
 *
 * @module
 */
import * as Plot from "@observablehq/plot";
import { chart, colors, count, type Figure, figure, heading } from "./figure.ts";
import { ramp } from "./theme.ts";

/**
 * Draws a confusion matrix: mistakes in orange by their number, what is right in grey.
 *
 * @param counts `counts[label][prediction]`, ten by ten numbers of images.
 */
export function confusionMatrix(
  counts: readonly (readonly number[])[],
  { title = "Confusion matrix" }: { title?: string } = {},
): Figure {
  const cells = counts.flatMap((row, label) =>
    row.map((images, prediction) => ({ label, prediction, images }))
  );
  const total = cells.reduce((sum, cell) => sum + cell.images, 0);
  const mistakes = cells.filter((cell) => cell.label !== cell.prediction && cell.images > 0);
  const wrong = mistakes.reduce((sum, cell) => sum + cell.images, 0);
  const most = Math.max(1, ...mistakes.map((cell) => cell.images));
  const place = { x: "prediction", y: "label", inset: 0.5 } as const;
  const node = chart({
    width: 520,
    height: 500,
    marginLeft: 56,
    marginRight: 20,
    marginTop: 44,
    marginBottom: 16,
    x: { ...band, label: "predicted class", axis: "top" },
    y: { ...band, label: "true class" },
    color: { type: "sqrt", domain: [0, most], range: [...ramp] },
    marks: [
      Plot.cell(cells, { ...place, fill: colors.ground }),
      Plot.cell(mistakes, { ...place, fill: "images" }),
      Plot.text(cells.filter((cell) => cell.images > 0), {
        x: "prediction",
        y: "label",
        text: (cell: { images: number }) => count(cell.images),
        fontSize: 12,
        fill: colors.ink,
      }),
    ],
  });
  const subtitle = `${count(wrong)} of ${count(total)} images are misclassified ` +
    `(accuracy ${(100 * (1 - wrong / Math.max(1, total))).toFixed(2)}%)`;
  return figure({ label: `${title}. ${subtitle}`, width: 520, height: 560 }, [
    { node: heading(20, title, subtitle, 480) },
    { node, y: 54 },
  ]);
}

/** An axis of the ten classes. */
export const band = {
  type: "band",
  domain: Array.from({ length: 10 }, (_, digit) => digit),
  labelAnchor: "center",
  labelArrow: "none",
  tickSize: 0,
} as const;
