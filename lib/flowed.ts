/**
 * Long lines broken between words, so that they can be joined again.
 *
 * JupyterLab breaks long lines of text anywhere, also within a word. Lines broken here end in a space
 * (as in RFC 3676, "format=flowed"), by which the report joins them: a page breaks lines to its width.
 *
 * @module
 */

/** What JupyterLab shows of a line beside its file browser in a window of 1280 pixels. */
const COLUMNS = 100;

/** Breaks lines of more than 100 characters between words. */
export function flowed(text: string): string {
  return text.split("\n").map((line) => {
    const lines: string[] = [];
    let rest = line;
    while (rest.length > COLUMNS) {
      const end = rest.lastIndexOf(" ", COLUMNS - 1);
      if (end < 1) break; // a path, say
      lines.push(rest.slice(0, end + 1));
      rest = rest.slice(end + 1);
    }
    return [...lines, rest].join("\n");
  }).join("\n");
}

/** Joins what {@linkcode flowed} broke. */
export function joined(text: string): string {
  return text.replaceAll(/(?<=\S) \n/g, " ");
}
