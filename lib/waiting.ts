/**
 * Cells that wait behind one that was refused or stopped: they are ended.
 *
 * Jupyter asks kernels to drop what waits behind a failed cell, but Deno's (2.9.6) goes on with it.
 * Such cells would show figures of a parameter that can't be meant, or go on after Stop. So whatever
 * shows something asks here first, and fails in one line while cells come one upon the other. Where a
 * cell fails before that, as what it uses is missing, its error is put in the same words.
 *
 * @module
 */

import process from "node:process";

/** Readers come later than this after the last cell's end; meanwhile the kernel has nothing to do. */
const REST = 1000; // milliseconds

/** So often we look whether the kernel works. */
const LOOK = 100; // milliseconds

/** A kernel at work takes a larger share of a processor, though others may want it too. */
const WORKING = 0.1;

/** What works longer without a waiting cell is not one: a reader's own timer, say. */
const LONGEST = 20_000; // milliseconds

/** What V8 calls where an error's stack is first read. */
type PrepareStackTrace = typeof Error.prepareStackTrace;

let ended: { because: string; message: string; since: number; end: () => void } | undefined;

/**
 * Ends the cells that wait now.
 *
 * @param because What {@linkcode goOn} must name to take it back.
 * @param message What they are told.
 */
export function endWaiting(because: string, message: string): void {
  ended?.end();
  const { prepareStackTrace } = Error;
  const timer = setInterval(atRest(), LOOK);
  const end = () => {
    clearInterval(timer);
    Error.prepareStackTrace = prepareStackTrace as NonNullable<PrepareStackTrace>;
    ended = undefined;
  };
  ended = { because, message, since: performance.now(), end };
  Error.prepareStackTrace = inOurWords;
}

/** Lets cells go on, if they were ended because of this. */
export function goOn(because: string): void {
  if (ended?.because === because) ended.end();
}

/**
 * Fails in a cell that was waiting.
 *
 * @throws {Error} In one line, until no such cell has come and the kernel has rested for a second.
 */
export function assertNotWaiting(): void {
  if (ended === undefined) return;
  ended.since = performance.now();
  throw oneLine(new Error(notRun(ended.message)));
}

/** Kernels show an error's stack; this cuts it down to the message. */
export function oneLine<E extends Error>(error: E): E {
  const stack = `${error.name}: ${error.message}`;
  return Object.defineProperty(error, "stack", { value: stack });
}

const notRun = (message: string): string => `Not run, as above: ${message}`;

/** Gives what lets cells go on when the kernel has rested: by its processor time, as cells take it. */
function atRest(): () => void {
  let [before, busy, last] = [process.cpuUsage(), performance.now(), performance.now()];
  return () => {
    const [now, used] = [performance.now(), process.cpuUsage(before)];
    if ((used.user + used.system) / 1000 > WORKING * (now - last)) busy = now;
    [before, last] = [process.cpuUsage(), now];
    if (ended && now - Math.max(busy, ended.since) >= REST) ended.end();
    else if (ended && now - ended.since >= LONGEST) ended.end();
  };
}

/** Rewrites an error that a waiting cell failed with. Those of {@linkcode oneLine} don't come here. */
function inOurWords(error: Error): string {
  const message = notRun(ended?.message ?? "");
  if (ended) ended.since = performance.now();
  Reflect.defineProperty(error, "name", { value: "Error" });
  Reflect.defineProperty(error, "message", { value: message });
  return `Error: ${message}`;
}
