import { assert, assertAlmostEquals, assertEquals, assertMatch } from "@std/assert";
import { type AttackRow, type Cell, cellsOf, worstCase } from "$lib/evaluation/worst_case.ts";

/** Rows of one attack: a norm for each image, from image 5000 on. */
const rows = (attack: string, norms: readonly number[], p = Infinity): AttackRow[] =>
  norms.map((minNorm, i) => ({ network: "N", image: 5000 + i, p, attack, minNorm }));

const only = (cells: readonly Cell[]): Cell => {
  assertEquals(cells.length, 1);
  return cells[0]!;
};

/** A hundred images at 0.3, of which another attack finds the first few at 0.2. */
const beaten = (wins: number) => [
  ...rows("portfolio", new Array<number>(100).fill(0.3)),
  ...rows("square", Array.from({ length: 100 }, (_, i) => i < wins ? 0.2 : 0.4)),
];

Deno.test("worstCase() is the smallest norm of all attacks, and says whose it is", () => {
  const worst = worstCase([
    ...rows("portfolio", [0.3, 0.2, 0, Infinity, Infinity]),
    ...rows("transfer", [0.4, 0.1, 0, 0.5, Infinity]),
    ...rows("square", [0.2]),
    ...rows("portfolio", [1.5], 2),
  ]);
  assertEquals(worst.map(({ image, p, minNorm, attack }) => [image, p, minNorm, attack]), [
    [5000, Infinity, 0.2, "square"],
    [5001, Infinity, 0.1, "transfer"],
    [5002, Infinity, 0, null],
    [5003, Infinity, 0.5, "transfer"],
    [5004, Infinity, Infinity, null],
    [5000, 2, 1.5, "portfolio"],
  ]);
});

Deno.test("worstCase() of more rows is never larger", () => {
  const all = beaten(7);
  for (let count = 101; count <= all.length; count++) {
    const [fewer, more] = [all.slice(0, count - 1), all.slice(0, count)].map(worstCase);
    for (const [i, { minNorm }] of fewer!.entries()) assert(more![i]!.minNorm <= minNorm);
  }
});

Deno.test("a cell's robust accuracy has Wilson's interval, over the portfolio's images", () => {
  const norms = Array.from({ length: 100 }, (_, i) => i < 5 ? 0.1 : 0.3);
  // The portfolio was not run on the image behind, and what is at epsilon is not beyond it.
  const square = { network: "N", image: 7000, p: Infinity, attack: "square", minNorm: 0.01 };
  const cell = only(cellsOf([...rows("portfolio", norms), square], {
    epsilons: new Map([[Infinity, [0.1]]]),
  }));
  assertEquals([cell.images, cell.median], [100, 0.3]);
  const [{ epsilon, share, low, high }] = cell.robustness as [Cell["robustness"][0]];
  assertEquals([epsilon, share], [0.1, 0.95]);
  assertAlmostEquals(low, 0.8882, 1e-4); // by R's prop.test without correction
  assertAlmostEquals(high, 0.9785, 1e-4);
});

Deno.test("masking is suspected where another attack wins on more than 2 % of the images", () => {
  assertEquals(only(cellsOf(beaten(2))).reasons, []);
  const cell = only(cellsOf(beaten(3)));
  assertEquals(cell.duels, [{ attack: "square", against: "portfolio", images: 100, wins: 3 }]);
  assertEquals(cell.reasons, ["square beats the portfolio on 3 of 100 images"]);
});

Deno.test("an attack is held against the portfolio on the images of both", () => {
  const few = [
    ...rows("portfolio", new Array<number>(100).fill(0.3)),
    ...rows("square", [0.2, 0.3, 0.3 * (1 - 1e-9), 0.4]),
  ];
  const [duel] = only(cellsOf(few)).duels;
  assertEquals([duel!.images, duel!.wins], [4, 1]);
  assertEquals(only(cellsOf(few)).reasons.length, 1); // 1 of 4, not 1 of 100
});

