/**
 * The theme's colours as colour-blind eyes, grey print and a white page show them.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { colors, lookAt } from "$lib/plots/theme.ts";

type Triple = readonly [number, number, number];

/** Linear red, green and blue, in [0, 1]. */
function linear(hex: string): Triple {
  const channel = (at: number) => {
    const value = parseInt(hex.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  };
  return [channel(1), channel(3), channel(5)];
}

const times = (matrix: readonly Triple[], v: Triple): Triple => {
  const [x = 0, y = 0, z = 0] = matrix.map((row) => row[0] * v[0] + row[1] * v[1] + row[2] * v[2]);
  return [x, y, z];
};

/** To CIE XYZ, white at D65. */
const XYZ: Triple[] = [
  [0.4124564, 0.3575761, 0.1804375],
  [0.2126729, 0.7151522, 0.072175],
  [0.0193339, 0.119192, 0.9503041],
];

/** How dichromats see linear colours: Machado, Oliveira and Fernandes, 2009, severity 1. */
const eyes: Record<string, Triple[]> = {
  "usual": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
  "protanopic": [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
  "deuteranopic": [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ],
  "tritanopic": [
    [1.255528, -0.076749, -0.178779],
    [-0.078411, 0.930809, 0.147602],
    [0.004733, 0.691367, 0.3039],
  ],
};

/** CIE L*, a* and b*. */
function lab(rgb: Triple): Triple {
  const [x, y, z] = times(XYZ, rgb);
  const f = (t: number) => t > 216 / 24389 ? Math.cbrt(t) : (24389 / 27 * t + 16) / 116;
  const [fx, fy, fz] = [f(x / 0.95047), f(y), f(z / 1.08883)];
  return [116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)];
}

const seen = (hex: string, by: Triple[]): Triple => {
  const [r, g, b] = times(by, linear(hex)).map((value) => Math.min(1, Math.max(0, value)));
  return lab([r!, g!, b!]);
};
const lightness = (hex: string) => lab(linear(hex))[0];
const apart = (a: Triple, b: Triple) => Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
const contrast = (hex: string) => 1.05 / (0.05 + times(XYZ, linear(hex))[1]);

const looks = Array.from({ length: 8 }, (_, place) => lookAt(place));
const pairs = looks.flatMap((a, i) => looks.slice(0, i).map((b) => [a, b] as const));

Deno.test("a colour's lightness is CIE's: white 100, black 0, and sRGB's primaries", () => {
  const known = { "#ffffff": 100, "#000000": 0, "#ff0000": 53.24, "#00ff00": 87.73 };
  for (const [hex, value] of Object.entries(known)) {
    assert(Math.abs(lightness(hex) - value) < 0.01, `${hex}: ${lightness(hex)}`);
  }
});

for (const [kind, matrix] of Object.entries(eyes)) {
  Deno.test(`the colours of eight series are far from each other for ${kind} eyes`, () => {
    for (const [a, b] of pairs) {
      const distance = apart(seen(a.color, matrix), seen(b.color, matrix));
      assert(distance > 18, `${a.color} and ${b.color}: ${distance.toFixed(1)}`);
    }
  });
}

Deno.test("series with the same dashes differ in grey print", () => {
  const alike = pairs.filter(([a, b]) => a.dashes === b.dashes);
  assertEquals(alike.length, 4);
  for (const [a, b] of alike) {
    const gap = Math.abs(lightness(a.color) - lightness(b.color));
    assert(gap > 20, `${a.color} and ${b.color}: ${gap.toFixed(1)}`);
  }
});

Deno.test("clean and adversarial differ in grey print, also from what is not looked at", () => {
  const [clean, adversarial, others] = [colors.clean, colors.adversarial, colors.others]
    .map(lightness) as [number, number, number];
  assert(
    adversarial - clean > 15 && others - adversarial > 15,
    `${clean} ${adversarial} ${others}`,
  );
});

Deno.test("lines have a contrast of 3 to white, text one of 4.5", () => {
  for (const { color } of looks) assert(contrast(color) >= 3, `${color}: ${contrast(color)}`);
  for (const color of [colors.ink, colors.muted, colors.clean, colors.adversarial]) {
    assert(contrast(color) >= 4.5, `${color}: ${contrast(color)}`);
  }
});

Deno.test("sixteen series all look different", () => {
  const looks = Array.from({ length: 16 }, (_, place) => JSON.stringify(lookAt(place)));
  assertEquals(new Set(looks).size, 16);
});
