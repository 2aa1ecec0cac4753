/**
 * How wide text is, so that it fits its place: measured in the lab's own font.
 *
 * @module
 */
import { figure, renderer, text } from "./figure.ts";

/** What a line of text takes, in the type that figures are set in. */
interface TextStyle {
  size?: number;
  weight?: number;
}

/** Each letter's width in the unit of its size, by weight and letter: measuring takes long. */
const advances = new Map<string, number>();

/** Measures a line of text in CSS pixels, to the pixel or two that pairs of letters may overlap. */
export function textWidth(content: string, { size = 12, weight = 400 }: TextStyle = {}): number {
  return size * [...content].reduce((sum, letter) => sum + advance(letter, weight), 0);
}

function advance(letter: string, weight: number): number {
  const key = `${weight} ${letter}`;
  const known = advances.get(key);
  if (known !== undefined) return known;
  const size = 100;
  const drawn = (content: string) => {
    const node = text(0, 0, content, { size, weight, anchor: "start" });
    return renderer(figure({ label: "", width: 1, height: 1 }, [{ node }]), 1).getBBox()?.width ??
      0;
  };
  // Between two others, for a letter alone is measured without the room around it.
  const width = (drawn(`|${letter}|`) - drawn("||")) / size;
  advances.set(key, width);
  return width;
}

/** Breaks text into lines of at most `width` CSS pixels; words that are wider alone are cut. */
export function wrapped(content: string, width: number, style: TextStyle = {}): string[] {
  const lines: string[] = [];
  for (const word of content.split(" ").map((word) => shortened(word, width, style))) {
    const longer = lines.length > 0 ? `${lines.at(-1)} ${word}` : "";
    if (longer && textWidth(longer, style) <= width) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}

/** Cuts a line's middle out until it is at most `width` CSS pixels wide. */
export function shortened(content: string, width: number, style: TextStyle = {}): string {
  if (textWidth(content, style) <= width) return content;
  const letters = [...content];
  for (let kept = letters.length - 1; kept > 0; kept--) {
    const [head, tail] = [Math.ceil(kept / 2), letters.length - Math.floor(kept / 2)];
    const cut = `${letters.slice(0, head).join("")}…${letters.slice(tail).join("")}`;
    if (textWidth(cut, style) <= width) return cut;
  }
  return "…";
}
