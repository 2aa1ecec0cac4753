/**
 * Figure: a network as the shapes that an image passes through, with the layers between them.
 *
 * @module
 */
import { colors, count, element, type Figure, figure, heading, text } from "./figure.ts";
import type { Part, SvgNode } from "./figure.ts";
import { faces } from "./theme.ts";

/** One layer, as an architecture's summary gives it. */
export interface LayerRow {
  layer: { readonly kind: string };
  /** For people, such as "conv 5×5, 20". */
  label: string;
  /** Shape of one example after the layer. */
  outputShape: readonly number[];
  parameters: number;
}

/** A shape on the way through the network, and the layers that led to it. */
interface Stage {
  shape: readonly number[];
  layers: LayerRow[];
}

const COLUMN = 116;
const TOP = 64;
const MIDDLE = TOP + 66;
const LABELS = TOP + 178;

/** Draws the layers of one network from left to right, with shapes and parameter counts. */
export function architectureFigure(
  name: string,
  rows: readonly LayerRow[],
  { inputShape = [28, 28, 1] }: { inputShape?: readonly number[] } = {},
): Figure {
  const total = rows.reduce((sum, row) => sum + row.parameters, 0);
  const stages = staged(rows, inputShape);
  const lines = Math.max(...stages.map((stage) => stage.layers.length));
  const parts = stages.map((stage, i): Part => ({
    x: 24 + i * COLUMN,
    node: element("g", {}, ...column(stage, i === 0)),
  }));
  const subtitle = `${count(total)} trained parameters`;
  const label = `${name}: ` +
    stages.map((stage) =>
      [...stage.layers.map((layer) => layer.label), shapeText(stage.shape)].join(", ")
    ).join("; ") + `; ${subtitle}`;
  const width = Math.max(380, 24 + stages.length * COLUMN + 12);
  return figure({
    label,
    width,
    height: LABELS + 36 + 17 * lines,
  }, [{ node: heading(24, name, subtitle, width - 48) }, ...parts]);
}

/** ReLU, dropout and normalisation change no shape and stand with the layer that they follow. */
function staged(rows: readonly LayerRow[], inputShape: readonly number[]): Stage[] {
  const stages: Stage[] = [{ shape: inputShape, layers: [] }];
  for (const row of rows) {
    const last = stages.at(-1);
    const same = String(last?.shape) === String(row.outputShape) && row.layer.kind !== "dense";
    if (last && same) last.layers.push(row);
    else stages.push({ shape: row.outputShape, layers: [row] });
  }
  return stages;
}

function column(stage: Stage, first: boolean): SvgNode[] {
  const centre = COLUMN / 2 - 6;
  const nodes = [
    ...(stage.shape.length === 1 ? bar(stage.shape[0] ?? 1, centre) : block(stage.shape, centre)),
    text(centre, TOP + 152, shapeText(stage.shape), { size: 13, weight: 700 }),
    ...(first ? [text(centre, LABELS, "image", { fill: colors.muted })] : []),
  ];
  stage.layers.forEach((layer, i) => nodes.push(text(centre, LABELS + 17 * i, layer.label)));
  const parameters = stage.layers.reduce((sum, layer) => sum + layer.parameters, 0);
  if (parameters > 0) {
    const y = LABELS + 17 * stage.layers.length + 4;
    nodes.push(
      text(centre, y, `${count(parameters)} parameters`, { size: 11, fill: colors.muted }),
    );
  }
  if (!first) nodes.push(arrow());
  return nodes;
}

/** Feature maps as a block: its face is as wide as the maps, its depth grows with their number. */
function block([height = 1, width = 1, channels = 1]: readonly number[], centre: number) {
  const scale = 2.3;
  const [w, h] = [Math.max(5, scale * width), Math.max(5, scale * height)];
  const depth = 3 * Math.sqrt(channels) + 1;
  const [x, y] = [centre - (w + depth) / 2, MIDDLE - (h - depth) / 2];
  const shape = (d: string, fill: string) => element("path", { d, fill, ...outline });
  return [
    shape(`M${x},${y}h${w}v${h}h${-w}z`, faces.front),
    shape(`M${x},${y}l${depth},${-depth}h${w}l${-depth},${depth}z`, faces.top),
    shape(`M${x + w},${y}l${depth},${-depth}v${h}l${-depth},${depth}z`, faces.side),
  ];
}

/** A vector as a bar: its length grows with the logarithm of the number of units. */
function bar(units: number, centre: number) {
  const height = 12 + 11 * Math.log2(units);
  return [element("rect", {
    x: centre - 7,
    y: MIDDLE - height / 2,
    width: 14,
    height,
    fill: faces.vector,
    ...outline,
  })];
}

const outline = { stroke: colors.ink, "stroke-width": 1, "stroke-linejoin": "round" } as const;

/** From the column to the left. */
function arrow(): SvgNode {
  return element(
    "g",
    { fill: "none", stroke: colors.muted, "stroke-width": 1.25 },
    element("path", { d: `M-16,${MIDDLE}h16` }),
    element("path", { d: `M-5,${MIDDLE - 4}l5,4l-5,4` }),
  );
}

function shapeText(shape: readonly number[]): string {
  return shape.join("×");
}
