/**
 * Rows as a table, for notebooks and terminals.
 *
 * @module
 */

export interface TableOptions<Row> {
  /** Which fields to show, in order, and what to call them; by default all, by their names. */
  columns?: Partial<Record<keyof Row & string, string>>;
  /** Significant digits of numbers that are not whole. @default 4 */
  digits?: number;
  /** A line above the table: count, seed, norm. */
  caption?: string;
}

/** Writes rows as a table in two forms, by MIME type: HTML and plain text. */
export function tableBundle<Row extends object>(
  rows: readonly Row[],
  { columns, digits = 4, caption }: TableOptions<Row> = {},
): Record<string, string> {
  const names: Record<string, string> = columns
    ? Object.fromEntries(Object.entries<string | undefined>(columns).map(([k, v]) => [k, v ?? k]))
    : Object.fromEntries([...new Set(rows.flatMap(Object.keys))].map((key) => [key, key]));
  const keys = Object.keys(names);
  const values = rows.map((row) => {
    const fields = new Map<string, unknown>(Object.entries(row));
    return keys.map((key) => fields.get(key));
  });
  // Numbers and percentages stand to the right, so that their sizes can be compared.
  const right = keys.map((_, i) => values.some((row) => isNumber(row[i])));
  const line = (texts: string[]) => texts.map((text, i) => ({ text, right: right[i] ?? false }));
  const head = line(keys.map((key) => names[key] ?? key));
  const cells = values.map((row) => line(row.map((value) => written(value, digits))));
  return { "text/html": html(head, cells, caption), "text/plain": plain(head, cells, caption) };
}

interface Cell {
  text: string;
  right: boolean;
}

function html(head: readonly Cell[], rows: readonly Cell[][], caption?: string): string {
  const line = (cells: readonly Cell[], tag: string) =>
    `<tr>${
      cells.map(({ text, right }) =>
        `<${tag} style="text-align:${right ? "right" : "left"}">${escaped(text)}</${tag}>`
      ).join("")
    }</tr>`;
  const above = caption ? `<caption>${escaped(caption)}</caption>` : "";
  const body = rows.map((cells) => line(cells, "td")).join("\n");
  return `<table>${above}<thead>${line(head, "th")}</thead>\n<tbody>\n${body}\n</tbody></table>`;
}

function plain(head: readonly Cell[], rows: readonly Cell[][], caption?: string): string {
  const widths = head.map((name, i) =>
    Math.max(name.text.length, ...rows.map((cells) => cells[i]?.text.length ?? 0))
  );
  const line = (cells: readonly Cell[]) =>
    cells.map(({ text, right }, i) =>
      right ? text.padStart(widths[i] ?? 0) : text.padEnd(widths[i] ?? 0)
    ).join("  ").trimEnd();
  const rule = widths.map((width) => "─".repeat(width)).join("  ");
  return [...caption ? [caption, ""] : [], line(head), rule, ...rows.map(line)].join("\n");
}

function isNumber(value: unknown): boolean {
  return typeof value === "number" || (typeof value === "string" && /^[<>]?[\d.,]+%$/.test(value));
}

function written(value: unknown, digits: number): string {
  if (value === null || value === undefined) return "–";
  if (typeof value !== "number") return typeof value === "string" ? value : Deno.inspect(value);
  if (Math.abs(value) === Infinity) return value > 0 ? "∞" : "−∞";
  if (Number.isInteger(value)) return value.toLocaleString("en-US").replace("-", "−");
  return String(Number(value.toPrecision(digits))).replace("-", "−");
}

function escaped(content: string): string {
  return content.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
