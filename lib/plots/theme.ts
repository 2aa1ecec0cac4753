/**
 * How all figures look: typeface and sizes, colours, and the looks of series.
 *
 * @module
 */

/** Colours by what they stand for; they differ for colour-blind eyes and in grey print. */
export const colors = {
  ink: "#1f2328",
  muted: "#656d76",
  faint: "#d0d7de",
  ground: "#f3f4f6",
  /** What is drawn but not looked at: other classes' curves and bars. */
  others: "#a8b0b9",
  /** The clean image, its class, and the training set. */
  clean: "#0072b2",
  /** The adversarial image, its class, and the test set. */
  adversarial: "#d55e00",
  third: "#009e73",
} as const;

/** Weights of type: regular, and bold for titles and what matters most. */
export type Weight = 400 | 700;

/** Computer Modern Unicode, from npm. */
export const typefaces: Record<Weight, string> = {
  400: "computer-modern/fonts/cmu-serif-500-roman.ttf",
  700: "computer-modern/fonts/cmu-serif-700-roman.ttf",
};

/**
 * Sizes are told as for a typeface with the letters of Arial. Computer Modern's are smaller, so it is
 * set this many times as large, as CSS's `font-size-adjust` would; bold letters are wider by nature.
 */
export const sizeAdjust: Record<Weight, number> = { 400: 1.12, 700: 1.04 };

/** How a network, or another series, is drawn. */
export interface Look {
  color: string;
  /** Dashes of its line, "" for none. */
  dashes: string;
}

const SERIES = [
  ...[colors.clean, colors.adversarial, colors.third],
  ...["#cc79a7", "#e69f00", "#56b4e9", "#7b5ea7", colors.muted],
];

/** The look of the series at a place; after eight the colours begin again, dashed. */
export function lookAt(place: number): Look {
  const turn = Math.floor(place / SERIES.length);
  return {
    color: SERIES[place % SERIES.length] ?? colors.ink,
    dashes: ["", "5,2", "2,2"][turn % 3] ?? "",
  };
}
