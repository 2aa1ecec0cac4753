/**
 * What notebooks need of the Jupyter kernel: outputs that arrive, tables, progress, and Stop.
 *
 * In a script or the REPL the same calls print plain text.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { flowed } from "./flowed.ts";
import { duration } from "./numbers.ts";
import type { Figure } from "./plots/figure.ts";
import { toPng } from "./plots/render.ts";
import { assertNotWaiting, endWaiting, oneLine } from "./waiting.ts";
import { tableBundle, type TableOptions } from "./plots/table.ts";

/** The same thing in several formats, by MIME type. */
export type MimeBundle = Record<string, string>;

/**
 * Pauses after an output, in milliseconds. The kernel's "idle" can overtake what a cell has just
 * displayed, and Jupyter drops what comes after it; with these pauses none of 900 got lost.
 */
const PAUSE = { small: 50, large: 100 };
/** Outputs of more bytes than this take the longer pause. */
const LARGE = 100_000;

const inJupyter = (() => {
  try {
    return Deno.jupyter !== undefined;
  } catch {
    return false; // Deno throws outside `deno jupyter`
  }
})();

/**
 * Shows figures and values below the cell, in order; in scripts prints them.
 *
 * Cells show things only through this, awaited: outputs of `console.log` and the values of last
 * expressions can get lost on their way from the kernel. All of this module's functions end a cell
 * that waits behind one that was refused or stopped: see {@linkcode assertNotWaiting}.
 *
 * @param things Figures, strings (long lines are broken between words), anything else (shown as `console.log` would).
 */
export async function show(...things: unknown[]): Promise<void> {
  assertNotWaiting();
  for (const thing of things) {
    // A figure's PNG has two pixels for each CSS pixel, so its width must be said.
    const metadata = isFigure(thing) ? { "image/png": { width: thing.width } } : {};
    await display(bundleOf(thing), metadata);
  }
}

/**
 * The forms in which {@linkcode show} hands a thing to Jupyter. A notebook that is not trusted
 * yet shows PNG but not SVG, so figures come as both.
 */
export function bundleOf(thing: unknown): MimeBundle {
  if (isFigure(thing)) {
    return {
      "image/svg+xml": thing.svg,
      "image/png": Buffer.from(toPng(thing)).toString("base64"),
      "text/plain": thing.label,
    };
  }
  return {
    "text/plain": typeof thing === "string"
      ? flowed(thing)
      : Deno.inspect(thing, { colors: false }),
  };
}

function isFigure(thing: unknown): thing is Figure {
  return typeof thing === "object" && thing !== null && "svg" in thing && "label" in thing;
}

/** Shows rows as a table; in scripts prints it. */
export async function table<Row extends object>(
  rows: readonly Row[],
  options: TableOptions<Row> = {},
): Promise<void> {
  assertNotWaiting();
  await display(tableBundle(rows, options));
}

/** A bar that moves in place. */
export interface Progress {
  /** Says how much is done in all; never throws and need not be awaited. */
  update(done: number, note?: string): void;
  /** Draws the bar's last state; awaited, so that it arrives. */
  end(note?: string): Promise<void>;
}

/** Redraws in this many milliseconds at most once: more would flood the kernel. */
const REDRAW = 200;

/**
 * Starts a progress bar below the cell; in a terminal it is drawn on standard error.
 *
 * @param total What `update` counts up to.
 */
export function progress(total: number, label: string): Progress {
  assertNotWaiting();
  const started = performance.now();
  const id = crypto.randomUUID();
  let [done, note, drawn, shown] = [0, "", -Infinity, false];
  let sending: Promise<unknown> = Promise.resolve();
  const draw = () => {
    drawn = performance.now();
    const bar = barText(done, total, label, (drawn - started) / 1000) + (note && `  ${note}`);
    // One after another, and a failure (a kernel that shuts down) is no reason to stop the work.
    sending = sending.then(() => drawBar(bar, id, shown)).then(() => shown = true).catch(() => {});
  };
  draw();
  return {
    update(now, words = note) {
      [done, note] = [now, words];
      if (performance.now() - drawn >= REDRAW) draw();
    },
    async end(words = note) {
      note = words;
      draw();
      await sending;
      if (inJupyter) await pause(PAUSE.small);
      else if (Deno.stderr.isTerminal()) await Deno.stderr.write(new TextEncoder().encode("\n"));
      else console.error(barText(done, total, label, (performance.now() - started) / 1000), note);
    },
  };
}

/** One line: label, bar, share, time so far and time left. */
export function barText(done: number, total: number, label: string, seconds: number): string {
  const share = total > 0 ? Math.min(1, Math.max(0, done / total)) : 0;
  const full = Math.round(30 * share);
  const left = share > 0 && share < 1 ? `, ${duration(seconds * (1 - share) / share)} left` : "";
  const bar = "█".repeat(full) + "░".repeat(30 - full);
  return `${label}  ${bar}  ${Math.floor(100 * share)}%  ${duration(seconds)}${left}`;
}

async function drawBar(bar: string, id: string, shown: boolean): Promise<void> {
  if (inJupyter) {
    await send(shown ? "update_display_data" : "display_data", { "text/plain": bar }, { id });
  } else if (Deno.stderr.isTerminal()) {
    await Deno.stderr.write(new TextEncoder().encode(`\r\x1b[2K${bar}`));
  }
}

let stop: AbortController | undefined;

/**
 * Gives a signal that Jupyter's Stop button (or Ctrl-C) aborts, while the kernel and all its
 * variables stay. Take a new one in each cell and pass it to what runs long:
 * `fit(network, digits, { seed, signal: onInterrupt() })`.
 *
 * In a script a second Ctrl-C ends the process as usual.
 */
export function onInterrupt(): AbortSignal {
  assertNotWaiting();
  stop ??= new AbortController();
  listen();
  return stop.signal;
}

function interrupted(): void {
  const reason = oneLine(new DOMException("Stopped; variables are kept", "AbortError"));
  if (inJupyter) endWaiting("stop", "stopped");
  const current = stop;
  stop = undefined;
  if (!inJupyter) Deno.removeSignalListener("SIGINT", interrupted);
  // Not at once: a listener added meanwhile would hear this same SIGINT.
  queueMicrotask(() => current?.abort(reason));
}

function listen(): void {
  Deno.removeSignalListener("SIGINT", interrupted); // at most one, also when called again
  Deno.addSignalListener("SIGINT", interrupted);
}

// Without a listener Stop would end the kernel, and with it all variables.
if (inJupyter) listen();

async function display(bundle: MimeBundle, metadata: Metadata = {}): Promise<void> {
  if (!inJupyter) return console.log(bundle["text/plain"]);
  await send("display_data", bundle, { metadata });
  const size = Object.values(bundle).reduce((sum, text) => sum + text.length, 0);
  await pause(size > LARGE ? PAUSE.large : PAUSE.small);
}

/** What Jupyter must know of a format, by MIME type. */
type Metadata = Record<string, Record<string, number>>;

async function send(
  type: "display_data" | "update_display_data",
  data: MimeBundle,
  { metadata = {}, id }: { metadata?: Metadata; id?: string } = {},
): Promise<void> {
  const transient = id ? { display_id: id } : {};
  await Deno.jupyter.broadcast(type, { data, metadata, transient });
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
