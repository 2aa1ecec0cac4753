/**
 * Trees of tensors: records and lists whose leaves are tensors or plain values.
 *
 * @module
 */
import { type Tensor, tf } from "../backend.ts";

/** Leaves that are no tensors: they are part of a tree's structure. */
export type Static = number | string | boolean | null | undefined;

/** What compiled functions take and give. */
export type Tree = Tensor | Static | readonly Tree[] | { readonly [name: string]: Tree };

/** A tree taken apart. */
export interface Flat {
  tensors: Tensor[];
  /** Names all but the tensors' values: shapes, dtypes, plain values, places. */
  signature: string;
}

/**
 * Takes a tree apart; {@linkcode rebuild} puts it together again.
 *
 * @throws {TypeError} If a leaf is neither a tensor nor a plain value.
 */
export function flatten(tree: Tree): Flat {
  const tensors: Tensor[] = [];
  const walk = (node: Tree): string => {
    if (node instanceof tf.Tensor) {
      tensors.push(node);
      return `${node.dtype}[${node.shape}]`;
    }
    if (Array.isArray(node)) return `(${node.map(walk).join()})`;
    if (isRecord(node)) {
      const fields = Object.entries(node).map(([name, child]) =>
        `${JSON.stringify(name)}:${walk(child)}`
      );
      return `{${fields.join()}}`;
    }
    if (node !== null && !["number", "string", "boolean", "undefined"].includes(typeof node)) {
      const found = Object.prototype.toString.call(node);
      throw new TypeError(
        `Cannot compile as arguments and results must be tensors, plain values, or lists or records of them: found ${found}`,
      );
    }
    return Object.is(node, -0) ? "-0" : JSON.stringify(node) ?? "undefined";
  };
  return { signature: walk(tree), tensors };
}

// Promises, maps and other objects hold values where no walk finds them.
const isRecord = (node: Tree): node is { readonly [name: string]: Tree } =>
  node !== null && typeof node === "object" &&
  [Object.prototype, null].includes(Object.getPrototypeOf(node));

/** Puts a tree together with other tensors, in the order that {@linkcode flatten} found them. */
export function rebuild(tree: Tree, tensors: readonly Tensor[]): Tree {
  let next = 0;
  const walk = (node: Tree): Tree => {
    if (node instanceof tf.Tensor) return tensors[next++]!;
    if (Array.isArray(node)) return node.map(walk);
    if (isRecord(node)) {
      return Object.fromEntries(Object.entries(node).map(([name, child]) => [name, walk(child)]));
    }
    return node;
  };
  return walk(tree);
}

/** Second handles on the same values: each owner disposes its own. */
export const copy = <T extends Tree>(tree: T): T =>
  rebuild(tree, flatten(tree).tensors.map((tensor) => tensor.clone())) as T;

/** Disposes all tensors of a tree. */
export const dispose = (tree: Tree): void => tf.dispose(flatten(tree).tensors);
