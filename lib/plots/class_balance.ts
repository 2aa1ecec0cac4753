/**
 * Figure: how many images of each class the subsets hold.
 *
 * @module
 */
import * as Plot from "@observablehq/plot";
import { chart, colors, count, type Figure, figure, heading } from "./figure.ts";

/** One class in one subset. */
export interface ClassCount {
  subset: string;
  digit: number;
  count: number;
}

/** Draws each class's share of each subset, with its count; a line marks an even tenth. */
export function classBalance(
  rows: readonly ClassCount[],
  { title = "Class balance" }: { title?: string } = {},
): Figure {
  const totals = new Map<string, number>();
  for (const row of rows) totals.set(row.subset, (totals.get(row.subset) ?? 0) + row.count);
  const named = rows.map((row) => {
    const total = totals.get(row.subset) ?? 1;
    return {
      digit: row.digit,
      images: row.count,
      share: 100 * row.count / total,
      subset: `${row.subset}, ${count(total)} images: share (%) of each class`,
    };
  });
  const subtitle = "In each bar its number of images; the dashed line is one tenth";
  const subsets = totals.size;
  const node = chart({
    width: 720,
    height: 40 + 130 * subsets,
    marginLeft: 40,
    marginRight: 20,
    marginTop: 20,
    marginBottom: 40,
    x: { type: "band", label: "class", labelAnchor: "center", padding: 0.25, tickSize: 0 },
    y: { label: null, ticks: 3, nice: true },
    fy: { axis: null, domain: [...new Set(named.map((row) => row.subset))], padding: 0.22 },
    marks: [
      Plot.barY(named, { x: "digit", y: "share", fy: "subset", fill: colors.clean }),
      Plot.ruleY([10], { stroke: colors.adversarial, strokeDasharray: "4,3" }),
      Plot.text(named, {
        x: "digit",
        y: 0,
        fy: "subset",
        text: (row: { images: number }) => count(row.images),
        dy: -10,
        fill: "white",
      }),
      Plot.text([...new Set(named.map((row) => row.subset))], {
        fy: (subset: string) => subset,
        text: (subset: string) => subset,
        frameAnchor: "top-left",
        dy: -16,
        dx: -20,
        fontWeight: "bold",
        fontSize: 12,
      }),
      Plot.ruleY([0], { stroke: colors.ink }),
    ],
  });
  return figure({
    label: `${title}: images of each class in ${[...totals.keys()].join(", ")}`,
    width: 720,
    height: 104 + 130 * subsets,
  }, [
    { node: heading(20, title, subtitle, 680) },
    { node, y: 56 },
  ]);
}
