/**
 * Cells that wait behind one that was refused or stopped: they are ended.
 *
 * Jupyter asks kernels to drop what waits behind a failed cell, but Deno's (2.9.6) goes on with it.
 * Such cells would show figures of a parameter that can't be meant, or go on after Stop. So whatever
 * shows something asks here first, and fails in one line while cells come one upon the other.
 *
 * @module
 */

/** Cells that were waiting begin sooner than this after the one before, and readers later. */
const GAP = 1000; // milliseconds

let ended: { because: string; message: string; until: number } | undefined;

/**
 * Ends the cells that wait now.
 *
 * @param because What {@linkcode goOn} must name to take it back.
 * @param message What they are told.
 */
export function endWaiting(because: string, message: string): void {
  ended = { because, message, until: performance.now() + GAP };
}

/** Lets cells go on, if they were ended because of this. */
export function goOn(because: string): void {
  if (ended?.because === because) ended = undefined;
}

/**
 * Fails in a cell that was waiting.
 *
 * @throws {Error} In one line, until no such cell has come for a second.
 */
export function assertNotWaiting(): void {
  if (ended === undefined || performance.now() > ended.until) return;
  ended.until = performance.now() + GAP;
  throw oneLine(new Error(`Not run, as above: ${ended.message}`));
}

/** Kernels show an error's stack; this cuts it down to the message. */
export function oneLine<E extends Error>(error: E): E {
  const stack = `${error.name}: ${error.message}`;
  return Object.defineProperty(error, "stack", { value: stack });
}
