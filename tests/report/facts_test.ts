import { assertEquals, assertMatch } from "@std/assert";
import { join } from "node:path";
import { loadNetwork } from "$lib/network.ts";
import { facts } from "$lib/report/facts.ts";
import { readRows, type ResultRow, writeRows } from "$lib/results.ts";
import { readSafetensors, weightsSha256 } from "$lib/safetensors.ts";
import { root } from "$lib/setup/paths.ts";

const row: ResultRow = {
  ...{ network: "CNN", weightsSha256: "c0ffee", dataset: "MNIST", subset: "test", image: 0 },
  ...{ label: 7, prediction: 7, reference: "label", p: 2, attack: "ddn", options: "{}" },
  ...{ found: false, minNorm: Infinity, adversarialClass: null, forwards: 1, backwards: 1 },
  ...{ seconds: 1, seed: 4, survives8bit: null, minNorm8bit: null, certifiedNorm: null },
  ...{ certificate: null, adversarial: null, foundBy: null },
};

Deno.test("facts() names the networks and tables that were read, by what they hold", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const [file, gone] = [join(folder, "norms.parquet"), join(folder, "gone.parquet")];
    for (const path of [file, gone]) {
      await writeRows(path, [row, { ...row, image: 1 }]);
      await readRows(path);
    }
    await Deno.remove(gone);
    (await loadNetwork("MLP")).dispose();
    const { networks, tables, versions, cores } = await facts();
    const { tensors } = await readSafetensors(join(root, "models", "MLP.safetensors"));
    assertEquals(networks.toSorted((a, b) => a.network < b.network ? -1 : 1), [
      { network: "CNN", weightsSha256: "c0ffee" },
      { network: "MLP", weightsSha256: await weightsSha256(tensors), seed: "0" },
    ]);
    assertEquals(tables.map(({ rows, seeds }) => ({ rows, seeds })), [{ rows: 2, seeds: [4] }]);
    assertMatch(tables[0]?.sha256 ?? "", /^[0-9a-f]{64}$/);
    assertEquals(versions["Deno"], Deno.version.deno);
    assertEquals(cores > 0, true);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
