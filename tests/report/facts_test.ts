import { assertEquals, assertMatch } from "@std/assert";
import { join } from "node:path";
import { loadNetwork } from "$lib/network.ts";
import { facts } from "$lib/report/facts.ts";
import { readRows, type ResultRow, writeRows } from "$lib/results.ts";
import { sha256OfFile } from "$lib/results/weights.ts";
import { root } from "$lib/setup/paths.ts";

const row: ResultRow = {
  ...{ network: "CNN", weightsSha256: "c0ffee", dataset: "MNIST", subset: "test", image: 0 },
  ...{ label: 7, prediction: 7, reference: "label", p: 2, attack: "ddn", options: "{}" },
  ...{ found: false, minNorm: Infinity, adversarialClass: null, forwards: 1, backwards: 1 },
  ...{ seconds: 1, seed: 4, survives8bit: null, minNorm8bit: null, certifiedNorm: null },
  ...{ certificate: null, adversarial: null, foundBy: null, optimal: null },
};

async function sha256Of(name: string): Promise<string> {
  return await sha256OfFile(join(root, "models", `${name}.safetensors`));
}

Deno.test("facts() names the networks and tables that were read, by what they hold", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const [file, gone] = [join(folder, "norms.parquet"), join(folder, "gone.parquet")];
    const seeded = await sha256Of("seeds/1/CNN_d");
    const other = { ...row, image: 1, network: "CNN_d", weightsSha256: seeded };
    for (const path of [file, gone]) {
      await writeRows(path, [row, other]);
      await readRows(path);
    }
    await Deno.remove(gone);
    (await loadNetwork("MLP")).dispose();
    const { networks, tables, versions, cores } = await facts();
    assertEquals(networks.toSorted((a, b) => a.network < b.network ? -1 : 1), [
      { network: "CNN", weightsSha256: "c0ffee" },
      { network: "CNN_d", weightsSha256: seeded, seed: "1" },
      { network: "MLP", weightsSha256: await sha256Of("MLP"), seed: "0" },
    ]);
    assertEquals(tables.map(({ rows, seeds }) => ({ rows, seeds })), [{ rows: 2, seeds: [4] }]);
    assertMatch(tables[0]?.sha256 ?? "", /^[0-9a-f]{64}$/);
    assertEquals(versions["Deno"], Deno.version.deno);
    assertEquals(cores > 0, true);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
