/**
 * Figure: how many images of each class the subsets hold.
 *
 * @module
 */
import * as Plot from "@observablehq/plot";
import { chart, colors, count, type Figure, figure, heading } from "$lib/plots/figure.ts";

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
      subset: `${row.subset}: ${count(total)} images`,
    };
  });
  const subsets = totals.size;
  const node = chart({
    width: 720,
    height: 40 + 130 * subsets,
    marginLeft: 56,
    marginRight: 20,
    marginTop: 20,
    marginBottom: 40,
    x: { type: "band", label: "class", labelAnchor: "center", padding: 0.25, tickSize: 0 },
    y: { label: "share (%)", ticks: 3, nice: true, insetTop: 16 },
    fy: { axis: null, domain: [...new Set(named.map((row) => row.subset))], padding: 0.22 },
    marks: [
      Plot.barY(named, { x: "digit", y: "share", fy: "subset", fill: colors.clean }),
      Plot.ruleY([10], { stroke: colors.muted, strokeDasharray: "4,3" }),
      Plot.text(named, {
        x: "digit",
        y: "share",
        fy: "subset",
        text: (row: { images: number }) => count(row.images),
        dy: -8,
      }),
      Plot.text([...new Set(named.map((row) => row.subset))], {
        fy: (subset: string) => subset,
        text: (subset: string) => subset,
        frameAnchor: "top-left",
        dy: -14,
        dx: 2,
        fontWeight: "bold",
        fontSize: 12,
      }),
      Plot.ruleY([0], { stroke: colors.ink }),
    ],
  });
  return figure({
    label: `${title}: images of each class in ${[...totals.keys()].join(", ")}`,
    width: 720,
    height: 100 + 130 * subsets,
  }, [
    { node: heading(20, title, "Number of images above each bar; the dashed line is one tenth") },
    { node, y: 56 },
  ]);
}
