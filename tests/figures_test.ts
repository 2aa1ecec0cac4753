/**
 * Every figure that `figure` knows, drawn from what comes with the lab: as little as shows that it works.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { join } from "node:path";
import { type Defaults, optionsLine } from "$lib/cli/figures/entry.ts";
import { figures } from "$lib/cli/figures/index.ts";
import { notebookNames, readNotebook } from "$lib/report/files.ts";
import { overflow } from "$lib/plots/figure.ts";
import { root } from "$lib/setup/paths.ts";
import { run } from "./commands.ts";

const one = { network: "MLP", steps: 20 };
const two = { networks: ["MLP", "CNN"], norms: [2] };
const measured = { network: "MLP", limit: 2000 };

/** What makes figures cheap; the others are as they stand. */
const cheap: Record<string, Defaults> = {
  "mean-digits": { limit: 500 },
  "live-history": { limit: 200, epochs: 1 },
  "confusion": { network: "MLP", limit: 500 },
  "mistakes": { network: "MLP", limit: 500 },
  ...{ attack: one, trace: one, line: one },
  ...{ "sweep": { ...one, steps: 2 }, "sweep-pictures": { ...one, steps: 2 } },
  ...{ "min-norms": two, "min-norm-curve": two, "robust-accuracy": two, "found-by": two },
  ...{ "eight-bit": two, "paired-differences": { ...two, images: { from: 0, to: 100 } } },
  "bisection": { ...one, "max-passes": 40 },
  "anytime": { network: "MLP", attacks: ["fmn"], limit: 2, "max-passes": 40 },
  "excess": { attacks: ["fmn"], limit: 3, "max-passes": 40 },
  "seed-dots": two,
  "resistance-paths": { ...one, shown: [3, 5] },
  ...{ "resistance-distribution": measured, "threshold-errors": measured, "rankings": measured },
  ...{ "reliability": measured, "detection": measured, "evasion": measured },
  "discriminators": { ...measured, steps: 2 },
  "before-after": { networks: ["MLP", "MLP+pgd:linf:0.1"] },
  "worst-cases": { networks: ["MLP", "MLP+pgd:linf:0.1"] },
  "trade-off": { network: "MLP" },
  "side-by-side": { networks: ["MLP"], shown: [3], "max-passes": 20 },
  "certified": { network: "MLP" },
  ...{ "final-accuracy": { networks: ["MLP", "MLP_d"] }, "final-ranking": { networks: ["MLP"] } },
  "final-min-norms": { networks: ["MLP"], norms: [2] },
};

for (const [name, entry] of figures) {
  Deno.test(`figure ${name}: ${entry.title}`, async () => {
    const drawn = await entry.draw(cheap[name] ?? {}, new AbortController().signal);
    assert(drawn.svg.startsWith("<svg") && drawn.svg.length > 5000, "it is empty");
    assert(drawn.svg.includes(`aria-label="`), "it has no alternative text");
    assert(drawn.label.length > 30, drawn.label);
    assertEquals(overflow(drawn), 0, "letters go beyond its edge");
  });
}

Deno.test("whatever figure a notebook shows has a name", async () => {
  const folder = join(root, "notebooks");
  const shown = new Set<string>();
  for (const name of await notebookNames(folder)) {
    for (const { kind, source } of (await readNotebook(folder, name)).cells) {
      if (kind === "code") { for (const one of drawing(source)) shown.add(one); }
    }
  }
  const known = new Set<string>();
  const chapters = join(root, "lib", "cli", "figures");
  for await (const { name } of Deno.readDir(chapters)) {
    for (const one of drawing(await Deno.readTextFile(join(chapters, name)))) known.add(one);
  }
  assert(shown.size > 30, `only ${shown.size} were seen`);
  assertEquals([...shown].filter((one) => !known.has(one)), []);
});

/** The functions that code takes from files of figures; others there only write numbers. */
function drawing(code: string): string[] {
  const imports = code.matchAll(/import \{([^}]*)\} from "[^"]*\/plots\/(\w+)\.ts"/g);
  return [...imports].filter(([, , file]) => file !== "figure" && file !== "min_norms")
    .flatMap(([, names]) => names!.split(",").map((name) => name.trim()))
    .filter((name) => name !== "" && !name.startsWith("type "));
}

Deno.test("figure --list names all figures, each with its options and their defaults", async () => {
  const { code, stdout } = await run("figure", "--list");
  assertEquals(code, 0);
  for (const [name, entry] of figures) {
    const own = `${entry.title}\n${optionsLine(entry)}`.trim().split("\n");
    const at = stdout.split("\n").findIndex((line) => line.startsWith(`${name} `));
    const told = stdout.split("\n").slice(at, at + own.length).join(" ");
    for (const words of own) assert(told.includes(words), `${name}: ${told}`);
  }
});
