/**
 * The kind of processor, as code compiled for one kind may stop a program on another.
 *
 * @module
 */
import { sha256 } from "../hash.ts";

/** What names a processor and its instructions in `/proc/cpuinfo`, on x86 and on ARM. */
const TELLING = /^(?:model name|flags|CPU implementer|CPU part|Features)\s*:/;

/** Names this machine's kind of processor in a few hexadecimal digits. */
export async function processorKind(): Promise<string> {
  const { os, arch } = Deno.build;
  const features = os === "linux" ? featuresOf(await cpuinfo()) : "";
  return (await sha256(`${os} ${arch}\n${features}`)).slice(0, 8);
}

/** Gives those lines on the first processor that are the same on all machines of a kind. */
export function featuresOf(cpuinfo: string): string {
  const [first = ""] = cpuinfo.split("\n\n");
  return first.split("\n").filter((line) => TELLING.test(line)).join("\n");
}

/** Reads the beginning of `/proc/cpuinfo`: nothing where that can't be had. */
async function cpuinfo(): Promise<string> {
  try {
    // By a program, as Deno itself reads nothing in /proc unless it has all permissions.
    const head = new Deno.Command("head", { args: ["-c", "16384", "/proc/cpuinfo"] });
    return new TextDecoder().decode((await head.output()).stdout);
  } catch {
    return "";
  }
}
