/**
 * A binary heap of variables, the one with the least ratio on top.
 *
 * @module
 */

/** What waits in the heap. */
export type Item = [ratio: number, variable: number];

/** Adds an item. */
export function push(heap: Item[], item: Item): void {
  let at = heap.push(item) - 1;
  while (at > 0) {
    const above = (at - 1) >> 1;
    if (heap[above]![0] <= item[0]) break;
    heap[at] = heap[above]!;
    at = above;
  }
  heap[at] = item;
}

/** Takes the item with the least ratio. */
export function pop(heap: Item[]): Item | undefined {
  const top = heap[0];
  const last = heap.pop();
  if (heap.length === 0 || !last) return top;
  let at = 0;
  for (;;) {
    let below = 2 * at + 1;
    if (below >= heap.length) break;
    if (below + 1 < heap.length && heap[below + 1]![0] < heap[below]![0]) below++;
    if (heap[below]![0] >= last[0]) break;
    heap[at] = heap[below]!;
    at = below;
  }
  heap[at] = last;
  return top;
}
