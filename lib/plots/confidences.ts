/**
 * A panel that two figures share: the ten confidences as curves, the classes that matter in colour.
 *
 * @module
 */
import * as Plot from "@observablehq/plot";
import { chart, colors, type SvgNode } from "./figure.ts";

/** The confidences at one place along a path. */
export interface ConfidenceRow {
  at: number;
  /** Ten shares that add up to 1. */
  confidences: readonly number[];
}

export interface ConfidencePanelOptions {
  width: number;
  height: number;
  /** The class whose curve is drawn in the clean image's colour. */
  clean: number;
  /** The class whose curve is drawn in the adversarial image's colour; none if it equals `clean`. */
  adversarial: number;
  /** Label of the horizontal axis. */
  label: string;
  /** How many ticks that axis has, about. @default 6 */
  ticks?: number;
  /** Vertical lines to read the curves at, with what stands there. */
  marks?: readonly { at: number; text: string }[];
}

const MARGIN = { left: 46, right: 92 };

/** A third class is drawn and named when its confidence rises above this somewhere. */
const WORTH_NAMING = 0.1;

/** Draws the confidences of all classes, in percent, along the rows. */
export function confidencePanel(
  rows: readonly ConfidenceRow[],
  { width, height, clean, adversarial, label, ticks = 6, marks = [] }: ConfidencePanelOptions,
): SvgNode {
  const curves = Array.from({ length: 10 }, (_, digit) => ({
    digit,
    points: rows.map((row) => ({ at: row.at, value: 100 * (row.confidences[digit] ?? 0) })),
  }));
  const stroke = (digit: number) =>
    digit === clean ? colors.clean : digit === adversarial ? colors.adversarial : colors.others;
  const ofInterest = (digit: number) => digit === clean || digit === adversarial;
  const ordered = [...curves].sort((a, b) =>
    Number(ofInterest(a.digit)) - Number(ofInterest(b.digit))
  );
  return chart({
    width,
    height,
    marginLeft: MARGIN.left,
    marginRight: MARGIN.right,
    marginTop: 28,
    marginBottom: 42,
    x: { label, labelAnchor: "center", labelArrow: "none", ticks },
    y: { label: "confidence (%)", domain: [0, 100], grid: true, ticks: 5 },
    marks: [
      Plot.ruleX(marks, { x: "at", stroke: colors.muted, strokeDasharray: "4,3" }),
      Plot.text(marks, {
        x: "at",
        text: "text",
        frameAnchor: "top",
        lineAnchor: "bottom",
        dy: -5,
        fill: colors.muted,
      }),
      ...ordered.map(({ digit, points }) =>
        Plot.lineY(points, {
          x: "at",
          y: "value",
          stroke: stroke(digit),
          strokeWidth: ofInterest(digit) ? 2.25 : 1,
        })
      ),
      ...names(curves, ofInterest).map((name) =>
        Plot.text([name], {
          x: "at",
          y: "value",
          text: () => `class ${name.digit}`,
          fill: ofInterest(name.digit) ? stroke(name.digit) : colors.muted,
          fontWeight: ofInterest(name.digit) ? "bold" : "normal",
          textAnchor: name.inside ? "middle" : "start",
          ...(name.inside && { stroke: "white", strokeWidth: 4 }), // it stands among the curves
          dx: name.inside ? 0 : 8,
          dy: name.inside ? -8 : name.shift,
        })
      ),
    ],
  });
}

interface Curve {
  digit: number;
  points: readonly { at: number; value: number }[];
}

/** Where to write each class: at its curve's end, or at its peak for a third class. */
function names(curves: readonly Curve[], ofInterest: (digit: number) => boolean) {
  const written = curves.filter(({ digit, points }) =>
    ofInterest(digit) || Math.max(0, ...points.map((point) => point.value)) > 100 * WORTH_NAMING
  );
  const placed = written.flatMap(({ digit, points }) => {
    const last = points.at(-1);
    const peak = points.reduce(
      (best, point) => point.value > (best?.value ?? -1) ? point : best,
      last,
    );
    const inside = !ofInterest(digit) && peak !== last;
    const at = inside ? peak : last;
    return at ? [{ digit, ...at, inside, shift: 0 }] : [];
  });
  const ends = placed.filter((name) => !name.inside).sort((a, b) => b.value - a.value);
  for (let i = 1; i < ends.length; i++) spread(ends[i - 1], ends[i]);
  return placed;
}

/** Moves the lower of two names down until they are a line apart; 1% is about 2 CSS pixels. */
function spread(
  above: { value: number; shift: number } | undefined,
  below: { value: number; shift: number } | undefined,
): void {
  if (!above || !below) return;
  const apart = 2 * (above.value - below.value) - above.shift;
  if (apart < 13) below.shift = 13 - apart;
}
