/**
 * The command `figure`: makes one of the lab's figures as SVG, PNG or PDF.
 *
 * @module
 */
import { extname } from "node:path";
import { backend } from "../backend.ts";
import { writeAtomic } from "../files.ts";
import { type Figure, toPng } from "../plots/figure.ts";
import { toPdf } from "../plots/pdf.ts";
import { type Call, type Command, runCommand } from "./command.ts";
import { assertTaken, figureOptions, optionsLine } from "./figures/entry.ts";
import { figures } from "./figures/index.ts";
import { flag, known, noMore, number, text, UsageError } from "./options.ts";

const options = {
  out: text("FILE", "File to write: .svg, .png or .pdf"),
  list: flag("list the figures, with their own options and defaults"),
  ...figureOptions,
  scale: number("v", "PNG pixels for one pixel of the SVG", { min: 0.25, max: 8 }, 2),
};

const command: Command<typeof options> = {
  name: "figure",
  summary: "Makes one of the lab's figures, from what comes with the lab if nothing else is asked.",
  arguments: "NAME --out FILE",
  options,
  examples: [
    ["figure --list", "all figures, with the options of each"],
    ["figure attack --network CNN_d --out attack.svg", "the attack's three pictures"],
    ["figure history --network MLP --out history.png", "how a network was trained"],
    ["figure architecture --network CNN --out cnn.pdf", "vectors, for a paper"],
    ["figure robust-accuracy --rows norms.parquet --out robust.svg", "of a table by minnorm"],
  ],
  notes: [`Figures: ${[...figures.keys()].join(", ")}.`],
  async run(call) {
    const { values: { out: file, list, scale, ...given }, positionals, say, signal } = call;
    if (list) return listed(call);
    const [asked, ...more] = positionals;
    if (asked === undefined) throw new UsageError("Cannot make a figure as its name is missing");
    if (more.length > 0) {
      throw new UsageError(`Cannot make more than one figure: current value is ${positionals}`);
    }
    const name = known(asked, [...figures.keys()], "the figure");
    const out = outputFile(file);
    const entry = figures.get(name)!;
    assertTaken(name, entry, given);
    if (backend.warning && name !== "architecture") console.error(backend.warning);
    const drawn = await entry.draw(given, signal);
    await writeAtomic(out, await inFormat(drawn, out, scale));
    say(`${out}: ${drawn.label}`);
    return { figure: name, out, width: drawn.width, height: drawn.height, label: drawn.label };
  },
};

/** Tells all figures. */
function listed({ positionals, say }: Call<typeof options>) {
  noMore(positionals);
  const all = [...figures].map(([name, entry]) => (
    { name, title: entry.title, options: optionsLine(entry) }
  ));
  const width = Math.max(...all.map(({ name }) => name.length)) + 2;
  for (const { name, title, options } of all) {
    say(`${name.padEnd(width)}${title}`);
    if (options !== "") say(`${"".padEnd(width)}  ${options}`);
  }
  return { figures: all };
}

/** The figure in the format that the file's ending names. */
async function inFormat(drawn: Figure, out: string, scale: number): Promise<string | Uint8Array> {
  const format = extname(out).toLowerCase();
  if (format === ".pdf") return await toPdf(drawn);
  return format === ".png" ? toPng(drawn, scale) : drawn.svg;
}

function outputFile(out: string | undefined): string {
  if (out === undefined) throw new UsageError("Cannot write the figure as --out FILE is missing");
  if (![".svg", ".png", ".pdf"].includes(extname(out).toLowerCase())) {
    throw new UsageError(
      `Cannot write the figure as its file must end in .svg, .png or .pdf: current value is ${out}`,
    );
  }
  return out;
}

if (import.meta.main) Deno.exit(await runCommand(command, Deno.args));
