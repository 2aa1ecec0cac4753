/**
 * `evaluate` as a real process, and the names that commands take.
 *
 * @module
 */
import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { join } from "node:path";
import { helpText, UsageError } from "$lib/cli/command.ts";
import { evaluateCommand } from "$lib/cli/evaluate.ts";
import { architectureName, namedNetwork, networkNames } from "$lib/cli/session.ts";
import { notesOf } from "$lib/evaluation/evaluate.ts";
import { protectedNames, tableOf } from "$lib/evaluation/names.ts";
import type { Cell, Duel } from "$lib/evaluation/worst_case.ts";
import { modelFile, seedFolder } from "$lib/models.ts";
import { readRows, rowsOf } from "$lib/results.ts";
import { run, signalWhen, spawn } from "./commands.ts";
import { inFolder } from "./in_folder.ts";

const network = "MLP+pgd:linf:0.1";

Deno.test("evaluate: killed between two norms it goes on, and computes what the table lacks", () =>
  inFolder(async (folder) => {
    const args = [network, "--images", "5000:5006", "--max-passes", "30", "--black-box", "0"];
    args.push("--norms", "inf,2", "--pictures", "4", "--out", folder, "--json");
    const file = tableOf(folder, network);
    const isHalf = async () => await rowsOf(file).catch(() => -1) >= 12;
    const killed = await signalWhen(spawn("evaluate", args), isHalf, "SIGKILL");
    assertEquals(killed.code, 137);
    const before = await readRows(file);
    assert(before.length >= 12 && before.length < 48, String(before.length));

    const resumed = await run("evaluate", ...args);
    assertEquals(resumed.code, 0, resumed.stderr);
    assertMatch(resumed.stderr, new RegExp(`${48 - before.length} results to compute`));
    const rows = await readRows(file);
    const keys = rows.map(({ p, attack, image }) => `${p} ${attack} ${image}`);
    assertEquals([rows.length, new Set(keys).size], [48, 48]);
    assertEquals(rows.slice(0, before.length), before);
    assertEquals(
      rows.filter(({ adversarial }) => adversarial).every(({ image }) => image < 5004),
      true,
    );

    const { cells, doubts, files } = JSON.parse(resumed.stdout);
    assertEquals([files.length, doubts[network].length], [1, 12]);
    const shown = cells.map((
      cell: Cell,
    ) => [cell.network, cell.p, cell.images, ...cell.duels.map((duel) => duel.attack)]);
    assertEquals(shown, ["inf", "2"].map((p) => [network, p, 6, "apgd", "apgd-dlr", "transfer"]));

    const verified = await run("verify", file, "--json");
    const { verified: confirmed, unwitnessed, failed } = JSON.parse(verified.stdout);
    assertEquals([failed, confirmed + unwitnessed], [[], 48]);
    assert(confirmed >= 12 && unwitnessed >= 8, `${confirmed}, ${unwitnessed}`);
  }));

Deno.test("evaluate: a try-out leaves the rows, pictures and notes that are there", () =>
  inFolder(async (folder) => {
    const file = tableOf(folder, network);
    const notes = notesOf(file);
    const args = (images: string, pictures: string) => [
      ...[network, "--images", images, "--pictures", pictures, "--norms", "1", "--json"],
      ...["--max-passes", "20", "--black-box", "0", "--out", folder],
    ];
    assertEquals((await run("evaluate", ...args("5000:5004", "4"))).code, 0);
    const [before, noted] = [await readRows(file), await Deno.readTextFile(notes)];
    assert(before.every(({ found, adversarial }) => !found || adversarial));

    // Two images of the first half, which keep none.
    const again = await run("evaluate", ...args("2", "0"));
    assertEquals(again.code, 0, again.stderr);
    assertEquals(JSON.parse(again.stdout).cells[0].images, 2);
    const after = await readRows(file);
    assertEquals(after.slice(0, before.length), before);
    assert(after.slice(before.length).every(({ adversarial }) => adversarial === null));
    assertEquals(await Deno.readTextFile(notes), noted);
  }));

