/**
 * How all figures look: typeface and sizes, colours, and the looks of series.
 *
 * @module
 */

/**
 * Colours by what they stand for. `tests/plots_theme_test.ts` holds them, and those of series, to
 * distances for colour-blind eyes and in grey print, and to their contrast with white.
 */
export const colors = {
  ink: "#1f2328",
  /** Darker than a sturdier typeface would need. */
  muted: "#4d545c",
  faint: "#d0d7de",
  ground: "#f3f4f6",
  /** What is drawn but not looked at: other classes' curves and bars. */
  others: "#a8b0b9",
  /** The clean image, its class, and the training set. */
  clean: "#004b8e",
  /** The adversarial image, its class, and the test set. */
  adversarial: "#c6510b",
  third: "#0fa56a",
} as const;

/** Shares or counts from few to many, below text in ink. */
export const ramp = ["#fff3e8", "#f0945a"] as const;

/**
 * A perturbation's values at -1, -1/2, 0, 1/2 and 1 times the largest: red, green and blue. In grey
 * print their size shows but not their sign.
 */
export const diverging: readonly (readonly [number, number, number])[] = [
  [5, 74, 120],
  [86, 160, 206],
  [255, 255, 255],
  [240, 150, 84],
  [160, 58, 0],
];

/** Faces of a drawn body, as feature maps are, and of a drawn vector. */
export const faces = { front: "#cfe3f1", top: "#e6f0f8", side: "#a9cde6", vector: "#fbdcc4" };

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
  ...["#70054f", "#6e93bc", "#362716", "#68582c", "#b1457a"],
];

const DASHES = ["", "8,3", "2,2.5", "8,3,2,3"];

/** The look of the series at a place. Those that look alike in grey print differ by their dashes. */
export function lookAt(place: number): Look {
  const turn = Math.floor(place / SERIES.length);
  return {
    color: SERIES[place % SERIES.length] ?? colors.ink,
    dashes: DASHES[(place + turn) % DASHES.length] ?? "",
  };
}
