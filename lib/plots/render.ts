/**
 * A figure's SVG as pixels.
 *
 * @module
 */
import { Resvg } from "@resvg/resvg-js";
import type { Figure } from "./figure.ts";
import { encodeDrawing } from "./png.ts";

/** The renderer. It has no fonts, for a figure's text is outlines. */
function renderer({ svg }: Pick<Figure, "svg">, scale: number): Resvg {
  return new Resvg(svg, {
    background: "white",
    font: { loadSystemFonts: false },
    imageRendering: 1, // pixels as squares: resvg does not know "pixelated"
    fitTo: { mode: "zoom", value: scale },
  });
}

/**
 * Draws the figure as PNG.
 *
 * @param scale Pixels of the PNG for one CSS pixel.
 */
export function toPng(figure: Pick<Figure, "svg">, scale = 2): Uint8Array<ArrayBuffer> {
  const { pixels, width, height } = renderer(figure, scale).render();
  return new Uint8Array(encodeDrawing(pixels, width, height));
}

/**
 * Says by how many CSS pixels, at most, something drawn goes beyond the figure's edge.
 *
 * @returns 0 if nothing is clipped.
 */
export function overflow(figure: Figure): number {
  const box = renderer(figure, 1).getBBox();
  if (!box) return 0;
  const beyond = Math.max(
    -box.x,
    -box.y,
    box.x + box.width - figure.width,
    box.y + box.height - figure.height,
  );
  return Math.max(0, beyond);
}
