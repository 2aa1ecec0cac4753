/**
 * A panel of a figure: its name, a line or two in grey, and a chart below.
 *
 * @module
 */
import { element, type SvgNode, text } from "./figure.ts";
import { type Block, note } from "./min_norms.ts";

/** What a panel is made of. */
export interface Titled {
  title: string;
  /** In grey below the title, wrapped. */
  words?: string;
  width: number;
  plot: SvgNode;
  /** The plot's. */
  height: number;
}

/** Puts a panel together. */
export function titled({ title, words, width, plot, height }: Titled): Block {
  const node = element(
    "g",
    {},
    text(0, 12, title, { size: 13, weight: 700, anchor: "start" }),
  );
  let top = 20;
  if (words !== undefined) {
    const facts = note(words, width);
    node.appendChild(element("g", { transform: "translate(0,29)" }, facts.node));
    top += facts.height + 2;
  }
  node.appendChild(element("g", { transform: `translate(0,${top})` }, plot));
  return { node, height: top + height };
}
