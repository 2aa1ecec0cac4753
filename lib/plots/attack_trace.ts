/**
 * Figure: how an attack went, step by step.
 *
 * @module
 */
import { argMax } from "../numbers.ts";
import * as Plot from "@observablehq/plot";
import { confidencePanel } from "./confidences.ts";
import { chart, colors, type Figure, figure, heading, normSymbol, percent } from "./figure.ts";

/** The attack's state after one step; the first is its start. */
export interface TraceRow {
  step: number;
  /** Norm of the perturbation as it reaches the network (after clipping). */
  norm: number;
  /** The network's ten confidences for image + perturbation. */
  confidences: readonly number[];
}

export interface TraceOptions {
  p: number;
  /** The class of the clean image, or the one that the attack moves away from. */
  label: number;
  title?: string;
  /** The norm asked for, drawn as a line. */
  epsilon?: number;
}

const WIDTH = 760;

/** Draws the perturbation's norm and the confidences against the attack's steps. */
export function attackTrace(rows: readonly TraceRow[], options: TraceOptions): Figure {
  const { p, label, epsilon, title = "The attack, step by step" } = options;
  const end = rows.at(-1);
  const prediction = end ? argMax(end.confidences) : label;
  const subtitle = end
    ? `After ${end.step} ${end.step === 1 ? "step" : "steps"}: ${normSymbol(p)} = ${
      end.norm.toPrecision(3)
    }, predicted ${prediction} (${percent(end.confidences[prediction] ?? 0)})`
    : "No step was made";
  return figure({ label: `${title}. ${subtitle}`, width: WIDTH, height: 530 }, [
    { node: heading(20, title, subtitle, WIDTH - 40) },
    {
      node: confidencePanel(
        rows.map(({ step, confidences }) => ({ at: step, confidences })),
        {
          ...{ width: WIDTH - 17, height: 280, clean: label, adversarial: prediction },
          ...{ label: "step", ticks: wholeTicks(rows) },
        },
      ),
      x: 17,
      y: 54,
    },
    { node: normPanel(rows, p, epsilon), x: 17, y: 334 },
  ]);
}

/** At most one tick for each step, so that none stands between two. */
function wholeTicks(rows: readonly TraceRow[]): number {
  return Math.min(6, Math.max(1, (rows.at(-1)?.step ?? 0) - (rows[0]?.step ?? 0)));
}

function normPanel(rows: readonly TraceRow[], p: number, epsilon?: number) {
  const limits = epsilon === undefined ? [] : [{ epsilon, at: rows.at(-1)?.step ?? 0 }];
  return chart({
    width: WIDTH - 17,
    height: 190,
    marginLeft: 46,
    marginRight: 92,
    marginTop: 28,
    marginBottom: 42,
    x: { label: "step", labelAnchor: "center", labelArrow: "none", ticks: wholeTicks(rows) },
    y: { label: normSymbol(p), zero: true, nice: true, grid: true, ticks: 4 },
    marks: [
      Plot.ruleY(limits, { y: "epsilon", stroke: colors.muted, strokeDasharray: "4,3" }),
      Plot.text(limits, {
        x: "at",
        y: "epsilon",
        text: () => "asked for",
        textAnchor: "start",
        dx: 8,
        fill: colors.muted,
      }),
      Plot.lineY(rows, { x: "step", y: "norm", stroke: colors.third, strokeWidth: 2.25 }),
    ],
  });
}
