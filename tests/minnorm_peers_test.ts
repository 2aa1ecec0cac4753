/**
 * What a change of the portfolio must not lose: peers' answers, image by image.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { assert, assertEquals } from "@std/assert";
import { MLP } from "$lib/architectures.ts";
import { test } from "$lib/loader.ts";
import { minNorm } from "$lib/minnorm.ts";
import { loadNetwork } from "$lib/network.ts";
import { formatP } from "$lib/numbers.ts";
import best from "./fixtures/peers/best.json" with { type: "json" };

const file = new URL("fixtures/peers/MLP.safetensors", import.meta.url);
const network = await loadNetwork(fileURLToPath(file), { architecture: MLP });

for (const p of [0, 1, 2, Infinity]) {
  Deno.test(`minNorm() is not above the best of a peer's attacks together (p ${formatP(p)})`, async () => {
    const peers = best[formatP(p) as keyof typeof best];
    const many = await test(peers.length);
    const found = await minNorm(network, many, { p, maxPasses: 1000 });
    const ours = found.map(({ found, norm }) => found ? norm : Infinity);
    const mean = (values: readonly number[]) => values.reduce((a, b) => a + b) / values.length;
    const factor = p === 0 ? 1 : 1.01;
    const good = ours.filter((norm, i) => norm <= factor * peers[i]!).length;
    assert(good >= 0.9 * peers.length, `${good} of ${peers.length}`);
    assert(mean(ours) <= mean(peers), `mean ${mean(ours)} and ${mean(peers)}`);
    peers.forEach((norm, i) => assertEquals(ours[i] === 0, norm === 0));
  });
}
