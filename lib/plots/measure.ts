/**
 * How wide text is, so that it fits its place.
 *
 * @module
 */
import { lettersOf, realSize, typeset, weightOf } from "./typeset.ts";

/** What a line of text takes, in the type that figures are set in. */
interface TextStyle {
  size?: number;
  weight?: number;
}

/** Measures a line of text in CSS pixels. */
export function textWidth(content: string, { size = 12, weight = 400 }: TextStyle = {}): number {
  const own = weightOf(weight);
  return typeset(content, own).width * realSize(size, own) / 1000;
}

/** A word; spaces within a formula part no words. */
const WORDS = /(?:\$[^$]+\$|[^ ])+/g;

/** Breaks text into lines of at most `width` CSS pixels; words that are wider alone are cut. */
export function wrapped(content: string, width: number, style: TextStyle = {}): string[] {
  const lines: string[] = [];
  for (const word of (content.match(WORDS) ?? [""]).map((word) => shortened(word, width, style))) {
    const longer = lines.length > 0 ? `${lines.at(-1)} ${word}` : "";
    if (longer && textWidth(longer, style) <= width) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}

/** Cuts a line's middle out until it is at most `width` CSS pixels wide. */
export function shortened(content: string, width: number, style: TextStyle = {}): string {
  if (textWidth(content, style) <= width) return content;
  const letters = lettersOf(content);
  for (let kept = letters.length - 1; kept > 0; kept--) {
    const [head, tail] = [Math.ceil(kept / 2), letters.length - Math.floor(kept / 2)];
    const cut = `${letters.slice(0, head).join("")}…${letters.slice(tail).join("")}`;
    if (textWidth(cut, style) <= width) return cut;
  }
  return "…";
}
