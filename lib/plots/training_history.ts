/**
 * Figure: loss and accuracies over the epochs of a training.
 *
 * @module
 */
import * as Plot from "@observablehq/plot";
import { chart, colors, type Figure, figure, heading } from "./figure.ts";

/** One epoch; accuracies are shares in [0, 1]. */
export interface HistoryRow {
  epoch: number;
  /** Mean cross-entropy over the epoch, in nats. */
  loss: number;
  accuracy: number;
  /** `null` where no test images were given. */
  testAccuracy: number | null;
}

interface Point {
  epoch: number;
  value: number;
  series: string;
}

/** Draws the loss, and the accuracy on train and test images, against the epoch. */
export function trainingHistory(
  rows: readonly HistoryRow[],
  { title = "Training history" }: { title?: string } = {},
): Figure {
  const last = rows.at(-1);
  const losses = rows.map(({ epoch, loss }) => ({ epoch, value: loss, series: "train" }));
  const accuracies = rows.flatMap(({ epoch, accuracy, testAccuracy }) => [
    { epoch, value: 100 * accuracy, series: "train" },
    ...testAccuracy === null ? [] : [{ epoch, value: 100 * testAccuracy, series: "test" }],
  ]);
  const subtitle = last ? ending(last) : "No epoch has ended yet";
  return figure({ label: `${title}. ${subtitle}`, width: 760, height: 346 }, [
    { node: heading(20, title, subtitle, 720) },
    { node: panel(losses, "loss (nats)", 2), x: 17, y: 60 },
    { node: panel(accuracies, "accuracy (%)", 0), x: 391, y: 60 },
  ]);
}

/** Plot warns of series of one point each unless they are named, by z. */
const place = { x: "epoch", y: "value", z: "series" } as const;

function panel(points: readonly Point[], label: string, digits: number) {
  const lastEpoch = Math.max(1, ...points.map((point) => point.epoch));
  const ends = labelled(points.filter((point) => point.epoch === lastEpoch));
  return chart({
    width: 366,
    height: 280,
    marginLeft: 46,
    marginRight: 44,
    marginTop: 28,
    marginBottom: 44,
    x: {
      label: "epoch",
      labelAnchor: "center",
      labelArrow: "none",
      domain: [Math.min(1, lastEpoch - 1), lastEpoch],
      ticks: Math.min(6, lastEpoch),
      tickFormat: (epoch: number) => Number.isInteger(epoch) ? String(epoch) : "",
    },
    y: { label, grid: true, nice: true, ...(digits ? { zero: true } : {}), ticks: 5 },
    color: { domain: ["train", "test"], range: [colors.clean, colors.adversarial] },
    marks: [
      Plot.lineY(points, { ...place, stroke: "series", strokeWidth: 1.75 }),
      Plot.dot(points, { ...place, fill: "series", r: 2.2 }),
      ...ends.map((end) =>
        Plot.text([end], {
          ...place,
          text: "series",
          fill: "series",
          textAnchor: "start",
          dx: 8,
          dy: end.shift,
          fontWeight: "bold",
        })
      ),
    ],
  });
}

/** The last points, moved apart by half a line so that the labels of close curves do not touch. */
function labelled(ends: readonly Point[]) {
  const highest = Math.max(...ends.map((end) => end.value));
  return ends.map((end) => ({
    ...end,
    shift: ends.length < 2 ? 0 : end.value === highest ? -7 : 7,
  }));
}

function ending({ epoch, loss, accuracy, testAccuracy }: HistoryRow): string {
  const test = testAccuracy === null ? "" : ` and ${hundredths(testAccuracy)}% on test`;
  return `After epoch ${epoch}: loss ${loss.toPrecision(3)}, ` +
    `accuracy ${hundredths(accuracy)}% on train${test} images`;
}

function hundredths(share: number): string {
  return (100 * share).toFixed(2);
}