Deno.test("evaluate --weights: a file's network, which verify finds again; only beside --out", () =>
  inFolder(async (folder) => {
    const file = join(folder, "own.safetensors");
    await Deno.copyFile(join(seedFolder(1), modelFile("MLP")), file);
    const args = ["--weights", file, "--images", "5000:5002", "--norms", "inf", "--json"];
    const few = ["--max-passes", "10", "--black-box", "0"];
    const lost = await run("evaluate", "MLP", ...args, ...few);
    assertEquals(lost.code, 2);
    assertMatch(lost.stderr, /: Cannot use --weights as --out DIR must be given/);

    const made = await run("evaluate", "mlp", ...args, ...few, "--out", folder);
    assertEquals(made.code, 0, made.stderr);
    // Beaten on the way: the network of models/ is another one, so its points are carried over.
    const attacks = JSON.parse(made.stdout).cells[0].duels.map(({ attack }: Duel) => attack);
    assertEquals(attacks, ["apgd", "apgd-dlr", "transfer"]);
    assertEquals((await run("verify", tableOf(folder, "MLP"))).code, 0);
  }));

Deno.test("evaluate --dataset: networks for another data set, or a line that says how to make one", () =>
  inFolder(async (folder) => {
    const { code, stderr } = await run(
      ...["evaluate", "MLP_bn", "--dataset", "FashionMNIST", "--out", folder] as const,
    );
    assertEquals(code, 1);
    assertMatch(stderr, /`deno task train MLP_bn --dataset FashionMNIST --save` makes it\n$/);
    assertEquals(tableOf("data", "MLP", "FashionMNIST"), join("data", "MLP-FashionMNIST.parquet"));
  }));

for (
  const [name, rule] of [
    ["MLP+bits:0", "bits must be"],
    ["CNN+resistance", "resistance must have logits"],
    ["CNN_d+squeeze", "threshold"],
  ] as const
) {
  Deno.test(`evaluate ${name} is wrong use, told before anything is computed`, () =>
    inFolder(async (folder) => {
      const { code, stderr } = await run("evaluate", "MLP", name, "--images", "9", "--out", folder);
      assertEquals(code, 2, stderr);
      assertMatch(stderr, new RegExp(rule));
      assertEquals([...Deno.readDirSync(folder)], []);
    }));
}

Deno.test("the help of evaluate keeps to 100 columns, and names all networks", async () => {
  const help = await helpText(evaluateCommand);
  assertEquals(help.split("\n").filter((line) => line.length > 100 || line.endsWith(" ")), []);
  const words = help.replaceAll("\n", " ");
  assert(words.includes(`Networks: ${(await networkNames()).join(", ")}.`));
});

Deno.test("networks trained with protections have names, whatever the spelling", async () => {
  assert((await networkNames()).includes(network));
  assertEquals(await namedNetwork("mlp+PGD:Linf:.10"), network);
  assertEquals(await namedNetwork("cnn_D"), "CNN_d");
});

Deno.test("what is not trained is refused in a line that says how to train it", async () => {
  await assertRejects(
    () => namedNetwork("MLP+pgd:linf:0.77"),
    UsageError,
    "current value is MLP+pgd:linf:0.77; " +
      "`deno task protect MLP --with pgd:linf:0.77 --save` makes it",
  );
  await assertRejects(() => namedNetwork("MLP+spell:3"), UsageError, "known are pgd");
  await assertRejects(() => namedNetwork("MLQ+pgd:linf:0.1"), UsageError, "Did you mean MLP?");
  await assertRejects(
    () => architectureName([network]),
    UsageError,
    "NETWORK as it must be one of",
  );
});

Deno.test("protectedNames() reads colons back from files' names, and leaves architectures alone", () =>
  inFolder(async (folder) => {
    assertEquals(await protectedNames(join(folder, "none")), []);
    for (
      const name of ["CNN_d+noise_0.5+decay_0.01.safetensors", "CNN+pgd_l2_2.safetensors", "x.svg"]
    ) {
      await Deno.writeTextFile(join(folder, name), "");
    }
    assertEquals(await protectedNames(folder), ["CNN+pgd:l2:2", "CNN_d+noise:0.5+decay:0.01"]);
    assertEquals(tableOf("data", "CNN+pgd:l2:2"), join("data", "CNN+pgd_l2_2.parquet"));
  }));