Deno.test("a norm smaller by 1 % or less is no win, and counts in the worst case; by more it is one", () => {
  const near = [
    ...rows("portfolio", Array(100).fill(0.4)),
    ...rows("square", Array(100).fill(0.397)),
  ];
  const [cell] = cellsOf(near, { epsilons: new Map([[2, [0.3]]]) });
  assertEquals(cell!.duels.map(({ wins }) => wins), [0]);
  assertEquals([cell!.reasons, cell!.median], [[], 0.397]);
  const further = near.map((row) => row.attack === "square" ? { ...row, minNorm: 0.395 } : row);
  assertEquals(only(cellsOf(further)).duels.map(({ wins }) => wins), [100]);
});

Deno.test("an attack with gradients that beats the portfolio counts, and is no sign of masking", () => {
  const cell = only(cellsOf([
    ...rows("portfolio", new Array<number>(100).fill(0.5)),
    ...rows("apgd", Array.from({ length: 100 }, (_, i) => i < 60 ? 0.3 : 0.6)),
    ...rows("apgd-dlr", Array.from({ length: 100 }, (_, i) => i < 98 ? 0.6 : 0.2)),
  ]));
  assertEquals(cell.median, 0.3);
  assertEquals(cell.reasons, []);
  assertEquals(cell.remarks, ["apgd beats the portfolio on 60 of 100 images"]);
  assertEquals(cell.duels.map(({ against, wins }) => [against, wins]), [
    ["portfolio", 60],
    ["portfolio", 2],
  ]);
});

Deno.test("an attack without gradients is held against the best of those that have them", () => {
  const strong = [
    ...rows("portfolio", new Array<number>(100).fill(0.5)),
    ...rows("apgd", Array.from({ length: 100 }, (_, i) => i < 50 ? 0.3 : 0.6)),
    ...rows("apgd-dlr", Array.from({ length: 100 }, (_, i) => i < 50 ? 0.6 : 0.3)),
  ];
  /** Below the portfolio everywhere, below both others on the first few. */
  const square = (wins: number) =>
    rows("square", Array.from({ length: 100 }, (_, i) => i < wins ? 0.2 : 0.4));
  assertEquals(only(cellsOf([...strong, ...square(2)])).reasons, []);
  const cell = only(cellsOf([...strong, ...square(3)]));
  assertEquals(cell.duels.at(-1), {
    ...{ attack: "square", against: "white-box", images: 100, wins: 3 },
  });
  assertEquals(cell.reasons, ["square beats all attacks with gradients on 3 of 100 images"]);
  assertEquals(cell.remarks.length, 2);
});

Deno.test("a network with vanished gradients is suspected; doubts of PGD alone are not held against it", () => {
  const doubts = (doubt: string, raised = true) => ({
    doubts: new Map([["N", [{ doubt, raised, message: `${doubt}: 0.9` }]]]),
  });
  const calm = beaten(0);
  const reasonsOf = (options: Parameters<typeof cellsOf>[1]) =>
    only(cellsOf(calm, options)).reasons;
  assertEquals(reasonsOf(doubts("vanished-gradients")), ["vanished-gradients: 0.9"]);
  assertEquals(reasonsOf(doubts("vanished-gradients", false)), []);
  assertEquals(reasonsOf(doubts("more-steps-gain")), []);
  assertMatch(reasonsOf(doubts("softmax-outputs")).join(), /softmax/);
});

Deno.test("where an attack shows masking, the figures are over the images that it was run on", () => {
  const epsilons = new Map([[Infinity, [0.25]]]);
  const figures = (wins: number) => {
    const norms = Array.from({ length: 40 }, (_, i) => i < wins ? 0.2 : 0.4);
    const attacked = [
      ...rows("portfolio", new Array<number>(100).fill(0.3)),
      ...rows("square", norms),
    ];
    const { images, robustness } = only(cellsOf(attacked, { epsilons }));
    return [images, robustness[0]!.share];
  };
  assertEquals(figures(0), [100, 1]);
  assertEquals(figures(10), [40, 0.75]); // and not 90 of 100
});

Deno.test("an image that a detector rejects as it is counts as not answered, at every budget", () => {
  const [first, ...others] = rows("portfolio", [0.3, 0.3, 0.3, 0.3]);
  const cell = only(cellsOf([{ ...first!, prediction: 10 }, ...others], {
    epsilons: new Map([[Infinity, [0, 0.2, 0.4]]]),
  }));
  assertEquals(cell.robustness.map(({ share }) => share), [0.75, 0.75, 0]);
  assertEquals(cell.median, 0.3);
});
