import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { architectures } from "$lib/architectures.ts";
import { backend, tf } from "$lib/backend.ts";
import { test } from "$lib/loader.ts";
import { modelFile, modelsFolder } from "$lib/models.ts";
import { loadNetwork, type Network } from "$lib/network.ts";
import { accuracy } from "$lib/trainer.ts";

/** What git says in models/. */
async function git(...args: string[]): Promise<Uint8Array> {
  const { success, stdout, stderr } = await new Deno.Command("git", { args, cwd: modelsFolder })
    .output();
  assert(success, new TextDecoder().decode(stderr));
  return stdout;
}

/** A network as committed or staged: `train --save` may have put the user's own in its place. */
async function committed(name: string): Promise<Network> {
  const file = await Deno.makeTempFile({ suffix: ".safetensors" });
  try {
    await Deno.writeFile(file, await git("show", `:./${name}.safetensors`));
    return await loadNetwork(file);
  } finally {
    await Deno.remove(file);
  }
}

/** Rows of the table in models/README.md: name, accuracy and test accuracy in percent. */
async function published(): Promise<[name: string, accuracy: number, testAccuracy: number][]> {
  const text = new TextDecoder().decode(await git("show", ":./README.md"));
  const rows = [...text.matchAll(/^\| (\w+) +\| ([\d.]+)[^|,]*\| ([\d.]+)/gm)];
  return rows.map(([, name, train, test]) => [name!, Number(train), Number(test)]);
}

Deno.test("models/README.md tells of each committed network", async () => {
  // Not all files there: `train --save` may have added some of the user's own.
  const files = new TextDecoder().decode(await git("ls-files")).trim().split("\n");
  const networks = files.filter((name) => /^\w+\.safetensors$/.test(name)); // seeds/ lists itself
  const told = (await published()).map(([name]) => `${name}.safetensors`);
  assertEquals(told.sort(), networks.sort());
});

Deno.test("each committed network is as accurate as models/README.md says", async (context) => {
  const digits = await test();
  for (const [name, trainPercent, testPercent] of await published()) {
    const slow = !backend.native && name !== "MLP";
    await context.step({
      name,
      ignore: slow,
      fn: async () => {
        const network = await committed(name);
        const { epochs, accuracy: train, testAccuracy } = network.metadata;
        // Another machine's rounding may move a digit that lies on the border.
        assertAlmostEquals(accuracy(network, digits), Number(testAccuracy), 2e-4);
        assertAlmostEquals(100 * Number(testAccuracy), testPercent, 0.005);
        assertAlmostEquals(100 * Number(train), trainPercent, 0.005);
        assertEquals(Number(epochs), architectures[name]!.epochs);
        network.dispose();
      },
    });
  }
  tf.dispose([digits.images, digits.labels]);
});

/** Rows of the table of protected networks: name, epochs, accuracy and test accuracy in percent. */
async function publishedProtected() {
  const text = new TextDecoder().decode(await git("show", ":./README.md"));
  const rows = [...text.matchAll(/^\| (\w+\+\S+) +\| (\d+) +\| ([\d.]+) +\| ([\d.]+)/gm)];
  return rows.map(([, name, ...figures]) => [name!, ...figures.map(Number)] as const);
}

Deno.test("models/README.md tells of each committed protected network, as its file does", async () => {
  const files = new TextDecoder().decode(await git("ls-files", "protected")).trim().split("\n");
  const rows = await publishedProtected();
  assertEquals(rows.map(([name]) => modelFile(name)).sort(), files.sort());
  for (const [name, ...figures] of rows) {
    const file = modelFile(name).replace(/\.safetensors$/, "");
    const network = await committed(file);
    const [epochs, train, test] = ["epochs", "accuracy", "testAccuracy"].map((key) =>
      Number(network.metadata[key])
    ) as [number, number, number];
    assertEquals([name, ...figures], [
      ...[network.name, epochs, Number((100 * train).toFixed(2)), Number((100 * test).toFixed(2))],
    ]);
    network.dispose();
  }
});

Deno.test("models/README.md tells of three trainings what their files do", async () => {
  const text = new TextDecoder().decode(await git("show", ":./README.md"));
  const three = String.raw`((?:[\d.]+, ){2}[\d.]+)`;
  const rows = [
    ...text.matchAll(new RegExp(String.raw`^\| (\S+) +\| ${three} +\| ${three}`, "gm")),
  ];
  const files = new TextDecoder().decode(await git("ls-files", "seeds/1")).trim().split("\n");
  assertEquals(rows.map(([, name]) => `seeds/1/${modelFile(name!)}`).sort(), files.sort());
  for (const [, name, ...told] of rows) {
    const folders = ["", "seeds/1/", "seeds/2/"];
    const metadata = await Promise.all(folders.map(async (folder) => {
      const network = await committed(folder + modelFile(name!).replace(/\.safetensors$/, ""));
      network.dispose();
      return network.metadata;
    }));
    assertEquals(metadata.map(({ seed }) => seed), ["0", "1", "2"]);
    const shares = ["accuracy", "testAccuracy"].map((key) =>
      metadata.map((one) => (100 * Number(one[key])).toFixed(2)).join(", ")
    );
    assertEquals(told, shares, name);
  }
});
