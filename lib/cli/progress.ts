/**
 * Progress bars on standard error; plain lines where that is no terminal.
 *
 * @module
 */
import cliProgress from "cli-progress";

/** A bar that is under way. */
export interface Bar {
  /** @param note What stands behind the bar, such as the loss. */
  update(done: number, note: string): void;
  /** Takes the bar away. */
  stop(): void;
}

/** Milliseconds between two lines where there is no terminal. */
const lineInterval = 10_000;

/** Starts a bar of `total` steps. */
export function startBar(title: string, total: number): Bar {
  if (!Deno.stderr.isTerminal()) return lines(title, total);
  const bar = new cliProgress.SingleBar({
    format: `${title} [{bar}] {percentage} %  {note}`,
    barCompleteChar: "█",
    barIncompleteChar: "░",
    barsize: 24,
    clearOnComplete: true,
    hideCursor: true,
    fps: 10,
    // The process ends by the abort signal, which the bar must not swallow.
    gracefulExit: false,
  });
  // However the process ends: the cursor must come back.
  const stop = () => bar.stop();
  addEventListener("unload", stop);
  bar.start(total, 0, { note: "" });
  return {
    update: (done, note) => bar.update(done, { note }),
    stop() {
      removeEventListener("unload", stop);
      stop();
    },
  };
}

function lines(title: string, total: number): Bar {
  let last = performance.now();
  return {
    update(done, note) {
      if (performance.now() - last < lineInterval) return;
      last = performance.now();
      console.error(`${title}  ${Math.floor(100 * done / total)} %  ${note}`);
    },
    stop() {},
  };
}
