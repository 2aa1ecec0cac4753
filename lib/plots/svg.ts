/**
 * SVG elements, outside a browser.
 *
 * @module
 */
import { parseHTML } from "linkedom";

/** What figures use of an SVG element; Deno has no declarations of the browser's. */
export interface SvgNode {
  readonly localName: string;
  readonly children: Iterable<SvgNode>;
  readonly childNodes: Iterable<SvgNode>;
  readonly outerHTML: string;
  readonly textContent: string;
  getAttribute(name: string): string | null;
  getAttributeNames(): string[];
  setAttribute(name: string, value: string): void;
  removeAttribute(name: string): void;
  appendChild(child: SvgNode): void;
  prepend(child: SvgNode): void;
  replaceWith(other: SvgNode): void;
  querySelectorAll(selector: string): Iterable<SvgNode>;
}

/** linkedom declares its document by the browser's types, which Deno lacks. */
export const { document } = parseHTML("<!doctype html><html><body></body></html>") as unknown as {
  document: {
    createElementNS(namespace: string, name: string): SvgNode;
    createTextNode(content: string): SvgNode;
  };
};

/** Makes an SVG element; numbers are rounded when the figure is finished. */
export function element(
  name: string,
  attributes: Record<string, string | number> = {},
  ...children: (SvgNode | string)[]
): SvgNode {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  for (const child of children) {
    made.appendChild(typeof child === "string" ? document.createTextNode(child) : child);
  }
  return made;
}
