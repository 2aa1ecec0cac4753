/**
 * What a notebook and a page of the report must not contain.
 *
 * @module
 */

import type { Notebook } from "./notebook.ts";

/**
 * Finds what a page would load from elsewhere: other files or addresses in anything but links.
 *
 * @returns The offending references; none if the page is self-contained.
 */
export function externalLoads(html: string): string[] {
  // Scripts are the one thing whose loads can't be seen, so any is an offence.
  const found = [...html.matchAll(/<script\b[^>]*>/gi)].map(([tag]) => tag);
  const tags = html.matchAll(
    /<(?!(?:a|script)\b)[a-z][^\s>]*\s[^>]*?\b(?:src|srcset|href|data|poster)=[^>]*>/gi,
  );
  for (const [tag] of tags) {
    const values = tag.matchAll(/\b(?:src|srcset|href|data|poster)=\s*(["']?)([^"'\s>]*)\1/gi);
    for (const [, , value = ""] of values) if (!/^(?:data:|#)/.test(value)) found.push(value);
  }
  const styles = html.matchAll(/url\(\s*["']?(?!data:|#)([^"')]+)|@import\s+["']?([^"';]+)/gi);
  for (const [, url, sheet] of styles) found.push(url ?? sheet ?? "");
  return found;
}

/** Finds TeX in prose: there is no MathJax without a network, so notebooks write `‖r‖₂ ≤ ε`. */
export function texInProse(notebook: Notebook): string | undefined {
  for (const { kind, source } of notebook.cells) {
    if (kind !== "markdown") continue;
    const prose = source.replaceAll(/```[^]*?```|`[^`]*`/g, "");
    const tex = prose.match(/\$\$[^$]+\$\$|\$[^\s$](?:[^$\n]*[^\s$])?\$(?!\d)|\\\(|\\\[/)?.[0];
    if (tex) return tex;
  }
  return undefined;
}
