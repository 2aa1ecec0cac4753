/**
 * Names beside dots, each where there is room.
 *
 * @module
 */
import { colors, element, type SvgNode, text } from "./figure.ts";
import { textWidth } from "./measure.ts";

/** A rectangle: its left, top, right and bottom. */
export type Box = readonly [left: number, top: number, right: number, bottom: number];

/** A dot and its name. */
export interface NamedDot {
  x: number;
  y: number;
  name: string;
}

const SIZE = 10;
/** Half a name's height. */
const HALF = 5;
/** How far up or down a name may be from its dot, most wanted first. */
const shifts = [0, -8, 8, -14, 14, -22, 22, -30, 30, -38, 38];

const overlaps = (a: Box, b: Box): boolean =>
  a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3];

/**
 * Writes each dot's name right of it or, where that is taken, left, above or below, tied to it by a
 * line if it is far.
 *
 * @param taken What names must not cover, the dots included.
 * @param bounds What they must not leave. Where there is no room at all, a name stands right or left.
 */
export function labelDots(
  dots: readonly NamedDot[],
  taken: readonly Box[],
  bounds: Box,
): SvgNode[] {
  const all = [...taken];
  return dots.map(({ x, y, name }) => {
    const wide = textWidth(name, { size: SIZE });
    const boxes = shifts.flatMap((shift) =>
      [x + 6, x - 6 - wide, x - wide / 2].map((
        left,
      ): Box => [left, y + shift - HALF, left + wide, y + shift + HALF])
    ).filter(([left, top, right, bottom]) =>
      left >= bounds[0] && top >= bounds[1] && right <= bounds[2] && bottom <= bounds[3]
    );
    const free = boxes.find((box) => !all.some((other) => overlaps(box, other)));
    const box = free ?? boxes[0] ?? [x, y - HALF, x + wide, y + HALF];
    all.push(box);
    const node = element(
      "g",
      {},
      text(box[0], box[3] - 1.5, name, { size: SIZE, anchor: "start" }),
    );
    const nearest = Math.min(Math.max(x, box[0]), box[2]);
    const edge = box[1] > y ? box[1] : box[3];
    // Far from its dot, a name is tied to it.
    if (Math.abs(edge - y) > 8) {
      node.appendChild(
        element("path", { d: `M${x},${y}L${nearest},${edge}`, stroke: colors.muted }),
      );
    }
    return node;
  });
}
