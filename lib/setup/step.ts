/**
 * The shape of one step of set-up, and how a step tells what it does while it works.
 *
 * @module
 */
import { folderSize } from "./host.ts";

/** What a step is given to work with. */
export interface Work {
  /** Writes one line for people. */
  say(line: string): void;
  signal: AbortSignal;
  /** A folder of this run's own, on the disk of `.lab`; it goes when the run ends. */
  temporary: string;
}

/** One thing that set-up makes. */
export interface Step {
  /** What it makes, as the progress lines name it. */
  name: string;
  /** Tells in a few file look-ups, without network, whether there is nothing to do. */
  ready(): Promise<boolean>;
  /**
   * Makes it, so that a kill at any moment leaves either the old state or the new one.
   *
   * @throws {SetupError} If something is missing that users can get.
   */
  make(work: Work): Promise<void>;
}

const LINE_EVERY_MS = 5000;

/**
 * Says what is done, then every five seconds how long it has taken (and how much has come, where a
 * folder is watched), so that slow work never looks dead.
 *
 * @returns What `action` gives, and the seconds it took.
 */
export async function during<T>(
  { say }: Pick<Work, "say">,
  text: string,
  action: () => Promise<T>,
  watched?: string,
): Promise<[result: T, seconds: number]> {
  say(text);
  const start = performance.now();
  const seconds = () => (performance.now() - start) / 1000;
  const timer = setInterval(() => {
    const come = watched === undefined ? "" : `, ${megabytes(folderSize(watched))}`;
    say(`  ... ${seconds().toFixed(0)} s${come}`);
  }, LINE_EVERY_MS);
  try {
    return [await action(), seconds()];
  } finally {
    clearInterval(timer);
  }
}

/** Writes a size for people, in megabytes of 10^6 bytes. */
export function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`;
}
