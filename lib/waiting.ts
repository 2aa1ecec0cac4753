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

/** So often we look whether the kernel works. */
const LOOK = 100; // milliseconds

/**
 * Readers come later than this after the last cell's end; meanwhile the kernel has nothing to do.
 * Looks are counted, not time: a machine that sleeps or is held up looks less often.
 */
const REST = 10; // looks

/** A kernel at work takes a larger share of a processor, though others may want it too. */
const WORKING = 0.1;

/** What works longer without a waiting cell is not one: a reader's own timer, say. */
const LONGEST = 200; // looks

/** What V8 calls where an error's stack is first read. */
type PrepareStackTrace = typeof Error.prepareStackTrace;

/** Looks since the last waiting cell, in all and without work in between. */
interface Looks {
  all: number;
  atRest: number;
}

let ended: { because: string; message: string; looks: Looks; end: () => void } | undefined;

/**
 * Ends the cells that wait now.
 *
 * @param because What {@linkcode goOn} must name to take it back.
 * @param message What they are told.
 */
export function endWaiting(because: string, message: string): void {
  ended?.end();
  const { prepareStackTrace } = Error;
  const timer = setInterval(look(), LOOK);
  const end = () => {
    clearInterval(timer);
    Error.prepareStackTrace = prepareStackTrace as NonNullable<PrepareStackTrace>;
    ended = undefined;
  };
  ended = { because, message, looks: { all: 0, atRest: 0 }, end };
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
  if (ended) throw oneLine(new Error(notRun()));
}

/** Kernels show an error's stack; this cuts it down to the message. */
export function oneLine<E extends Error>(error: E): E {
  const stack = `${error.name}: ${error.message}`;
  return Object.defineProperty(error, "stack", { value: stack });
}

/** Takes note of a waiting cell, and says what it is told. */
function notRun(): string {
  if (ended) ended.looks = { all: 0, atRest: 0 };
  return `Not run, as above: ${ended?.message}`;
}

/** Gives what looks whether the kernel works: by its processor time, as cells take it. */
function look(): () => void {
  let [before, last] = [process.cpuUsage(), performance.now()];
  return () => {
    const [now, used] = [performance.now(), process.cpuUsage(before)];
    const works = (used.user + used.system) / 1000 > WORKING * (now - last);
    [before, last] = [process.cpuUsage(), now];
    if (!ended) return;
    const { looks } = ended;
    looks.all++;
    looks.atRest = works ? 0 : looks.atRest + 1;
    if (looks.atRest >= REST || looks.all >= LONGEST) ended.end();
  };
}

/** Rewrites an error that a waiting cell failed with. Those of {@linkcode oneLine} don't come here. */
function inOurWords(error: Error): string {
  const message = notRun();
  Reflect.defineProperty(error, "name", { value: "Error" });
  Reflect.defineProperty(error, "message", { value: message });
  return `Error: ${message}`;
}
