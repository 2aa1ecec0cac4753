/**
 * `protect` as a real process: what it writes and prints, and that it goes on where it was killed.
 *
 * @module
 */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { loadNetwork } from "$lib/network.ts";
import { readSafetensors, weightsSha256 } from "$lib/safetensors.ts";
import { ran, run, signalAfter, spawn } from "./commands.ts";
import { inFolder } from "./in_folder.ts";

const small = ["MLP", "--epochs", "3", "--limit", "1000", "--seed", "2"];
const sha256 = async (file: string) => weightsSha256((await readSafetensors(file)).tensors);

Deno.test("protect: killed it goes on, and ends with the same weights", () =>
  inFolder(async (folder) => {
    const args = [...small, "--with", "PGD:linf:0.10:2+decay:1e-2"];
    const [whole, killed] = [join(folder, "whole"), join(folder, "killed")];
    const straight = await run("protect", ...args, "--out", whole, "--json");
    assertEquals(straight.code, 0, straight.stderr);
    const { seconds, loss, accuracy, testAccuracy, file, ...rest } = JSON.parse(straight.stdout);
    const protections = ["pgd:linf:0.1:2", "decay:0.01"];
    assertEquals(rest, { network: "MLP", protections, seed: 2, epochs: 3 });
    assert(seconds > 0 && loss > 0 && accuracy > 0.5 && testAccuracy > 0.5);
    assertEquals(file, join(whole, "protected", "MLP+pgd_linf_0.1_2+decay_0.01.safetensors"));

    const again = [...args, "--out", killed];
    await signalAfter(spawn("protect", again), "epoch 1/3", "SIGKILL");
    const resumed = await run("protect", ...again);
    assertEquals(resumed.code, 0, resumed.stderr);
    assertMatch(resumed.stdout, /Going on after epoch [12]/);
    const other = join(killed, "protected", "MLP+pgd_linf_0.1_2+decay_0.01.safetensors");
    assertEquals(await sha256(other), await sha256(file));

    const network = await loadNetwork(file);
    assertEquals(network.name, "MLP+pgd:linf:0.1:2+decay:0.01");
    network.dispose();
  }));

Deno.test("protect: distillation trains its teacher first, and finds it the next time", () =>
  inFolder(async (folder) => {
    const args = [...small, "--with", "distillation:5", "--out", folder];
    const first = await run("protect", ...args);
    assertStringIncludes(first.stdout, "Trained the teacher:");
    assertStringIncludes(first.stdout, "MLP with distillation:5");
    assertStringIncludes((await run("protect", ...args)).stdout, "Found the teacher:");
    const anew = await run("protect", ...args, "--fresh");
    assertStringIncludes(anew.stdout, "Trained the teacher:");
  }));

Deno.test("protect: another data set is loaded, by its own name", () =>
  inFolder(async (folder) => {
    // No mirror answers: what it asks for is told by the error.
    const nowhere = { LAB_DATA: folder, LAB_MIRRORS: "http://127.0.0.1:9/" };
    for (const spec of ["noise:0.1", "distillation:5"]) {
      const args = [...small, "--with", spec, "--dataset", "FashionMNIST", "--out", folder];
      const { code, stderr } = await ran(spawn("protect", args, nowhere));
      assertEquals(code, 1);
      assertStringIncludes(stderr, join(folder, "FashionMNIST", "train-images-idx3-ubyte.gz"));
    }
  }));

Deno.test("protect: wrong use gets a line and exit code 2", async () => {
  const refused: [args: string[], line: string][] = [
    [["MLP"], "--with must name protections"],
    [["MLP", "--with", "pgd:linf:2"], "epsilon must be in (0, 1]: current value is 2"],
    [["MLP", "--with", "magic"], "known are pgd"],
    [["MLP", "--with", "heated:20"], "heated is for teachers"],
    [["MLP", "--with", "decay:2000"], "the learning rate of 0.001 must be below 1"],
    [["MLP_bn", "--with", "interval:linf:0.1"], "current value is batchNorm"],
    [["MLP", "--with", "trades:linf:0.1+interval:linf:0.1"], "each replaces the loss"],
    [["VGG", "--with", "noise:0.1"], "NETWORK as it must be one of"],
  ];
  for (const [args, line] of refused) {
    const { code, stderr } = await run("protect", ...args);
    assertEquals(code, 2, stderr);
    assertStringIncludes(stderr, line);
  }
  const args = ["CNN", "--with", "gradient:1"];
  const slow = await ran(spawn("protect", args, { LAB_BACKEND: "cpu" }));
  assertEquals(slow.code, 2);
  assertStringIncludes(slow.stderr, "max-pools need TensorFlow's native part");
  const { protections } = JSON.parse((await run("protect", "--list", "--json")).stdout);
  assert(protections.some(({ usage }: { usage: string }) => usage === "noise:SIGMA"));
  assert(!protections.some(({ name }: { name: string }) => name === "heated"));
});

Deno.test("a protected network that is not there is named with the command that makes it", async () => {
  const error = await loadNetwork("CNN+pgd:linf:0.123").then(() => null, (error) => error);
  assertStringIncludes(
    error.message,
    "`deno task protect CNN --with pgd:linf:0.123 --save` makes it",
  );
});
