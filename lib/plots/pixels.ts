/**
 * Digits and perturbations as pictures within figures.
 *
 * @module
 */
import { pngAddress } from "./png.ts";
import { element, type SvgNode } from "./svg.ts";
import { colors, diverging } from "./theme.ts";

/** Side of an MNIST image in pixels. */
export const SIDE = 28;

/** A picture's values, row by row, 784 of them. */
export type Pixels = ArrayLike<number>;

/** Draws a digit of `size` CSS pixels with its corner at (x, y): 0 white, 1 black, framed. */
export function digit(values: Pixels, x: number, y: number, size: number): SvgNode {
  const bytes = new Uint8Array(checked(values).length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = 255 - Math.round(255 * clamp(values[i] ?? 0));
  return picture(pngAddress(bytes, SIDE, SIDE), x, y, size);
}

/** Draws a perturbation: 0 white, `-limit` blue, `limit` orange. */
export function perturbation(
  values: Pixels,
  limit: number,
  x: number,
  y: number,
  size: number,
): SvgNode {
  const bytes = Uint8Array.from(
    Array.from(checked(values)).flatMap((value) => colorOf(value / limit)),
  );
  return picture(pngAddress(bytes, SIDE, SIDE), x, y, size);
}

/** The colours of {@link perturbation} from `-limit` to `limit` as a strip to read values from. */
export function divergingStrip(x: number, y: number, width: number, height: number): SvgNode {
  const steps = 201; // odd, so that 0 has a pixel of its own
  const bytes = Uint8Array.from(
    Array.from({ length: steps }, (_, i) => colorOf(2 * i / (steps - 1) - 1)).flat(),
  );
  return element(
    "g",
    {},
    element("image", {
      href: pngAddress(bytes, steps, 1),
      x,
      y,
      width,
      height,
      preserveAspectRatio: "none",
      "image-rendering": "pixelated",
    }),
    element("rect", { x, y, width, height, fill: "none", stroke: colors.faint }),
  );
}

/** Red, green and blue (0 to 255) of a value in [-1, 1]. */
function colorOf(value: number): number[] {
  const place = (clamp((value + 1) / 2)) * (diverging.length - 1);
  const below = Math.min(Math.floor(place), diverging.length - 2);
  const [from = [0, 0, 0], to = [0, 0, 0]] = diverging.slice(below, below + 2);
  return from.map((channel, i) => Math.round(channel + (place - below) * ((to[i] ?? 0) - channel)));
}

function picture(href: string, x: number, y: number, size: number): SvgNode {
  return element(
    "g",
    {},
    element("image", { href, x, y, width: size, height: size, "image-rendering": "pixelated" }),
    element("rect", {
      x: x - 0.5,
      y: y - 0.5,
      width: size + 1,
      height: size + 1,
      fill: "none",
      stroke: colors.faint,
    }),
  );
}

function checked(values: Pixels): Pixels {
  if (values.length !== SIDE * SIDE) {
    throw new TypeError(
      `Cannot draw a digit as it has ${SIDE * SIDE} pixels: current value is ${values.length}`,
    );
  }
  return values;
}

/** To [0, 1]; what is not a number is drawn as 0. */
function clamp(value: number): number {
  return Number.isNaN(value) ? 0 : Math.min(1, Math.max(0, value));
}
